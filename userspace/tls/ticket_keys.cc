// SPDX-License-Identifier: Apache-2.0
// Keys by chance, or by HKDF from a secret and the number of an epoch.
#include "tls/ticket_keys.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace koi {
namespace {

constexpr char kTicketFormat[] = "koi tickets 1";
constexpr size_t kKeyBytes = 16 + 32 + 32;

struct FreeKeyContext {
  void operator()(EVP_PKEY_CTX* context) const { ::EVP_PKEY_CTX_free(context); }
};

const unsigned char* Unsigned(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// RFC 5869, SHA-256.
std::string Hkdf(absl::string_view secret, absl::string_view info, size_t bytes) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeKeyContext> context(
      ::EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::string out(bytes, '\0');
  KOI_CHECK(
      context != nullptr && ::EVP_PKEY_derive_init(context.get()) == 1 &&
      ::EVP_PKEY_CTX_set_hkdf_md(context.get(), ::EVP_sha256()) == 1 &&
      ::EVP_PKEY_CTX_set1_hkdf_key(context.get(), Unsigned(secret),
                                   static_cast<int>(secret.size())) == 1 &&
      ::EVP_PKEY_CTX_add1_hkdf_info(context.get(), Unsigned(info), static_cast<int>(info.size())) ==
          1 &&
      ::EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), &bytes) == 1);
  return out;
}

TicketKey KeyFrom(absl::string_view bytes) {
  TicketKey key;
  const uint8_t* at = Unsigned(bytes);
  std::copy_n(at, key.name.size(), key.name.begin());
  at += key.name.size();
  std::copy_n(at, key.cipher.size(), key.cipher.begin());
  at += key.cipher.size();
  std::copy_n(at, key.mac.size(), key.mac.begin());
  return key;
}

TicketKey RandomKey() {
  unsigned char bytes[kKeyBytes];
  KOI_CHECK(::RAND_bytes(bytes, sizeof(bytes)) == 1);
  return KeyFrom({reinterpret_cast<const char*>(bytes), sizeof(bytes)});
}

template <size_t kBytes>
absl::string_view Text(const std::array<uint8_t, kBytes>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string EncodeTicketKeys(const TicketKeys& keys) {
  ByteWriter writer;
  for (const TicketKey* key : {&keys.previous, &keys.current, &keys.next}) {
    writer.Bytes(Text(key->name));
    writer.Bytes(Text(key->cipher));
    writer.Bytes(Text(key->mac));
  }
  return writer.Take();
}

absl::StatusOr<TicketKeys> DecodeTicketKeys(absl::string_view bytes) {
  if (bytes.size() != 3 * kKeyBytes) return absl::DataLossError("these are no ticket keys");
  return TicketKeys{.previous = KeyFrom(bytes),
                    .current = KeyFrom(bytes.substr(kKeyBytes)),
                    .next = KeyFrom(bytes.substr(2 * kKeyBytes))};
}

TicketKeyring::TicketKeyring(absl::string_view secret, Duration rotation, int64_t now_s)
    : secret_(secret),
      rotation_s_(std::max<int64_t>(1, ToMilliseconds(rotation) / 1000)),
      epoch_(now_s / rotation_s_) {
  keys_ = {.previous = KeyOf(epoch_ - 1), .current = KeyOf(epoch_), .next = KeyOf(epoch_ + 1)};
}

TicketKeyring TicketKeyring::Shared(absl::string_view secret, Duration rotation, int64_t now_s) {
  return TicketKeyring(secret, rotation, now_s);
}

TicketKeyring TicketKeyring::Random(Duration rotation, int64_t now_s) {
  return TicketKeyring("", rotation, now_s);
}

TicketKeyring TicketKeyring::Continue(absl::string_view encoded, absl::string_view secret,
                                      Duration rotation, int64_t now_s) {
  TicketKeyring ring(secret, rotation, now_s);
  ByteReader reader(encoded);
  const absl::string_view format = reader.Bytes(sizeof(kTicketFormat) - 1);
  const auto rotation_s = static_cast<int64_t>(reader.U64());
  const auto epoch = static_cast<int64_t>(reader.U64());
  const absl::StatusOr<TicketKeys> keys = DecodeTicketKeys(reader.Bytes(3 * kKeyBytes));
  const bool was_random = reader.rest().empty();
  if (!reader.ok() || format != kTicketFormat || !keys.ok() || !secret.empty() || !was_random ||
      rotation_s != ring.rotation_s_) {
    return ring;
  }
  ring.epoch_ = epoch;
  ring.keys_ = *keys;
  (void)ring.Advance(now_s);
  return ring;
}

bool TicketKeyring::Advance(int64_t now_s) {
  const int64_t epoch = now_s / rotation_s_;
  if (epoch == epoch_ || (secret_.empty() && epoch < epoch_)) return false;
  if (!secret_.empty() || epoch > epoch_ + 2) {
    keys_ = {.previous = KeyOf(epoch - 1), .current = KeyOf(epoch), .next = KeyOf(epoch + 1)};
  } else {
    for (int64_t step = epoch_; step < epoch; ++step) {
      keys_ = {.previous = keys_.current, .current = keys_.next, .next = RandomKey()};
    }
  }
  epoch_ = epoch;
  return true;
}

std::string TicketKeyring::Encode() const {
  ByteWriter writer;
  writer.Bytes(kTicketFormat);
  writer.U64(static_cast<uint64_t>(rotation_s_));
  writer.U64(static_cast<uint64_t>(epoch_));
  writer.Bytes(EncodeTicketKeys(keys_));
  if (!secret_.empty()) writer.U8(1);  // these are not to be continued: they come from the secret
  return writer.Take();
}

TicketKey TicketKeyring::KeyOf(int64_t epoch) const {
  if (secret_.empty()) return RandomKey();
  ByteWriter info;
  info.Bytes("koi session ticket key");
  info.U64(static_cast<uint64_t>(rotation_s_));
  info.U64(static_cast<uint64_t>(epoch));
  return KeyFrom(Hkdf(secret_, info.bytes(), kKeyBytes));
}

}  // namespace koi
