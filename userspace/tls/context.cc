// SPDX-License-Identifier: Apache-2.0
// SSL_CTX: what koi offers.
#include "tls/context.h"

#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tls/certificates.h"
#include "tls/error.h"
#include "tls/kdf_provider.h"

namespace koi {
namespace {

constexpr char kTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kTls13Ciphers[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";

// Chooses "http/1.1". A client that offers others alone is told so (RFC 7301 3.2) instead of being
// sent something it cannot read.
int ChooseHttp1(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                const unsigned char* offered, unsigned int offered_bytes, void*) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int result = ::SSL_select_next_proto(&found, chosen_bytes, kHttp1, sizeof(kHttp1) - 1,
                                             offered, offered_bytes);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// None of these can fail with the constants above.
void SetPolicy(SSL_CTX* context) {
  KOI_CHECK(::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  KOI_CHECK(::SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1);
  KOI_CHECK(::SSL_CTX_set_ciphersuites(context, kTls13Ciphers) == 1);
  KOI_CHECK(::SSL_CTX_set1_groups_list(context, kGroups) == 1);
  // A client's order counts: it knows whether it has hardware for AES. Renegotiation is the
  // client's lever on our CPU.
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Sessions live in tickets alone: a cache in this process is of no use when the client returns to
  // another CPU. One ticket a handshake: each costs a write.
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  KOI_CHECK(::SSL_CTX_set_num_tickets(context, 1) == 1);
  // Writes may be partial and repeated from a buffer that has moved; idle connections hold no
  // buffers.
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
  // One recv(2) for a record instead of two. Safe because Stream reads until nothing is left.
  ::SSL_CTX_set_read_ahead(context, 1);
}

}  // namespace

void TlsContext::Prepare() {
  KOI_CHECK(::OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                                   OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                               nullptr) == 1);
  // Its methods are fetched, its random number generators seeded.
  TlsContext discarded;
  discarded.context_.reset(::SSL_CTX_new_ex(nullptr, TlsPropertyQuery(), ::TLS_server_method()));
  KOI_CHECK(discarded.context_ != nullptr);
  SetPolicy(discarded.get());
}

void TlsContext::Free::operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }

absl::StatusOr<TlsContext> TlsContext::Create(absl::string_view chain_pem,
                                              absl::string_view key_pem, TlsProtocol protocol) {
  KOI_ASSIGN_OR_RETURN(const ParsedCertificate parsed, ParseCertificate(chain_pem, key_pem));
  TlsContext created;
  created.context_.reset(::SSL_CTX_new_ex(nullptr, TlsPropertyQuery(), ::TLS_server_method()));
  KOI_CHECK(created.context_ != nullptr);  // out of memory
  SSL_CTX* context = created.get();
  SetPolicy(context);
  switch (protocol) {
    case TlsProtocol::kHttp1: ::SSL_CTX_set_alpn_select_cb(context, ChooseHttp1, nullptr); break;
    case TlsProtocol::kAny:
      // Many clients leave without close_notify. Their last bytes must arrive all the same, and
      // what is spoken inside knows its own end or has always lived with TCP's.
      ::SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
      break;
  }
  if (::SSL_CTX_use_certificate(context, parsed.chain[0].get()) != 1 ||
      ::SSL_CTX_use_PrivateKey(context, parsed.key.get()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("OpenSSL refuses the certificate: ", TakeTlsError()));
  }
  for (size_t i = 1; i < parsed.chain.size(); ++i) {
    KOI_CHECK(::SSL_CTX_add1_chain_cert(context, parsed.chain[i].get()) == 1);
  }
  created.warning_ = ValidityWarning(parsed);
  return created;
}

}  // namespace koi
