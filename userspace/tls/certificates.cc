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

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tls/context.h"
#include "tls/error.h"

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

// Without this OpenSSL would ask for the passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status ReadChain(absl::string_view pem, ParsedCertificate& parsed) {
  const OwnedBio reader = Reader(pem);
  for (;;) {
    std::unique_ptr<X509, FreeCertificate> certificate(
        ::PEM_read_bio_X509(reader.get(), nullptr, NoPassphrase, nullptr));
    if (certificate == nullptr) break;
    if (parsed.chain.size() == kMostCertificates) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMostCertificates, " certificates in the chain"));
    }
    parsed.chain.push_back(std::move(certificate));
  }
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = TakeTlsError();
  if (!at_end) {
    return absl::InvalidArgumentError(absl::StrCat("certificate number ", parsed.chain.size() + 1,
                                                   " of the chain cannot be read: ", why));
  }
  if (parsed.chain.empty()) {
    return absl::InvalidArgumentError(
        "no certificate in the chain: expected PEM text with \"-----BEGIN CERTIFICATE-----\"");
  }
  return absl::OkStatus();
}

absl::Status ReadKey(absl::string_view pem, ParsedCertificate& parsed) {
  const OwnedBio reader = Reader(pem);
  parsed.key.reset(::PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassphrase, nullptr));
  const std::string why = TakeTlsError();
  if (parsed.key != nullptr) return absl::OkStatus();
  if (absl::StrContains(pem, "ENCRYPTED")) {
    return absl::InvalidArgumentError(
        "the private key is protected by a passphrase, which koi cannot ask for; remove it with "
        "\"openssl pkey\"");
  }
  if (!absl::StrContains(pem, "PRIVATE KEY-----")) {
    return absl::InvalidArgumentError(
        "no private key: expected PEM text with \"-----BEGIN PRIVATE KEY-----\"");
  }
  return absl::InvalidArgumentError(absl::StrCat("the private key cannot be read: ", why));
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

void FreeCertificate::operator()(X509* certificate) const { ::X509_free(certificate); }
void FreeKey::operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }

absl::StatusOr<ParsedCertificate> ParseCertificate(absl::string_view chain_pem,
                                                   absl::string_view key_pem) {
  ::ERR_clear_error();
  ParsedCertificate parsed;
  KOI_RETURN_IF_ERROR(ReadChain(chain_pem, parsed));
  KOI_RETURN_IF_ERROR(ReadKey(key_pem, parsed));
  if (::X509_check_private_key(parsed.chain[0].get(), parsed.key.get()) != 1) {
    (void)TakeTlsError();
    return absl::InvalidArgumentError(
        absl::StrCat("the private key is not that of the chain's first certificate, ",
                     SubjectOf(parsed.chain[0].get())));
  }
  return parsed;
}

std::string ValidityWarning(const ParsedCertificate& parsed) {
  const X509* certificate = parsed.chain[0].get();
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

CertificateFacts FactsOf(const ParsedCertificate& parsed) {
  X509* certificate = parsed.chain[0].get();
  CertificateFacts facts = {.subject = SubjectOf(certificate)};
  AddNames(certificate, facts.names);
  tm until = {};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &until) == 1) {
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

absl::StatusOr<CertificatePair> LoadCertificate(const std::string& chain_file,
                                                const std::string& key_file,
                                                const PemReader& read) {
  CertificatePair pair;
  KOI_ASSIGN_OR_RETURN(pair.chain_pem, read(chain_file));
  KOI_ASSIGN_OR_RETURN(pair.key_pem, read(key_file));
  const absl::StatusOr<ParsedCertificate> parsed = ParseCertificate(pair.chain_pem, pair.key_pem);
  absl::Status usable = parsed.status();
  if (usable.ok()) {
    // What workers will do with it: OpenSSL refuses weak keys only here.
    usable = TlsContext::Create(pair.chain_pem, pair.key_pem, TlsProtocol::kAny).status();
  }
  if (!usable.ok()) return Annotate(usable, absl::StrCat(chain_file, " with ", key_file));
  pair.facts = FactsOf(*parsed);
  const std::string warning = ValidityWarning(*parsed);
  if (!warning.empty()) pair.warning = absl::StrCat(chain_file, ": ", warning);
  return pair;
}

absl::StatusOr<CertificatePair> LoadCertificate(const std::string& chain_file,
                                                const std::string& key_file) {
  return LoadCertificate(chain_file, key_file,
                         [](const std::string& path) { return ReadFile(path); });
}

}  // namespace koi
