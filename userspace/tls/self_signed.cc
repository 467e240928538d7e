// SPDX-License-Identifier: Apache-2.0
// Making a certificate on P-256, and judging whether the one that is there will do.
#include "tls/self_signed.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tls/certificates.h"
#include "tls/error.h"

namespace koi {
namespace {

constexpr long kSecondsPerDay = 24 * 3600;
// The longest that clients which judge such things accept.
constexpr long kDaysValid = 825;
constexpr long kDaysLeftAtLeast = 30;
// Clocks of clients may be behind.
constexpr long kDaysBackdated = 1;

struct Free {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;
using OwnedCertificate = std::unique_ptr<X509, FreeCertificate>;
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeKey>;

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("cannot ", what, ": ", TakeTlsError()));
}

bool IsDnsName(absl::string_view name) {
  constexpr size_t kMaxBytes = 253;
  return !name.empty() && name.size() <= kMaxBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
         });
}

// The alternative names a certificate for `subject` has, each with its kind before it.
std::set<std::string> WantedNames(const CertificateSubject& subject) {
  std::set<std::string> names;
  if (IsDnsName(subject.name)) names.insert(absl::StrCat("DNS:", subject.name));
  for (const Address& address : subject.addresses)
    names.insert(absl::StrCat("IP:", address.wire()));
  return names;
}

std::set<std::string> NamesOf(X509* certificate) {
  std::set<std::string> names;
  const Owned<GENERAL_NAMES> found(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found != nullptr && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    int kind = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(found.get(), i), &kind));
    const char* prefix = kind == GEN_DNS ? "DNS:" : kind == GEN_IPADD ? "IP:" : nullptr;
    if (prefix == nullptr) continue;
    names.insert(absl::StrCat(
        prefix, absl::string_view(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(value)),
                                  static_cast<size_t>(::ASN1_STRING_length(value)))));
  }
  return names;
}

bool AddName(GENERAL_NAMES* names, int kind, ASN1_STRING* value, absl::string_view bytes) {
  GENERAL_NAME* name = ::GENERAL_NAME_new();
  if (name == nullptr || value == nullptr ||
      ::ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ::GENERAL_NAME_free(name);
    ::ASN1_STRING_free(value);
    return false;
  }
  ::GENERAL_NAME_set0_value(name, kind, value);  // owns it from here
  if (sk_GENERAL_NAME_push(names, name) > 0) return true;
  ::GENERAL_NAME_free(name);
  return false;
}

bool AddNames(X509* certificate, const CertificateSubject& subject) {
  const Owned<GENERAL_NAMES> names(sk_GENERAL_NAME_new_null());
  if (IsDnsName(subject.name) &&
      !AddName(names.get(), GEN_DNS, ::ASN1_IA5STRING_new(), subject.name)) {
    return false;
  }
  for (const Address& address : subject.addresses) {
    if (!AddName(names.get(), GEN_IPADD, ::ASN1_OCTET_STRING_new(), address.wire())) return false;
  }
  return ::X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

bool AddExtension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, id, value);
  const bool added = extension != nullptr && ::X509_add_ext(certificate, extension, -1) == 1;
  ::X509_EXTENSION_free(extension);
  return added;
}

bool SetSerial(X509* certificate) {
  uint64_t serial = 0;
  return ::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1 &&
         ::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate), (serial >> 1) | 1) == 1;
}

bool FillIn(X509* certificate, EVP_PKEY* key, const CertificateSubject& subject) {
  X509_NAME* name = ::X509_get_subject_name(certificate);
  const char kCommonName[] = "koi, self-signed";
  return ::X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate) &&
         ::X509_gmtime_adj(X509_getm_notBefore(certificate), -kDaysBackdated * kSecondsPerDay) !=
             nullptr &&
         ::X509_gmtime_adj(X509_getm_notAfter(certificate), kDaysValid * kSecondsPerDay) !=
             nullptr &&
         ::X509_set_pubkey(certificate, key) == 1 &&
         ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(kCommonName), -1, -1,
                                      0) == 1 &&
         ::X509_set_issuer_name(certificate, name) == 1 &&
         // Clients may trust both hosts' certificates, of one name: the key tells them apart.
         AddExtension(certificate, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, NID_authority_key_identifier, "keyid:always") &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         AddNames(certificate, subject) && ::X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string Contents(BIO* bio) {
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio, &text);
  return std::string(text, static_cast<size_t>(bytes));
}

absl::StatusOr<CertificatePair> Make(const CertificateSubject& subject) {
  const OwnedKey key(EVP_EC_gen("P-256"));
  const OwnedCertificate certificate(::X509_new());
  if (key == nullptr || certificate == nullptr) return Failed("make a key");
  if (!FillIn(certificate.get(), key.get(), subject)) return Failed("make a certificate");
  const Owned<BIO> chain_pem(::BIO_new(::BIO_s_mem()));
  const Owned<BIO> key_pem(::BIO_new(::BIO_s_mem()));
  if (::PEM_write_bio_X509(chain_pem.get(), certificate.get()) != 1 ||
      ::PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Failed("write a certificate");
  }
  CertificatePair pair;
  pair.chain_pem = Contents(chain_pem.get());
  pair.key_pem = Contents(key_pem.get());
  return pair;
}

bool WillDo(const std::string& chain_file, const std::string& key_file,
            const CertificateSubject& subject) {
  const absl::StatusOr<std::string> chain_pem = ReadFile(chain_file);
  const absl::StatusOr<std::string> key_pem = ReadFile(key_file);
  if (!chain_pem.ok() || !key_pem.ok()) return false;
  const absl::StatusOr<ParsedCertificate> parsed = ParseCertificate(*chain_pem, *key_pem);
  if (!parsed.ok()) return false;
  X509* certificate = parsed->chain[0].get();
  std::time_t month = std::time(nullptr) + kDaysLeftAtLeast * kSecondsPerDay;
  return ::X509_cmp_time(::X509_get0_notAfter(certificate), &month) > 0 &&
         ::X509_cmp_current_time(::X509_get0_notBefore(certificate)) < 0 &&
         NamesOf(certificate) == WantedNames(subject);
}

}  // namespace

absl::Status EnsureSelfSigned(const std::string& chain_file, const std::string& key_file,
                              const CertificateSubject& subject) {
  if (WillDo(chain_file, key_file, subject)) return absl::OkStatus();
  KOI_ASSIGN_OR_RETURN(const CertificatePair made, Make(subject));
  KOI_RETURN_IF_ERROR(MakeDirectories(chain_file.substr(0, chain_file.rfind('/'))));
  // Where only the first gets written, the two do not belong together and are made anew next time.
  KOI_RETURN_IF_ERROR(WriteFile(key_file, made.key_pem, 0600));
  return WriteFile(chain_file, made.chain_pem);
}

}  // namespace koi
