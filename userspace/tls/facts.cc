// SPDX-License-Identifier: Apache-2.0
// Asking OpenSSL about a connection.
#include "tls/facts.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace koi {
namespace {

struct FreeFactsBio {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};

std::string Rfc4514(const X509_NAME* name) {
  const std::unique_ptr<BIO, FreeFactsBio> writer(::BIO_new(::BIO_s_mem()));
  KOI_CHECK(writer != nullptr);  // out of memory
  if (::X509_NAME_print_ex(writer.get(), name, 0, XN_FLAG_RFC2253) < 0) return "";
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(writer.get(), &text);
  return std::string(text, static_cast<size_t>(bytes));
}

// The last one, which is the most specific.
std::string CommonName(const X509_NAME* name) {
  int at = -1;
  for (int next = -1; (next = ::X509_NAME_get_index_by_NID(name, NID_commonName, next)) >= 0;)
    at = next;
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int bytes =
      ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at)));
  if (bytes < 0) return "";
  std::string copy(reinterpret_cast<const char*>(text), static_cast<size_t>(bytes));
  ::OPENSSL_free(text);
  return copy;
}

ClientCertificateFacts ClientFactsOf(const SSL* ssl) {
  const X509* certificate = ::SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return {};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  KOI_CHECK(::X509_digest(certificate, ::EVP_sha256(), digest, &bytes) == 1);
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  return {.presented = true,
          .subject = Rfc4514(subject),
          .common_name = CommonName(subject),
          .fingerprint = absl::BytesToHexString(
              absl::string_view(reinterpret_cast<const char*>(digest), bytes))};
}

}  // namespace

TlsFacts FactsOf(SSL* ssl) {
  TlsFacts facts = {.version = ::SSL_get_version(ssl), .cipher = ::SSL_get_cipher_name(ssl)};
  const char* sni = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (sni != nullptr) facts.sni = sni;
  const unsigned char* alpn = nullptr;
  unsigned int alpn_bytes = 0;
  ::SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
  facts.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_bytes);
  facts.resumed = ::SSL_session_reused(ssl) == 1;
  facts.client = ClientFactsOf(ssl);
  return facts;
}

}  // namespace koi
