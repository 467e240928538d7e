// SPDX-License-Identifier: Apache-2.0
// What is known of a TLS connection once its handshake is done: for logs, headers and backends.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

using SSL = struct ssl_st;

namespace koi {

struct ClientCertificateFacts {
  bool presented = false;        // then it was verified too: else there would be no connection
  std::string subject = {};      // RFC 4514: "CN=anna,O=Example"; every byte is printable ASCII
  std::string common_name = {};  // UTF-8, as it stands in the certificate; "" where there is none
  std::string fingerprint = {};  // SHA-256, 64 lower-case hexadecimal digits
};

struct TlsFacts {
  absl::string_view version = {};  // "TLSv1.3"; constants of OpenSSL's
  absl::string_view cipher = {};   // "TLS_AES_128_GCM_SHA256"
  std::string sni = {};   // the name that the client asked for, as it wrote it; "" for none
  std::string alpn = {};  // the protocol agreed on; "" for none
  bool resumed = false;
  ClientCertificateFacts client = {};
};

// Of a connection whose handshake is done. Allocates: whoever asks keeps the answer.
TlsFacts FactsOf(SSL* ssl);

}  // namespace koi
