// SPDX-License-Identifier: Apache-2.0
// PEM in, certificates and keys out.
#include "tls/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tls/error.h"
#include "tls/key_decoder.h"

namespace koi {
namespace {

// The longest chain any certificate authority hands out is a third of this.
constexpr size_t kMostCertificates = 16;

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};
using OwnedBio = std::unique_ptr<BIO, FreeBio>;

OwnedBio Reader(absl::string_view text) {
  return OwnedBio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct FreeOpenSsl {
  void operator()(void* memory) const { ::OPENSSL_free(memory); }
};
template <typename T>
using OpenSslOwned = std::unique_ptr<T, FreeOpenSsl>;

struct PemBlock {
  std::string name = {};  // "CERTIFICATE"
  std::string header = {};
  std::string der = {};
};

// The next one; nullopt at the end, or where there is something that cannot be read: then OpenSSL's
// queue says what.
std::optional<PemBlock> NextBlock(BIO* reader) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long count = 0;
  if (::PEM_read_bio(reader, &name, &header, &bytes, &count) != 1) return std::nullopt;
  const OpenSslOwned<char> owned_name(name);
  const OpenSslOwned<char> owned_header(header);
  const OpenSslOwned<unsigned char> owned_bytes(bytes);
  return PemBlock{name, header,
                  std::string(reinterpret_cast<char*>(bytes), static_cast<size_t>(count))};
}

// Whether the last block is behind; else what is wrong goes to `why`.
bool AtEnd(std::string& why) {
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  why = TakeTlsError();
  return at_end;
}

std::string SubjectOf(const X509* certificate) {
  char text[256] = "";
  ::X509_NAME_oneline(::X509_get_subject_name(certificate), text, sizeof(text));
  return text;
}

std::string DateOf(const ASN1_TIME* time) {
  const OwnedBio writer(::BIO_new(::BIO_s_mem()));
  ::ASN1_TIME_print(writer.get(), time);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(writer.get(), &text);
  return std::string(text, static_cast<size_t>(bytes));
}

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};

void AddNames(const X509* certificate, std::vector<std::string>& texts) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const std::string bytes(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(value)),
                            static_cast<size_t>(::ASN1_STRING_length(value)));
    char address[INET6_ADDRSTRLEN] = "";
    if (type == GEN_IPADD && (bytes.size() == 4 || bytes.size() == 16)) {
      ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), address, sizeof(address));
    }
    texts.push_back(type == GEN_DNS ? bytes : address);
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CertificatesDer(absl::string_view pem) {
  ::ERR_clear_error();
  const OwnedBio reader = Reader(pem);
  std::vector<std::string> certificates;
  while (std::optional<PemBlock> block = NextBlock(reader.get())) {
    if (block->name != PEM_STRING_X509 && block->name != PEM_STRING_X509_OLD) continue;
    if (certificates.size() == kMostCertificates) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMostCertificates, " certificates in the chain"));
    }
    certificates.push_back(std::move(block->der));
  }
  std::string why;
  if (!AtEnd(why)) {
    return absl::InvalidArgumentError(absl::StrCat("certificate number ", certificates.size() + 1,
                                                   " of the chain cannot be read: ", why));
  }
  if (certificates.empty()) {
    return absl::InvalidArgumentError(
        "no certificate in the chain: expected PEM text with \"-----BEGIN CERTIFICATE-----\"");
  }
  return certificates;
}

absl::StatusOr<std::unique_ptr<X509, FreeCertificate>> DecodeCertificate(absl::string_view der) {
  ::ERR_clear_error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  std::unique_ptr<X509, FreeCertificate> certificate(
      ::d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError(absl::StrCat("a certificate cannot be read: ", TakeTlsError()));
}

absl::StatusOr<std::string> PrivateKeyDer(absl::string_view pem) {
  ::ERR_clear_error();
  const OwnedBio reader = Reader(pem);
  while (std::optional<PemBlock> block = NextBlock(reader.get())) {
    // Others are certificates, or the parameters of a curve.
    if (!absl::EndsWith(block->name, "PRIVATE KEY")) continue;
    if (absl::StrContains(block->name, "ENCRYPTED") ||
        absl::StrContains(block->header, "ENCRYPTED")) {
      return absl::InvalidArgumentError(
          "the private key is protected by a passphrase, which koi cannot ask for; remove it with "
          "\"openssl pkey\"");
    }
    return std::move(block->der);
  }
  std::string why;
  if (AtEnd(why)) {
    return absl::InvalidArgumentError(
        "no private key: expected PEM text with \"-----BEGIN PRIVATE KEY-----\"");
  }
  return absl::InvalidArgumentError(absl::StrCat("the private key cannot be read: ", why));
}

void FreeCertificate::operator()(X509* certificate) const { ::X509_free(certificate); }
void FreeKey::operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }

absl::StatusOr<ParsedCertificate> ParseCertificate(absl::string_view chain_pem,
                                                   absl::string_view key_pem) {
  ParsedCertificate parsed;
  KOI_ASSIGN_OR_RETURN(const std::vector<std::string> chain, CertificatesDer(chain_pem));
  for (const std::string& der : chain) {
    KOI_ASSIGN_OR_RETURN(parsed.chain.emplace_back(), DecodeCertificate(der));
  }
  KOI_ASSIGN_OR_RETURN(const std::string key, PrivateKeyDer(key_pem));
  KOI_ASSIGN_OR_RETURN(parsed.key, KeyDecoder().Decode(key));
  if (::X509_check_private_key(parsed.chain[0].get(), parsed.key.get()) != 1) {
    (void)TakeTlsError();
    return absl::InvalidArgumentError(
        absl::StrCat("the private key is not that of the chain's first certificate, ",
                     SubjectOf(parsed.chain[0].get())));
  }
  return parsed;
}

std::string ValidityWarning(const ParsedCertificate& parsed) {
  return ValidityWarning(parsed.chain[0].get());
}

std::string ValidityWarning(const X509* certificate) {
  const ASN1_TIME* from = ::X509_get0_notBefore(certificate);
  const ASN1_TIME* until = ::X509_get0_notAfter(certificate);
  if (::X509_cmp_current_time(until) < 0) {
    return absl::StrCat("the certificate of ", SubjectOf(certificate), " expired on ",
                        DateOf(until));
  }
  if (::X509_cmp_current_time(from) > 0) {
    return absl::StrCat("the certificate of ", SubjectOf(certificate), " is not valid before ",
                        DateOf(from));
  }
  return "";
}

CertificateFacts FactsOf(const ParsedCertificate& parsed) { return FactsOf(parsed.chain[0].get()); }

CertificateFacts FactsOf(X509* certificate) {
  CertificateFacts facts = {.subject = SubjectOf(certificate)};
  AddNames(certificate, facts.names);
  tm from = {};
  tm until = {};
  if (::ASN1_TIME_to_tm(::X509_get0_notBefore(certificate), &from) == 1) {
    facts.from_s = ::timegm(&from);
  }
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &until) == 1) {
    facts.until_s = ::timegm(&until);
    char text[32];
    facts.until.assign(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &until));
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  KOI_CHECK(::X509_digest(certificate, ::EVP_sha256(), digest, &bytes) == 1);
  for (unsigned int i = 0; i < bytes; ++i) {
    absl::StrAppend(&facts.fingerprint, i == 0 ? "" : ":",
                    absl::StrFormat("%02X", static_cast<unsigned>(digest[i])));
  }
  return facts;
}

}  // namespace koi
