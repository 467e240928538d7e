// SPDX-License-Identifier: Apache-2.0
// SSL_CTX: what koi offers.
#include "tls/context.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tls/certificate_bundle.h"
#include "tls/certificate_reader.h"
#include "tls/certificate_store.h"
#include "tls/error.h"
#include "tls/kdf_provider.h"
#include "tls/ticket_table.h"

namespace koi {
namespace {

// What the callbacks of a context need. It goes with the context, which each connection holds.
struct ContextParts {
  std::unique_ptr<CertificateStore> certificates;
  std::shared_ptr<TicketTable> tickets;
  std::string alpn = {};  // as it stands in a ClientHello
  bool strict_sni = false;
};

void FreeParts(void*, void* parts, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<ContextParts*>(parts);
}

int PartsPlace() {
  static const int place = ::SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeParts);
  return place;
}

// A client that offers others alone is told so (RFC 7301 3.2) instead of being sent something it
// cannot read.
int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* offered, unsigned int offered_bytes, void* argument) {
  const std::string& ours = static_cast<const ContextParts*>(argument)->alpn;
  unsigned char* found = nullptr;
  const int result = ::SSL_select_next_proto(
      &found, chosen_bytes, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned int>(ours.size()), offered, offered_bytes);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// With it a name that is asked for is known also when a TLS 1.2 session is resumed.
int AcceptAnyName(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

int ChooseByName(SSL* ssl, int* alert, void* argument) {
  const auto& parts = *static_cast<const ContextParts*>(argument);
  const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  auto found = CertificateStore::Found::kNone;
  if (name != nullptr && !parts.certificates->Use(ssl, name, found)) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  if (found == CertificateStore::Found::kNone && parts.strict_sni) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

int Staple(SSL* ssl, void* argument) {
  const auto& parts = *static_cast<const ContextParts*>(argument);
  const absl::string_view staple = parts.certificates->StapleFor(::SSL_get_certificate(ssl));
  if (staple.empty()) return SSL_TLSEXT_ERR_NOACK;
  auto* copy = ::OPENSSL_memdup(staple.data(), staple.size());
  KOI_CHECK(copy != nullptr);  // out of memory
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.size()));
  return SSL_TLSEXT_ERR_OK;
}

// None of these can fail.
void SetPolicy(SSL_CTX* context) {
  // A client's order counts: it knows whether it has hardware for AES. Renegotiation is the
  // client's lever on our CPU.
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Sessions live in tickets alone: a cache in this process is of no use when the client returns to
  // another CPU. One ticket a handshake: each costs a write.
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  KOI_CHECK(::SSL_CTX_set_num_tickets(context, 1) == 1);
  // Writes may be partial and repeated from a buffer that has moved; idle connections hold no
  // buffers. Chains are what was read from their files, and are not looked for in each handshake.
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  // One recv(2) for a record instead of two. Safe because Stream reads until nothing is left.
  ::SSL_CTX_set_read_ahead(context, 1);
}

int VersionNumber(TlsVersion version) {
  return version == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

absl::Status SetOptions(SSL_CTX* context, const TlsOptions& options) {
  const bool taken =
      ::SSL_CTX_set_min_proto_version(context, VersionNumber(options.min_version)) == 1 &&
      ::SSL_CTX_set_max_proto_version(context, VersionNumber(options.max_version)) == 1 &&
      ::SSL_CTX_set_cipher_list(context, options.tls12_ciphers.c_str()) == 1 &&
      ::SSL_CTX_set_ciphersuites(context, options.tls13_ciphers.c_str()) == 1 &&
      ::SSL_CTX_set1_groups_list(context, options.groups.c_str()) == 1;
  if (!taken) {
    return absl::InvalidArgumentError(
        absl::StrCat("OpenSSL refuses the versions, ciphers or groups: ", TakeTlsError()));
  }
  if (!options.tickets) {
    ::SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    KOI_CHECK(::SSL_CTX_set_num_tickets(context, 0) == 1);
  }
  return absl::OkStatus();
}

absl::Status SetClientCertificates(SSL_CTX* context, const TlsSettings& settings) {
  const ClientCertificates wanted = settings.options.client_certificates;
  if (wanted == ClientCertificates::kOff) return absl::OkStatus();
  KOI_ASSIGN_OR_RETURN(const std::vector<std::string> authorities,
                       CertificatesDer(settings.client_ca_pem));
  X509_STORE* trusted = ::SSL_CTX_get_cert_store(context);
  for (const std::string& der : authorities) {
    KOI_ASSIGN_OR_RETURN(const auto authority, DecodeCertificate(der));
    if (::X509_STORE_add_cert(trusted, authority.get()) != 1 ||
        ::SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("OpenSSL refuses an authority: ", TakeTlsError()));
    }
  }
  const int required =
      wanted == ClientCertificates::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
  return absl::OkStatus();
}

// A ticket is taken only where the rules for clients are those under which it was given, by
// whichever worker or host.
void BindSessions(SSL_CTX* context, const TlsSettings& settings) {
  ByteWriter writer;
  writer.Bytes(settings.service);
  writer.U8(0);
  writer.U8(static_cast<uint8_t>(settings.options.client_certificates));
  writer.Bytes(settings.client_ca_pem);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  KOI_CHECK(::EVP_Digest(writer.bytes().data(), writer.bytes().size(), digest, &bytes,
                         ::EVP_sha256(), nullptr) == 1);
  static_assert(SSL_MAX_SID_CTX_LENGTH >= 32);
  KOI_CHECK(::SSL_CTX_set_session_id_context(context, digest, bytes) == 1);
  ::SSL_CTX_set_timeout(context,
                        static_cast<long>(ToMilliseconds(settings.ticket_lifetime) / 1000));
}

void SetCallbacks(SSL_CTX* context, ContextParts* parts) {
  const bool looks_at_names = parts->certificates->has_others() || parts->strict_sni;
  int (*const on_name)(SSL*, int*, void*) = looks_at_names ? ChooseByName : AcceptAnyName;
  ::SSL_CTX_set_tlsext_servername_callback(context, on_name);
  ::SSL_CTX_set_tlsext_servername_arg(context, parts);
  if (!parts->alpn.empty()) ::SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, parts);
  if (parts->certificates->has_staples()) {
    ::SSL_CTX_set_tlsext_status_cb(context, Staple);
    ::SSL_CTX_set_tlsext_status_arg(context, parts);
  }
}

