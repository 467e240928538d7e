// SPDX-License-Identifier: Apache-2.0
// Certificates through OpenSSL.
#include "support/tls/made_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"

namespace koi {
namespace {

std::string Contents(BIO* bio) {
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio, &text);
  std::string copy(text, static_cast<size_t>(bytes));
  ::BIO_free(bio);
  return copy;
}

MadeCertificate MakeCertificate(EVP_PKEY* key, const std::string& name, long from_seconds,
                                long until_seconds) {
  X509* certificate = ::X509_new();
  KOI_CHECK(key != nullptr && certificate != nullptr);
  ::X509_set_version(certificate, 2);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate), from_seconds);
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate), until_seconds);
  ::X509_set_pubkey(certificate, key);
  X509_NAME* subject = ::X509_get_subject_name(certificate);
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  ::X509_set_issuer_name(certificate, subject);
  KOI_CHECK(::X509_sign(certificate, key, ::EVP_sha256()) > 0);

  BIO* chain = ::BIO_new(::BIO_s_mem());
  BIO* secret = ::BIO_new(::BIO_s_mem());
  KOI_CHECK(::PEM_write_bio_X509(chain, certificate) == 1);
  KOI_CHECK(::PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
  return {Contents(chain), Contents(secret)};
}

}  // namespace

MadeCertificate MakeCertificate(const std::string& name, long from_seconds, long until_seconds) {
  return MakeCertificate(EVP_EC_gen("P-256"), name, from_seconds, until_seconds);
}

MadeCertificate MakeRsaCertificate(const std::string& name) {
  return MakeCertificate(EVP_RSA_gen(2048), name, -60, 3600);
}

}  // namespace koi
