// SPDX-License-Identifier: Apache-2.0
// From PEM and DER to a Certificate.
#include "tls/certificate_reader.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tls/error.h"
#include "tls/ocsp.h"

namespace koi {
namespace {

// Authorities issue from a handful at a time.
constexpr size_t kMostIssuers = 64;

std::optional<KeyKind> KindOf(const EVP_PKEY* key) {
  switch (::EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: return KeyKind::kEcdsa;
    case EVP_PKEY_RSA: return KeyKind::kRsa;
    case EVP_PKEY_RSA_PSS: return KeyKind::kRsaPss;
    case EVP_PKEY_ED25519: return KeyKind::kEd25519;
    case EVP_PKEY_ED448: return KeyKind::kEd448;
    default: return std::nullopt;
  }
}

bool IsDnsPattern(absl::string_view name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
           c == '*';
  });
}

struct FreeAltNames {
  void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};

// The DNS names; where there is none, the common name if it is one, as clients used to take it.
std::vector<std::string> NamesToAskFor(X509* certificate) {
  std::vector<std::string> names;
  const auto add = [&names](const ASN1_STRING* text) {
    std::string name(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(::ASN1_STRING_length(text)));
    absl::AsciiStrToLower(&name);
    if (IsDnsPattern(name)) names.push_back(std::move(name));
  };
  const std::unique_ptr<GENERAL_NAMES, FreeAltNames> alternatives(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives != nullptr && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    int type = 0;
    const void* value =
        ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alternatives.get(), i), &type);
    if (type == GEN_DNS) add(static_cast<const ASN1_STRING*>(value));
  }
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  const int at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (names.empty() && at >= 0) {
    add(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)));
  }
  return names;
}

// Clients build their path from what they are sent: a link that does not fit is one that some of
// them cannot follow.
void CheckLinks(const std::vector<std::shared_ptr<X509>>& chain, Certificate& out) {
  for (size_t i = 1; i < chain.size(); ++i) {
    if (::X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK) continue;
    out.warnings.push_back(absl::StrCat(out.files.chain_file, ": certificate number ", i + 1,
                                        " of the chain, ", FactsOf(chain[i].get()).subject,
                                        ", has not issued the one before it: clients may refuse "
                                        "the chain"));
    return;
  }
}

void AddToDigest(absl::string_view bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size()));
  writer.Bytes(bytes);
}

std::string Sha256(absl::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  KOI_CHECK(::EVP_Digest(bytes.data(), bytes.size(), digest, &size, ::EVP_sha256(), nullptr) == 1);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

std::string DigestOf(const Certificate& certificate) {
  ByteWriter writer;
  for (const std::string& der : certificate.chain) AddToDigest(der, writer);
  AddToDigest(certificate.key, writer);
  AddToDigest(certificate.ocsp, writer);
  return Sha256(writer.bytes());
}

}  // namespace

std::string DigestOf(const CertificateSet& certificates) {
  ByteWriter writer;
  for (const auto& certificate : certificates) AddToDigest(certificate->digest, writer);
  return absl::BytesToHexString(Sha256(writer.bytes()));
}

void CertificateReader::Free::operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }

CertificateReader::CertificateReader() : judge_(::SSL_CTX_new(::TLS_server_method())) {
  KOI_CHECK(judge_ != nullptr);  // out of memory
}

CertificateReader::~CertificateReader() = default;

absl::StatusOr<std::shared_ptr<const Certificate>> CertificateReader::Load(
    const CertificateConfig& files, const PemReader& read,
    std::shared_ptr<const Certificate> before) {
  KOI_ASSIGN_OR_RETURN(const Texts texts, ReadTexts(files, read));
  ByteWriter all;
  for (const std::string* text : {&texts.chain, &texts.key, &texts.ocsp}) AddToDigest(*text, all);
  Certificate certificate{.files = files, .texts_digest = Sha256(all.bytes())};
  if (before != nullptr && before->files == files &&
      before->texts_digest == certificate.texts_digest) {
    Remember(before);
    return before;
  }
  if (auto known = Known(certificate); known != nullptr) return known;
  const absl::Status done = Read(texts, certificate);
  if (done.ok()) {
    auto made = std::make_shared<const Certificate>(std::move(certificate));
    Remember(made);
    return made;
  }
  return Annotate(done, files.key_file == files.chain_file
                            ? files.chain_file
                            : absl::StrCat(files.chain_file, " with ", files.key_file));
}

