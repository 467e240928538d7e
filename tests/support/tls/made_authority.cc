// SPDX-License-Identifier: Apache-2.0
// An authority through OpenSSL.
#include "support/tls/made_authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {
namespace {

std::string TakeBytes(BIO* bio) {
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio, &text);
  std::string copy(text, static_cast<size_t>(bytes));
  ::BIO_free(bio);
  return copy;
}

std::string PemOf(X509* certificate) {
  BIO* bio = ::BIO_new(::BIO_s_mem());
  KOI_CHECK(::PEM_write_bio_X509(bio, certificate) == 1);
  return TakeBytes(bio);
}

void Extend(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  KOI_CHECK(extension != nullptr && ::X509_add_ext(certificate, extension, -1) == 1);
  ::X509_EXTENSION_free(extension);
}

X509* Begin(EVP_PKEY* key, const std::string& name, long from_seconds, long until_seconds) {
  X509* certificate = ::X509_new();
  KOI_CHECK(key != nullptr && certificate != nullptr);
  ::X509_set_version(certificate, 2);
  uint64_t serial = 0;
  ::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  ::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate), serial >> 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate), from_seconds);
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate), until_seconds);
  ::X509_set_pubkey(certificate, key);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

MadeAuthority::MadeAuthority(const std::string& name)
    : key_(EVP_EC_gen("P-256")), certificate_(Begin(key_, name, -3600, 24 * 3600)) {
  ::X509_set_issuer_name(certificate_, ::X509_get_subject_name(certificate_));
  Extend(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  Extend(certificate_, certificate_, NID_subject_key_identifier, "hash");
  KOI_CHECK(::X509_sign(certificate_, key_, ::EVP_sha256()) > 0);
  pem_ = PemOf(certificate_);
}

MadeAuthority::~MadeAuthority() {
  ::X509_free(certificate_);
  ::EVP_PKEY_free(key_);
}

MadeCertificate MadeAuthority::Issue(const WantedCertificate& wanted) const {
  EVP_PKEY* key = wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  X509* certificate = Begin(key, wanted.names.at(0), wanted.from_seconds, wanted.until_seconds);
  ::X509_set_issuer_name(certificate, ::X509_get_subject_name(certificate_));
  std::string names;
  for (const std::string& name : wanted.names) {
    absl::StrAppend(&names, names.empty() ? "" : ",", "DNS:", name);
  }
  Extend(certificate, certificate_, NID_subject_alt_name, names);
  Extend(certificate, certificate_, NID_authority_key_identifier, "keyid:always");
  KOI_CHECK(::X509_sign(certificate, key_, ::EVP_sha256()) > 0);
  BIO* secret = ::BIO_new(::BIO_s_mem());
  KOI_CHECK(::PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  MadeCertificate made{PemOf(certificate) + pem_, TakeBytes(secret)};
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
  return made;
}

std::string MadeAuthority::OcspResponse(const std::string& chain_pem, long until_seconds,
                                        bool revoked) const {
  BIO* reader = ::BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size()));
  X509* about = ::PEM_read_bio_X509(reader, nullptr, nullptr, nullptr);
  ::BIO_free(reader);
  OCSP_BASICRESP* basic = ::OCSP_BASICRESP_new();
  OCSP_CERTID* id = ::OCSP_cert_to_id(::EVP_sha1(), about, certificate_);
  ASN1_TIME* now = ::X509_gmtime_adj(nullptr, -60);
  ASN1_TIME* next = ::X509_gmtime_adj(nullptr, until_seconds);
  const int status = revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD;
  KOI_CHECK(::OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                     revoked ? now : nullptr, now, next) != nullptr);
  KOI_CHECK(::OCSP_basic_sign(basic, certificate_, key_, ::EVP_sha256(), nullptr, 0) == 1);
  OCSP_RESPONSE* response = ::OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int bytes = ::i2d_OCSP_RESPONSE(response, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(bytes));
  ::OPENSSL_free(der);
  ::OCSP_RESPONSE_free(response);
  ::OCSP_BASICRESP_free(basic);
  ::OCSP_CERTID_free(id);
  ::ASN1_TIME_free(now);
  ::ASN1_TIME_free(next);
  ::X509_free(about);
  return text;
}

}  // namespace koi
