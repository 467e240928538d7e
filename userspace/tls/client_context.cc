// SPDX-License-Identifier: Apache-2.0
// SSL_CTX and SSL of a client.
#include "tls/client_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/address.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "config/value.h"
#include "tls/certificates.h"
#include "tls/error.h"
#include "tls/kdf_provider.h"

namespace koi {
namespace {

// The server that an SSL talks to, for OpenSSL's callback.
int ServerIndex() {
  static const int index = ::SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string NamesOf(const TlsServer& server) {
  return absl::StrCat(server.server_name, "\n", server.expected_name);
}

// A copy is kept: a connection that ends without close_notify takes its own session from use.
int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  const auto* server = static_cast<const TlsServer*>(::SSL_get_ex_data(ssl, ServerIndex()));
  if (server == nullptr || server->session == nullptr) return 0;
  server->session->Keep(NamesOf(*server), ::SSL_SESSION_dup(session));
  return 0;
}

absl::Status TrustThese(const std::string& ca_pem, X509_STORE* store) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> reader(
      ::BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), &::BIO_free);
  int count = 0;
  for (;; ++count) {
    const std::unique_ptr<X509, FreeCertificate> certificate(
        ::PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    KOI_CHECK(::X509_STORE_add_cert(store, certificate.get()) == 1);
  }
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = TakeTlsError();
  if (!at_end) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate number ", count + 1, " cannot be read: ", why));
  }
  if (count == 0) {
    return absl::InvalidArgumentError(
        "no certificate to trust: expected PEM text with \"-----BEGIN CERTIFICATE-----\"");
  }
  return absl::OkStatus();
}

absl::Status PresentThis(const ClientTlsSettings& settings, SSL_CTX* context) {
  KOI_ASSIGN_OR_RETURN(const ParsedCertificate parsed,
                       ParseCertificate(settings.chain_pem, settings.key_pem));
  if (::SSL_CTX_use_certificate(context, parsed.chain[0].get()) != 1 ||
      ::SSL_CTX_use_PrivateKey(context, parsed.key.get()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("OpenSSL refuses the certificate: ", TakeTlsError()));
  }
  for (size_t i = 1; i < parsed.chain.size(); ++i) {
    KOI_CHECK(::SSL_CTX_add1_chain_cert(context, parsed.chain[i].get()) == 1);
  }
  return absl::OkStatus();
}

void SetClientPolicy(const ClientTlsSettings& settings, SSL_CTX* context) {
  const int lowest = settings.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  const int highest = settings.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  KOI_CHECK(::SSL_CTX_set_min_proto_version(context, lowest) == 1);
  KOI_CHECK(::SSL_CTX_set_max_proto_version(context, highest) == 1);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_read_ahead(context, 1);
  ::SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  ::SSL_CTX_sess_set_new_cb(context, OnNewSession);
}

void ExpectName(const std::string& name, SSL* ssl) {
  if (Address::Parse(name).ok()) {
    KOI_CHECK(::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), name.c_str()) == 1);
  } else {
    ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    KOI_CHECK(::SSL_set1_host(ssl, name.c_str()) == 1);
  }
}

}  // namespace

void ClientTlsContext::Free::operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }

absl::StatusOr<ClientTlsContext> ClientTlsContext::Create(const ClientTlsSettings& settings) {
  ::ERR_clear_error();
  ClientTlsContext created;
  created.context_.reset(::SSL_CTX_new_ex(nullptr, TlsPropertyQuery(), ::TLS_client_method()));
  KOI_CHECK(created.context_ != nullptr);  // out of memory
  SSL_CTX* context = created.get();
  SetClientPolicy(settings, context);
  created.verifies_ = settings.verify;
  if (settings.verify) {
    KOI_RETURN_IF_ERROR(TrustThese(settings.ca_pem, ::SSL_CTX_get_cert_store(context)));
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (!settings.chain_pem.empty()) KOI_RETURN_IF_ERROR(PresentThis(settings, context));
  return created;
}

std::string TrustDigest(absl::string_view ca_pem) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  KOI_CHECK(::EVP_Digest(ca_pem.data(), ca_pem.size(), digest, &bytes, ::EVP_sha256(), nullptr) ==
            1);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), bytes});
}

std::string ServerNameOf(absl::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != host.npos && host.find(']') == host.npos) host = host.substr(0, colon);
  return IsHostName(host) ? absl::AsciiStrToLower(host) : "";
}

void ClientSession::Free::operator()(SSL_SESSION* session) const { ::SSL_SESSION_free(session); }

void ClientSession::Keep(absl::string_view name, SSL_SESSION* session) {
  name_ = std::string(name);
  session_.reset(session);
}

SSL_SESSION* ClientSession::For(absl::string_view name) const {
  const bool usable =
      session_ != nullptr && name_ == name && ::SSL_SESSION_is_resumable(session_.get()) == 1;
  return usable ? session_.get() : nullptr;
}

SSL* NewClientSsl(const ClientTlsContext& context, const TlsServer& server) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  SSL* const ssl = ::SSL_new(context.get());
  KOI_CHECK(ssl != nullptr);  // out of memory
  KOI_CHECK(::SSL_set_ex_data(ssl, ServerIndex(), const_cast<TlsServer*>(&server)) == 1);
  if (!server.server_name.empty()) {
    KOI_CHECK(::SSL_set_tlsext_host_name(ssl, server.server_name.c_str()) == 1);
  }
  if (context.verifies()) ExpectName(server.expected_name, ssl);
  switch (server.protocol) {
    case TlsProtocol::kHttp1:
      KOI_CHECK(::SSL_set_alpn_protos(ssl, kHttp1, sizeof(kHttp1) - 1) == 0);
      break;
    case TlsProtocol::kAny: ::SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF); break;
  }
  if (server.session != nullptr) {
    SSL_SESSION* const before = server.session->For(NamesOf(server));
    if (before != nullptr) KOI_CHECK(::SSL_set_session(ssl, before) == 1);
  }
  ::SSL_set_connect_state(ssl);
  return ssl;
}

}  // namespace koi
