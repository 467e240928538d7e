// SPDX-License-Identifier: Apache-2.0
// OSSL_DECODER.
#include "tls/key_decoder.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "tls/error.h"

namespace koi {

void KeyDecoder::Free::operator()(OSSL_DECODER_CTX* context) const {
  ::OSSL_DECODER_CTX_free(context);
}

KeyDecoder::KeyDecoder()
    : context_(::OSSL_DECODER_CTX_new_for_pkey(&decoded_, "DER", nullptr, nullptr, EVP_PKEY_KEYPAIR,
                                               nullptr, nullptr)) {
  KOI_CHECK(context_ != nullptr);  // out of memory
}

absl::StatusOr<std::unique_ptr<EVP_PKEY, FreeKey>> KeyDecoder::Decode(absl::string_view der) {
  ::ERR_clear_error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  size_t left = der.size();
  const int result = ::OSSL_DECODER_from_data(context_.get(), &bytes, &left);
  std::unique_ptr<EVP_PKEY, FreeKey> key(std::exchange(decoded_, nullptr));
  const std::string why = TakeTlsError();
  if (result == 1 && key != nullptr) return key;
  return absl::InvalidArgumentError(absl::StrCat("the private key cannot be read: ", why));
}

}  // namespace koi
