// SPDX-License-Identifier: Apache-2.0
// koi's TLS13-KDF against RFC 8448 and OpenSSL's own.
#include "tls/kdf_provider.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <random>
#include <string>

#include "absl/strings/escaping.h"

namespace koi {
namespace {

struct Derivation {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string digest = "SHA2-256";
  std::string key = {};
  std::string salt = {};  // of EXTRACT_ONLY; "": none, as without a key
  std::string label = {};
  std::string data = {};
  size_t bytes = 32;
};

// In hexadecimal; "": refused.
std::string Derive(const char* provider, Derivation input) {
  EVP_KDF* kdf = ::EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, provider);
  if (kdf == nullptr) return "no such provider";
  EVP_KDF_CTX* context = ::EVP_KDF_CTX_new(kdf);
  ::EVP_KDF_free(kdf);
  std::string prefix = "tls13 ";
  const auto octets = [](const char* name, std::string& value) {
    return ::OSSL_PARAM_construct_octet_string(name, value.data(), value.size());
  };
  OSSL_PARAM params[8];
  OSSL_PARAM* next = params;
  *next++ = ::OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &input.mode);
  *next++ = ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, input.digest.data(), 0);
  if (!input.key.empty()) *next++ = octets(OSSL_KDF_PARAM_KEY, input.key);
  if (!input.salt.empty()) *next++ = octets(OSSL_KDF_PARAM_SALT, input.salt);
  *next++ = octets(OSSL_KDF_PARAM_PREFIX, prefix);
  *next++ = octets(OSSL_KDF_PARAM_LABEL, input.label);
  if (!input.data.empty()) *next++ = octets(OSSL_KDF_PARAM_DATA, input.data);
  *next = ::OSSL_PARAM_construct_end();
  std::string out(input.bytes, '\0');
  const int result =
      ::EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), out.size(), params);
  ::EVP_KDF_CTX_free(context);
  return result == 1 ? absl::BytesToHexString(out) : "";
}

std::string Bytes(const std::string& hex) { return absl::HexStringToBytes(hex); }

class KdfProviderTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(LoadKdfProvider().ok()) << LoadKdfProvider(); }
  static std::string Koi(const Derivation& input) { return Derive("provider=koi", input); }
};

// RFC 8448 section 3, "Simple 1-RTT Handshake".
TEST_F(KdfProviderTest, FollowsTheScheduleOfRfc8448) {
  const std::string early = Koi({.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .label = "derived"});
  EXPECT_EQ(early, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  const std::string handshake =
      Koi({.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
           .key = Bytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
           .salt = Bytes(early),
           .label = "derived"});
  EXPECT_EQ(handshake, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
  const std::string hello_hash =
      Bytes("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
  EXPECT_EQ(Koi({.key = Bytes(handshake), .label = "c hs traffic", .data = hello_hash}),
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
  const std::string server =
      Koi({.key = Bytes(handshake), .label = "s hs traffic", .data = hello_hash});
  EXPECT_EQ(server, "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
  EXPECT_EQ(Koi({.key = Bytes(server), .label = "key", .bytes = 16}),
            "3fce516009c21727d0f2e4e86ee403bc");
  EXPECT_EQ(Koi({.key = Bytes(server), .label = "iv", .bytes = 12}), "5d313eb2671276ee13000b30");
  EXPECT_EQ(
      Koi({.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .salt = Bytes(handshake), .label = "derived"}),
      "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
}

TEST_F(KdfProviderTest, AgreesWithOpenSslOnWhateverComes) {
  std::mt19937 random(8448);
  const auto some = [&](size_t most) {
    std::string bytes(random() % (most + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  for (int turn = 0; turn < 500; ++turn) {
    SCOPED_TRACE(turn);
    Derivation input;
    input.digest = random() % 2 == 0 ? "SHA2-256" : "SHA2-384";
    const size_t digest_bytes = input.digest == "SHA2-256" ? 32 : 48;
    input.mode = random() % 2 == 0 ? EVP_KDF_HKDF_MODE_EXPAND_ONLY : EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    input.key = some(200);
    input.salt = some(input.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY ? 150 : 0);
    input.label = some(20);
    input.data = some(64);
    input.bytes = input.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY ? 1 + random() % 200 : digest_bytes;
    if (input.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && input.key.empty()) input.key = "k";
    const std::string ours = Koi(input);
    EXPECT_FALSE(ours.empty());
    EXPECT_EQ(ours, Derive("provider=default", input));
  }
}

TEST_F(KdfProviderTest, RefusesWhatIsNoTls13) {
  EXPECT_EQ(Koi({.digest = "SHA1", .key = "secret", .label = "key"}), "");
  EXPECT_EQ(Koi({.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, .key = "secret"}), "");
  EXPECT_EQ(Koi({.label = "key"}), "");
  EXPECT_EQ(Koi({.key = "secret", .label = std::string(256, 'x')}), "");
}

TEST_F(KdfProviderTest, AllElseStaysOpenSsls) {
  EXPECT_STREQ(TlsPropertyQuery(), "?provider=koi");
  EVP_MD* digest = ::EVP_MD_fetch(nullptr, "SHA256", TlsPropertyQuery());
  EXPECT_NE(digest, nullptr);
  ::EVP_MD_free(digest);
  EVP_KDF* hkdf = ::EVP_KDF_fetch(nullptr, "HKDF", TlsPropertyQuery());
  EXPECT_NE(hkdf, nullptr);
  ::EVP_KDF_free(hkdf);
}

}  // namespace
}  // namespace koi