std::string AlpnWire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire.push_back(static_cast<char>(protocol.size()));
    wire.append(protocol);
  }
  return wire;
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

absl::StatusOr<TlsContext> TlsContext::Create(const TlsSettings& settings,
                                              std::unique_ptr<CertificateStore> certificates,
                                              std::shared_ptr<TicketTable> tickets) {
  TlsContext created;
  created.context_.reset(::SSL_CTX_new_ex(nullptr, TlsPropertyQuery(), ::TLS_server_method()));
  KOI_CHECK(created.context_ != nullptr);  // out of memory
  SSL_CTX* context = created.get();
  auto* parts = new ContextParts{.certificates = std::move(certificates),
                                 .tickets = std::move(tickets),
                                 .alpn = AlpnWire(settings.options.alpn),
                                 .strict_sni = settings.options.strict_sni};
  KOI_CHECK(::SSL_CTX_set_ex_data(context, PartsPlace(), parts) == 1);
  SetPolicy(context);
  KOI_RETURN_IF_ERROR(SetOptions(context, settings.options));
  if (settings.ignore_truncation) ::SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  const absl::Status clients = SetClientCertificates(context, settings);
  if (!clients.ok()) return Annotate(clients, "client_ca");
  KOI_RETURN_IF_ERROR(parts->certificates->UseDefault(context));
  BindSessions(context, settings);
  if (settings.options.tickets) parts->tickets->UseIn(context);
  SetCallbacks(context, parts);
  return created;
}

absl::StatusOr<TlsContext> TlsContext::Create(absl::string_view chain_pem,
                                              absl::string_view key_pem, TlsProtocol protocol) {
  KOI_ASSIGN_OR_RETURN(
      std::shared_ptr<const Certificate> certificate,
      CertificateReader().Load({.chain_file = "chain", .key_file = "key"},
                               [&](const std::string& file) -> absl::StatusOr<std::string> {
                                 return std::string(file == "chain" ? chain_pem : key_pem);
                               }));
  const auto bundle = std::make_shared<const std::string>(EncodeBundle({std::move(certificate)}));
  KOI_ASSIGN_OR_RETURN(auto store, CertificateStore::Open(*bundle, bundle));
  TlsSettings settings;
  if (protocol == TlsProtocol::kHttp1) settings.options.alpn = {"http/1.1"};
  settings.ignore_truncation = protocol == TlsProtocol::kAny;
  return Create(settings, std::move(store), std::make_shared<TicketTable>());
}

}  // namespace koi