absl::StatusOr<CertificateReader::Texts> CertificateReader::ReadTexts(
    const CertificateConfig& files, const PemReader& read) {
  Texts texts;
  KOI_ASSIGN_OR_RETURN(texts.chain, read(files.chain_file));
  if (files.key_file != files.chain_file) {
    KOI_ASSIGN_OR_RETURN(texts.key, read(files.key_file));
  }
  if (!files.ocsp_file.empty()) {
    KOI_ASSIGN_OR_RETURN(texts.ocsp, read(files.ocsp_file));
  }
  return texts;
}

absl::Status CertificateReader::Read(const Texts& texts, Certificate& out) {
  KOI_ASSIGN_OR_RETURN(out.chain, CertificatesDer(texts.chain));
  std::vector<std::shared_ptr<X509>> chain;
  for (const std::string& der : out.chain) {
    KOI_ASSIGN_OR_RETURN(std::shared_ptr<X509> certificate, Decode(der, !chain.empty()));
    chain.push_back(std::move(certificate));
  }
  X509* own = chain[0].get();
  out.facts = FactsOf(own);
  KOI_ASSIGN_OR_RETURN(out.key, PrivateKeyDer(texts.key.empty() ? texts.chain : texts.key));
  KOI_ASSIGN_OR_RETURN(const auto key, keys_.Decode(out.key));
  if (::X509_check_private_key(own, key.get()) != 1) {
    (void)TakeTlsError();
    return absl::InvalidArgumentError(absl::StrCat(
        "the private key is not that of the chain's first certificate, ", out.facts.subject));
  }
  const std::optional<KeyKind> kind = KindOf(key.get());
  if (!kind.has_value() ||
      ::SSL_CTX_use_cert_and_key(judge_.get(), own, key.get(), nullptr, 1) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("OpenSSL refuses the certificate: ", TakeTlsError()));
  }
  out.kind = *kind;
  out.names = NamesToAskFor(own);
  if (const std::string warning = ValidityWarning(own); !warning.empty()) {
    out.warnings.push_back(absl::StrCat(out.files.chain_file, ": ", warning));
  }
  CheckLinks(chain, out);
  KOI_RETURN_IF_ERROR(ReadOcsp(texts, chain, out));
  out.digest = DigestOf(out);
  return absl::OkStatus();
}

absl::Status CertificateReader::ReadOcsp(const Texts& texts,
                                         const std::vector<std::shared_ptr<X509>>& chain,
                                         Certificate& out) {
  if (out.files.ocsp_file.empty()) return absl::OkStatus();
  absl::StatusOr<OcspFacts> facts =
      CheckOcspResponse(texts.ocsp, chain[0].get(), chain.size() > 1 ? chain[1].get() : nullptr);
  if (!facts.ok()) return Annotate(facts.status(), out.files.ocsp_file);
  out.ocsp = texts.ocsp;
  out.ocsp_until_s = facts->until_s;
  if (!facts->warning.empty()) {
    out.warnings.push_back(absl::StrCat(out.files.ocsp_file, ": ", facts->warning));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<X509>> CertificateReader::Decode(const std::string& der,
                                                                bool is_issuer) {
  if (is_issuer) {
    const auto known = issuers_.find(der);
    if (known != issuers_.end()) return known->second;
  }
  KOI_ASSIGN_OR_RETURN(std::shared_ptr<X509> certificate, DecodeCertificate(der));
  if (is_issuer) {
    if (issuers_.size() == kMostIssuers) issuers_.clear();
    issuers_[der] = certificate;
  }
  return certificate;
}

std::shared_ptr<const Certificate> CertificateReader::Known(const Certificate& wanted) const {
  const auto found = known_.find(wanted.files.chain_file);
  std::shared_ptr<const Certificate> known = found == known_.end() ? nullptr : found->second.lock();
  const bool same = known != nullptr && known->files == wanted.files &&
                    known->texts_digest == wanted.texts_digest;
  return same ? known : nullptr;
}

void CertificateReader::Remember(const std::shared_ptr<const Certificate>& certificate) {
  if (known_.size() >= most_known_) {
    absl::erase_if(known_, [](const auto& one) { return one.second.expired(); });
    most_known_ = std::max(kFewKnown, 2 * known_.size());
  }
  known_[certificate->files.chain_file] = certificate;
}

}  // namespace koi
