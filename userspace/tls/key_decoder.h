// SPDX-License-Identifier: Apache-2.0
// Private keys out of DER, quickly.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tls/certificates.h"

using OSSL_DECODER_CTX = struct ossl_decoder_ctx_st;

namespace koi {

// OpenSSL takes 0.4 ms to find out who could decode a key, and 0.03 ms to have it decoded: whoever
// has many keys to read keeps one of these. Not to be moved: OpenSSL has the address of a member.
class KeyDecoder {
 public:
  KeyDecoder();
  KeyDecoder(const KeyDecoder&) = delete;
  KeyDecoder& operator=(const KeyDecoder&) = delete;

  // InvalidArgument with OpenSSL's words when it is none.
  absl::StatusOr<std::unique_ptr<EVP_PKEY, FreeKey>> Decode(absl::string_view der);

 private:
  struct Free {
    void operator()(OSSL_DECODER_CTX* context) const;
  };
  EVP_PKEY* decoded_ = nullptr;
  std::unique_ptr<OSSL_DECODER_CTX, Free> context_;
};

}  // namespace koi
