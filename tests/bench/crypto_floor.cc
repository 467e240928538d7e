// SPDX-License-Identifier: Apache-2.0
// Times single operations of OpenSSL.
#include "bench/crypto_floor.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <thread>

#include "base/check.h"

namespace koi::bench {
namespace {

constexpr int kBatches = 12;
constexpr int64_t kBatchNs = 8'000'000;

struct FreeEvp {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};
template <typename T>
using Evp = std::unique_ptr<T, FreeEvp>;

int64_t ThreadCpuNs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

double LeastMicroseconds(const std::function<void()>& operation) {
  double least = 1e9;
  for (int batch = 0; batch < kBatches; ++batch) {
    const int64_t start = ThreadCpuNs();
    int64_t spent = 0;
    int count = 0;
    for (; spent < kBatchNs; spent = ThreadCpuNs() - start, ++count) operation();
    least = std::min(least, static_cast<double>(spent) / 1000 / count);
  }
  return least;
}

double Sign(EVP_PKEY* key) {
  return LeastMicroseconds([key] {
    const std::array<unsigned char, 130> text = {};
    std::array<unsigned char, 512> signature;
    size_t bytes = signature.size();
    const Evp<EVP_MD_CTX> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    KOI_CHECK(EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, key) == 1);
    if (EVP_PKEY_is_a(key, "RSA") == 1)
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    KOI_CHECK(EVP_DigestSign(context.get(), signature.data(), &bytes, text.data(), text.size()) ==
              1);
  });
}

double Derive(EVP_PKEY* ours, EVP_PKEY* theirs) {
  return LeastMicroseconds([=] {
    std::array<unsigned char, 32> secret;
    size_t bytes = secret.size();
    const Evp<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(ours, nullptr));
    KOI_CHECK(EVP_PKEY_derive_init(context.get()) == 1 &&
              EVP_PKEY_derive_set_peer(context.get(), theirs) == 1 &&
              EVP_PKEY_derive(context.get(), secret.data(), &bytes) == 1);
  });
}

// One HKDF-Expand-Label as libssl asks for it, 21 of which are in a handshake.
double ExpandLabel() {
  return LeastMicroseconds([] {
    std::array<unsigned char, 32> secret = {};
    std::array<unsigned char, 32> out;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    char prefix[] = "tls13 ";
    char label[] = "s hs traffic";
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 7> parameters = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, sizeof(prefix) - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label, sizeof(label) - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA, secret.data(), secret.size()),
        OSSL_PARAM_construct_end()};
    const Evp<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr));
    const Evp<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
    KOI_CHECK(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1);
  });
}

}  // namespace

std::vector<std::pair<std::string, double>> CryptoFloor(int cpu) {
  std::vector<std::pair<std::string, double>> floor;
  std::thread([&] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
    const Evp<EVP_PKEY> x25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
    const Evp<EVP_PKEY> peer(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
    const Evp<EVP_PKEY> ecdsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    const Evp<EVP_PKEY> rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048}));
    floor.emplace_back("x25519_keygen", LeastMicroseconds([] {
                         const Evp<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
                       }));
    floor.emplace_back("x25519_derive", Derive(x25519.get(), peer.get()));
    floor.emplace_back("ecdsa_p256_sign", Sign(ecdsa.get()));
    floor.emplace_back("rsa_2048_sign", Sign(rsa.get()));
    floor.emplace_back("tls13_kdf", ExpandLabel());
  }).join();
  return floor;
}

}  // namespace koi::bench
