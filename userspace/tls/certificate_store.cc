// SPDX-License-Identifier: Apache-2.0
// Reading certificates when they are wanted, and giving them to OpenSSL.
#include "tls/certificate_store.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tls/error.h"

namespace koi {
namespace {

// Eight KiB each.
constexpr size_t kMostLoaded = 2048;

// The wall clock: certificates are about it.
int64_t NowSeconds() { return std::time(nullptr); }

bool Has(const CertificateChoice& choice, uint32_t number) {
  return std::find(choice.by_kind.begin(), choice.by_kind.end(), number) != choice.by_kind.end();
}

}  // namespace

struct CertificateStore::Loaded {
  std::unique_ptr<X509, FreeCertificate> own;
  std::unique_ptr<EVP_PKEY, FreeKey> key;
  STACK_OF(X509) * issuers = sk_X509_new_null();
};

void CertificateStore::FreeLoaded::operator()(Loaded* loaded) const {
  sk_X509_free(loaded->issuers);  // the certificates in it are not its own
  delete loaded;
}

absl::StatusOr<std::unique_ptr<CertificateStore>> CertificateStore::Open(
    absl::string_view bytes, std::shared_ptr<const void> owner) {
  KOI_ASSIGN_OR_RETURN(Bundle bundle, DecodeBundle(bytes));
  if (bundle.certificates.empty()) return absl::InvalidArgumentError("there is no certificate");
  return std::unique_ptr<CertificateStore>(
      new CertificateStore(std::move(bundle), std::move(owner)));
}

CertificateStore::CertificateStore(Bundle bundle, std::shared_ptr<const void> owner)
    : owner_(std::move(owner)), bundle_(std::move(bundle)), issuers_(bundle_.issuers.size()) {
  for (uint32_t number = 0; number < bundle_.certificates.size(); ++number) {
    BundledCertificate& certificate = bundle_.certificates[number];
    for (const absl::string_view name : certificate.names) {
      names_.Add(name, {.number = number,
                        .kind = certificate.kind,
                        .from_s = certificate.from_s,
                        .until_s = certificate.until_s});
    }
    if (!certificate.ocsp.empty()) has_staples_ = true;
  }
  const BundledCertificate& first = bundle_.certificates[0];
  if (!first.names.empty()) default_ = names_.Choose(first.names[0], NowSeconds());
  if (default_.empty()) default_.by_kind[static_cast<size_t>(first.kind)] = 0;
  for (uint32_t number = 0; number < bundle_.certificates.size(); ++number) {
    has_others_ |= !Has(default_, number);
  }
}

absl::Status CertificateStore::UseDefault(SSL_CTX* context) {
  for (const uint32_t number : default_.by_kind) {
    if (number == CertificateChoice::kNone) continue;
    KOI_ASSIGN_OR_RETURN(const Loaded* loaded, Load(number));
    if (::SSL_CTX_use_cert_and_key(context, loaded->own.get(), loaded->key.get(), loaded->issuers,
                                   1) != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("OpenSSL refuses the certificate: ", TakeTlsError()));
    }
  }
  if (!has_others_) keys_.reset();
  return absl::OkStatus();
}

bool CertificateStore::Use(SSL* ssl, absl::string_view name, Found& found) {
  const CertificateChoice choice = names_.Choose(name, NowSeconds());
  found = choice.empty() ? Found::kNone : choice == default_ ? Found::kDefault : Found::kOther;
  if (found != Found::kOther) return true;
  // Else those of the default would be left in the places of other kinds of keys.
  ::SSL_certs_clear(ssl);
  for (const uint32_t number : choice.by_kind) {
    if (number == CertificateChoice::kNone) continue;
    const absl::StatusOr<const Loaded*> loaded = Load(number);
    if (!loaded.ok()) return false;
    if (::SSL_use_cert_and_key(ssl, (*loaded)->own.get(), (*loaded)->key.get(), (*loaded)->issuers,
                               1) != 1) {
      return false;
    }
  }
  return true;
}

absl::string_view CertificateStore::StapleFor(const X509* certificate) const {
  const auto found = numbers_.find(certificate);
  if (found == numbers_.end()) return "";
  const BundledCertificate& bundled = bundle_.certificates[found->second];
  return bundled.ocsp_until_s > NowSeconds() ? bundled.ocsp : "";
}

absl::StatusOr<const CertificateStore::Loaded*> CertificateStore::Load(uint32_t number) {
  const auto known = loaded_.find(number);
  if (known != loaded_.end()) return known->second.get();
  if (loaded_.size() >= kMostLoaded) Shrink();
  if (keys_ == nullptr) keys_ = std::make_unique<KeyDecoder>();
  const BundledCertificate& bundled = bundle_.certificates[number];
  std::unique_ptr<Loaded, FreeLoaded> loaded(new Loaded);
  KOI_ASSIGN_OR_RETURN(loaded->own, DecodeCertificate(bundled.own));
  KOI_ASSIGN_OR_RETURN(loaded->key, keys_->Decode(bundled.key));
  for (const uint32_t issuer : bundled.issuers) {
    KOI_ASSIGN_OR_RETURN(X509 * certificate, Issuer(issuer));
    sk_X509_push(loaded->issuers, certificate);
  }
  numbers_[loaded->own.get()] = number;
  const Loaded* result = loaded.get();
  loaded_[number] = std::move(loaded);
  return result;
}

absl::StatusOr<X509*> CertificateStore::Issuer(uint32_t number) {
  if (issuers_[number] == nullptr) {
    KOI_ASSIGN_OR_RETURN(issuers_[number], DecodeCertificate(bundle_.issuers[number]));
  }
  return issuers_[number].get();
}

void CertificateStore::Shrink() {
  for (auto next = loaded_.begin(); next != loaded_.end();) {
    const auto one = next++;
    if (Has(default_, one->first)) continue;
    numbers_.erase(one->second->own.get());
    loaded_.erase(one);
  }
}

}  // namespace koi
