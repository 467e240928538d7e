// SPDX-License-Identifier: Apache-2.0
// What a backend is told of the client: X-Forwarded-For and its siblings, RFC 7239's Forwarded.
#pragma once

#include <optional>
#include <string>

#include "absl/types/span.h"
#include "base/address.h"
#include "base/prefix.h"
#include "http/head.h"

namespace koi {

// What is known of a client's connection: for headers and logs.
struct ClientFacts {
  Endpoint client = {};   // as the kernel tells, or a trusted peer's PROXY header
  Endpoint service = {};  // what the client connected to
  bool tls = false;
  std::string unique_id = {};  // of the connection, as a PROXY header names it; "": none did
};

// Which headers are written.
struct ForwardedStyle {
  bool x_forwarded = true;
  bool rfc7239 = false;
};

// Appends the header lines for a client whose own word counts for nothing: the same for each of its
// requests.
void WriteForwarded(const ClientFacts& facts, ForwardedStyle style, std::string& out);
// The same for a request of a trusted proxy: what its headers say of the clients before it stays in
// front, and the protocol and port it names are kept. Of headers that are not to be written what it
// sent is passed on.
void ExtendForwarded(const Headers& headers, const ClientFacts& facts, ForwardedStyle style,
                     std::string& out);

// Appends what the certificate says that a client has proven to be: `subject` is printable.
void WriteClientCertificate(absl::string_view subject, absl::string_view fingerprint,
                            std::string& out);

// The client behind the trusted proxies through which a request came: the last address in
// X-Forwarded-For, or else in Forwarded, that is not in `trusted`. nullopt where they name none, or
// what they name cannot be read.
std::optional<Address> ClientBehind(const Headers& headers, absl::Span<const Prefix> trusted);

}  // namespace koi
