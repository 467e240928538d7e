// SPDX-License-Identifier: Apache-2.0
// RFC 8446 7.1 over SHA-256 and SHA-384, as an OpenSSL provider.
#include "tls/kdf_provider.h"

// The hash functions themselves, without EVP: what this file is for.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tls/error.h"

namespace koi {
namespace {

struct Sha256 {
  static constexpr size_t kBytes = SHA256_DIGEST_LENGTH;
  static constexpr size_t kBlock = SHA256_CBLOCK;
  static constexpr absl::string_view kOfNothing =
      "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
      "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55";
  Sha256() { ::SHA256_Init(&state); }
  void Add(absl::string_view bytes) { ::SHA256_Update(&state, bytes.data(), bytes.size()); }
  void End(unsigned char* out) { ::SHA256_Final(out, &state); }
  SHA256_CTX state;
};

struct Sha384 {
  static constexpr size_t kBytes = SHA384_DIGEST_LENGTH;
  static constexpr size_t kBlock = SHA512_CBLOCK;
  static constexpr absl::string_view kOfNothing =
      "\x38\xb0\x60\xa7\x51\xac\x96\x38\x4c\xd9\x32\x7e\xb1\xb1\xe3\x6a"
      "\x21\xfd\xb7\x11\x14\xbe\x07\x43\x4c\x0c\xc7\xbf\x63\xf6\xe1\xda"
      "\x27\x4e\xde\xbf\xe7\x6f\x65\xfb\xd5\x1a\xd2\xf1\x48\x98\xb9\x5b";
  Sha384() { ::SHA384_Init(&state); }
  void Add(absl::string_view bytes) { ::SHA384_Update(&state, bytes.data(), bytes.size()); }
  void End(unsigned char* out) { ::SHA384_Final(out, &state); }
  SHA512_CTX state;
};

absl::string_view View(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// RFC 2104. Its state is wiped: it is made of the key.
template <typename Hash>
class Hmac {
 public:
  explicit Hmac(absl::string_view key) {
    unsigned char block[Hash::kBlock] = {};
    if (key.size() > Hash::kBlock) {
      Hash hash;
      hash.Add(key);
      hash.End(block);
    } else if (!key.empty()) {
      std::memcpy(block, key.data(), key.size());
    }
    for (unsigned char& byte : block) byte ^= 0x36;
    inner_.Add(View(block, sizeof(block)));
    for (unsigned char& byte : block) byte ^= 0x36 ^ 0x5c;
    outer_.Add(View(block, sizeof(block)));
    ::OPENSSL_cleanse(block, sizeof(block));
  }
  ~Hmac() {
    ::OPENSSL_cleanse(&inner_, sizeof(inner_));
    ::OPENSSL_cleanse(&outer_, sizeof(outer_));
  }
  void Add(absl::string_view bytes) { inner_.Add(bytes); }
  void End(unsigned char* out) {
    inner_.End(out);
    outer_.Add(View(out, Hash::kBytes));
    outer_.End(out);
  }

 private:
  Hash inner_;
  Hash outer_;
};

// What a derivation is given.
struct Input {
  int mode = -1;
  absl::string_view digest;
  absl::string_view key;
  absl::string_view salt;
  absl::string_view prefix;
  absl::string_view label;
  absl::string_view data;
  bool has_key = false;
  bool has_salt = false;
};

// HKDF-Expand-Label.
template <typename Hash>
bool Expand(const Input& input, absl::string_view secret, absl::string_view data,
            unsigned char* out, size_t size) {
  const size_t label_bytes = input.prefix.size() + input.label.size();
  if (label_bytes > 255 || data.size() > 255 || size > 255 * Hash::kBytes) return false;
  unsigned char block[Hash::kBytes];
  for (size_t done = 0, round = 1; done < size; done += Hash::kBytes, ++round) {
    Hmac<Hash> hmac(secret);
    if (round > 1) hmac.Add(View(block, sizeof(block)));
    const unsigned char head[] = {static_cast<unsigned char>(size >> 8),
                                  static_cast<unsigned char>(size),
                                  static_cast<unsigned char>(label_bytes)};
    hmac.Add(View(head, sizeof(head)));
    hmac.Add(input.prefix);
    hmac.Add(input.label);
    const unsigned char data_bytes = static_cast<unsigned char>(data.size());
    hmac.Add(View(&data_bytes, 1));
    hmac.Add(data);
    const unsigned char counter = static_cast<unsigned char>(round);
    hmac.Add(View(&counter, 1));
    hmac.End(block);
    std::memcpy(out + done, block, std::min(Hash::kBytes, size - done));
  }
  ::OPENSSL_cleanse(block, sizeof(block));
  return true;
}

// The next secret of the schedule: HKDF-Extract, salted with what is derived from the last one.
template <typename Hash>
bool Extract(const Input& input, unsigned char* out, size_t size) {
  static constexpr char kZeros[Hash::kBytes] = {};
  if (size != Hash::kBytes) return false;
  unsigned char salt[Hash::kBytes];
  size_t salt_bytes = 0;
  if (input.has_salt) {
    if (!Expand<Hash>(input, input.salt, Hash::kOfNothing, salt, sizeof(salt))) return false;
    salt_bytes = sizeof(salt);
  }
  Hmac<Hash> hmac(View(salt, salt_bytes));
  hmac.Add(input.has_key ? input.key : absl::string_view(kZeros, sizeof(kZeros)));
  hmac.End(out);
  ::OPENSSL_cleanse(salt, sizeof(salt));
  return true;
}

template <typename Hash>
bool DeriveWith(const Input& input, unsigned char* out, size_t size) {
  switch (input.mode) {
    case EVP_KDF_HKDF_MODE_EXPAND_ONLY:
      return input.has_key && Expand<Hash>(input, input.key, input.data, out, size);
    case EVP_KDF_HKDF_MODE_EXTRACT_ONLY: return Extract<Hash>(input, out, size);
    default: return false;
  }
}

bool ReadMode(const OSSL_PARAM& param, int& mode) {
  if (param.data_type != OSSL_PARAM_UTF8_STRING) return ::OSSL_PARAM_get_int(&param, &mode) == 1;
  const absl::string_view name(static_cast<const char*>(param.data), param.data_size);
  if (absl::EqualsIgnoreCase(name, "EXTRACT_ONLY")) mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  if (absl::EqualsIgnoreCase(name, "EXPAND_ONLY")) mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  return true;
}

bool ReadInput(const OSSL_PARAM* params, Input& input) {
  if (params == nullptr) return false;
  for (const OSSL_PARAM* param = params; param->key != nullptr; ++param) {
    const absl::string_view name = param->key;
    const absl::string_view value(static_cast<const char*>(param->data), param->data_size);
    if (name == OSSL_KDF_PARAM_MODE) {
      if (!ReadMode(*param, input.mode)) return false;
    } else if (name == OSSL_KDF_PARAM_DIGEST) {
      input.digest = value;
    } else if (name == OSSL_KDF_PARAM_KEY) {
      input.key = value;
      input.has_key = true;
    } else if (name == OSSL_KDF_PARAM_SALT) {
      input.salt = value;
      input.has_salt = true;
    } else if (name == OSSL_KDF_PARAM_PREFIX) {
      input.prefix = value;
    } else if (name == OSSL_KDF_PARAM_LABEL) {
      input.label = value;
    } else if (name == OSSL_KDF_PARAM_DATA) {
      input.data = value;
    }
  }
  return true;
}

// All parameters come with the derivation, as libssl gives them: a context holds nothing.
int Derive(void*, unsigned char* out, size_t size, const OSSL_PARAM params[]) {
  Input input;
  if (!ReadInput(params, input)) return 0;
  if (input.digest == "SHA2-256" || input.digest == "SHA256") {
    return DeriveWith<Sha256>(input, out, size) ? 1 : 0;
  }
  if (input.digest == "SHA2-384" || input.digest == "SHA384") {
    return DeriveWith<Sha384>(input, out, size) ? 1 : 0;
  }
  return 0;
}

// A context must be something.
char no_context;
void* NewContext(void*) { return &no_context; }
void FreeContext(void*) {}

template <typename Function>
constexpr OSSL_DISPATCH Entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_DISPATCH kKdfFunctions[] = {Entry(OSSL_FUNC_KDF_NEWCTX, NewContext),
                                       Entry(OSSL_FUNC_KDF_FREECTX, FreeContext),
                                       Entry(OSSL_FUNC_KDF_DERIVE, Derive),
                                       {0, nullptr}};
const OSSL_ALGORITHM kKdfs[] = {
    {OSSL_KDF_NAME_TLS1_3_KDF, "provider=koi", kKdfFunctions, "RFC 8446 7.1"},
    {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM* Query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  return operation == OSSL_OP_KDF ? kKdfs : nullptr;
}

const OSSL_DISPATCH kProviderFunctions[] = {Entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, Query),
                                            {0, nullptr}};

int BeginProvider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions,
                  void** context) {
  *functions = kProviderFunctions;
  *context = &no_context;
  return 1;
}

// For the life of the process.
OSSL_PROVIDER* standard_provider = nullptr;
OSSL_PROVIDER* kdf_provider = nullptr;

}  // namespace

absl::Status LoadKdfProvider() {
  if (kdf_provider != nullptr) return absl::OkStatus();
  // A provider that is loaded by name switches off what OpenSSL loads by itself.
  if (standard_provider == nullptr) standard_provider = ::OSSL_PROVIDER_load(nullptr, "default");
  if (standard_provider != nullptr &&
      ::OSSL_PROVIDER_add_builtin(nullptr, "koi", BeginProvider) == 1) {
    kdf_provider = ::OSSL_PROVIDER_load(nullptr, "koi");
  }
  if (kdf_provider != nullptr) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("OpenSSL does not take koi's TLS13-KDF: ", TakeTlsError()));
}

const char* TlsPropertyQuery() { return kdf_provider != nullptr ? "?provider=koi" : nullptr; }

}  // namespace koi
