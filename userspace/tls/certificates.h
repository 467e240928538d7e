// SPDX-License-Identifier: Apache-2.0
// Certificate chains and private keys: from files, as PEM text, and read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

using X509 = struct x509_st;
using EVP_PKEY = struct evp_pkey_st;

namespace koi {

struct FreeCertificate {
  void operator()(X509* certificate) const;
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const;
};

struct ParsedCertificate {
  std::vector<std::unique_ptr<X509, FreeCertificate>> chain;  // the service's own first
  std::unique_ptr<EVP_PKEY, FreeKey> key;
};

// The certificates in PEM text as DER, in their order. InvalidArgument when there is none, or one
// that cannot be read.
absl::StatusOr<std::vector<std::string>> CertificatesDer(absl::string_view pem);

absl::StatusOr<std::unique_ptr<X509, FreeCertificate>> DecodeCertificate(absl::string_view der);

// The first private key in PEM text, as it stands there: DER in one of the shapes that OpenSSL
// knows. InvalidArgument when there is none without a passphrase.
absl::StatusOr<std::string> PrivateKeyDer(absl::string_view pem);

// Reads PEM text. InvalidArgument, in words for the operator, when there is no certificate or no
// unencrypted key in it, or when the key is not that of the first certificate.
absl::StatusOr<ParsedCertificate> ParseCertificate(absl::string_view chain_pem,
                                                   absl::string_view key_pem);

// A sentence when the certificate, or the first one, has expired or is not valid yet, else "".
std::string ValidityWarning(const X509* certificate);
std::string ValidityWarning(const ParsedCertificate& parsed);

// What tells a certificate from another, for people.
struct CertificateFacts {
  std::string subject = {};             // "/CN=koi.example"
  std::vector<std::string> names = {};  // those it is for: DNS names and addresses
  std::string until = {};               // UTC, RFC 3339
  int64_t from_s = 0;                   // since 1970
  int64_t until_s = 0;
  std::string fingerprint = {};  // SHA-256, as "openssl x509 -fingerprint" writes it
};

CertificateFacts FactsOf(X509* certificate);
// Of the first certificate.
CertificateFacts FactsOf(const ParsedCertificate& parsed);

// The PEM texts of a chain and its key, which belong together.
struct CertificatePair {
  std::string chain_pem = {};
  std::string key_pem = {};
};

}  // namespace koi
