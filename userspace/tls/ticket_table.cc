// SPDX-License-Identifier: Apache-2.0
// OpenSSL's callback for tickets.
#include "tls/ticket_table.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "base/check.h"

namespace koi {
namespace {

constexpr int kFailed = -1;
constexpr int kUnknown = 0;
constexpr int kKnown = 1;
constexpr int kKnownAndRenewed = 2;

// Where contexts have their table.
int TablePlace() {
  static const int place = ::SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

bool SetMacKey(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()),
                                          key.mac.size()),
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      ::OSSL_PARAM_construct_end()};
  return ::EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

// Where OpenSSL calls.
struct TicketCallback {
  static int Encrypt(const TicketTable& table, unsigned char* name, unsigned char* iv,
                     EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    const TicketKey& key = table.keys_.current;
    std::copy(key.name.begin(), key.name.end(), name);
    if (::RAND_bytes(iv, ::EVP_CIPHER_get_iv_length(table.cipher_.get())) != 1) return kFailed;
    return ::EVP_EncryptInit_ex2(cipher, table.cipher_.get(), key.cipher.data(), iv, nullptr) ==
                       1 &&
                   SetMacKey(mac, key)
               ? kKnown
               : kFailed;
  }

  static int Decrypt(const TicketTable& table, SSL* ssl, const unsigned char* name,
                     const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    const TicketKeys& keys = table.keys_;
    for (const TicketKey* key : {&keys.current, &keys.previous, &keys.next}) {
      if (!std::equal(key->name.begin(), key->name.end(), name)) continue;
      if (::EVP_DecryptInit_ex2(cipher, table.cipher_.get(), key->cipher.data(), iv, nullptr) !=
              1 ||
          !SetMacKey(mac, *key)) {
        return kFailed;
      }
      // TLS 1.3 clients use a ticket once (RFC 8446 C.4): each resumption needs another.
      const bool renew = key == &keys.previous || ::SSL_version(ssl) == TLS1_3_VERSION;
      return renew ? kKnownAndRenewed : kKnown;
    }
    return kUnknown;
  }

  static int Call(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac, int encrypts) {
    const auto& table = *static_cast<const TicketTable*>(
        ::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(ssl), TablePlace()));
    return encrypts == 1 ? Encrypt(table, name, iv, cipher, mac)
                         : Decrypt(table, ssl, name, iv, cipher, mac);
  }
};

void TicketTable::Free::operator()(EVP_CIPHER* cipher) const { ::EVP_CIPHER_free(cipher); }

TicketTable::TicketTable()
    : keys_(TicketKeyring::Random(std::chrono::hours(1), 0).keys()),
      cipher_(::EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {
  KOI_CHECK(cipher_ != nullptr);
}

void TicketTable::UseIn(SSL_CTX* context) {
  KOI_CHECK(::SSL_CTX_set_ex_data(context, TablePlace(), this) == 1);
  KOI_CHECK(::SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TicketCallback::Call) == 1);
}

}  // namespace koi
