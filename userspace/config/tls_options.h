// SPDX-License-Identifier: Apache-2.0
// What a service agrees on with clients that speak TLS to it. The defaults are Mozilla's
// intermediate profile without the ciphers that need DH parameters: forward secrecy and
// authenticated encryption for every client of the last ten years.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace koi {

enum class TlsVersion { k12, k13 };

enum class ClientCertificates {
  kOff,
  kOptional,  // a client need not have one; one that does not hold is refused all the same
  kRequired,
};

constexpr char kDefaultTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kDefaultTls13Ciphers[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kDefaultGroups[] = "X25519:P-256:P-384";

struct TlsOptions {
  TlsVersion min_version = TlsVersion::k12;
  TlsVersion max_version = TlsVersion::k13;
  // Names with ":" between them, the preferred one first; a client's order counts for ciphers.
  std::string tls12_ciphers = kDefaultTls12Ciphers;
  std::string tls13_ciphers = kDefaultTls13Ciphers;
  std::string groups = kDefaultGroups;
  // Protocols offered by ALPN, the preferred one first; none: clients that ask get no answer.
  std::vector<std::string> alpn = {};
  // A client that asks for a name which no certificate is for is turned away.
  bool strict_sni = false;
  bool tickets = true;
  ClientCertificates client_certificates = ClientCertificates::kOff;

  bool operator==(const TlsOptions&) const = default;
};

// Every name that may stand in tls12_ciphers, tls13_ciphers and groups. All have forward secrecy.
absl::Span<const absl::string_view> KnownTls12Ciphers();
absl::Span<const absl::string_view> KnownTls13Ciphers();
absl::Span<const absl::string_view> KnownGroups();

}  // namespace koi
