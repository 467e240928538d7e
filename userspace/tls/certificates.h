// SPDX-License-Identifier: Apache-2.0
// Certificate chains and private keys: from files, as PEM text, and read.
#pragma once

#include <functional>
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

// Reads PEM text. InvalidArgument, in words for the operator, when there is no certificate or no
// unencrypted key in it, or when the key is not that of the first certificate.
absl::StatusOr<ParsedCertificate> ParseCertificate(absl::string_view chain_pem,
                                                   absl::string_view key_pem);

// A sentence when the first certificate has expired or is not valid yet, else "".
std::string ValidityWarning(const ParsedCertificate& parsed);

// What tells a certificate from another, for people.
struct CertificateFacts {
  std::string subject = {};             // "/CN=koi.example"
  std::vector<std::string> names = {};  // those it is for: DNS names and addresses
  std::string until = {};               // UTC, RFC 3339
  std::string fingerprint = {};         // SHA-256, as "openssl x509 -fingerprint" writes it
};

// Of the first certificate.
CertificateFacts FactsOf(const ParsedCertificate& parsed);

// The PEM texts of a chain and its key, which belong together.
struct CertificatePair {
  std::string chain_pem;
  std::string key_pem;
  std::string warning;  // as ValidityWarning(), with the file's name
  CertificateFacts facts;
};

// Reads a file.
using PemReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// Has both files (they may be the same one) read by `read` and makes sure that they belong
// together and can be used. Errors name the files.
absl::StatusOr<CertificatePair> LoadCertificate(const std::string& chain_file,
                                                const std::string& key_file, const PemReader& read);
// From disk.
absl::StatusOr<CertificatePair> LoadCertificate(const std::string& chain_file,
                                                const std::string& key_file);

}  // namespace koi
