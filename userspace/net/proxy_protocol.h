// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, versions 1 and 2, as haproxy's proxy-protocol.txt has it: what a proxy says
// in front of a connection's bytes about who it is from and where it went.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/address.h"

namespace koi {

// Of either version, with all it carries. The protocol allows 64 KiB; nobody sends more than a
// few hundred bytes.
constexpr size_t kMaxProxyHeaderBytes = 4096;

enum class ProxyParse {
  kDone,
  kMore,  // all right so far, but not all of it
  kBad,   // this is no header, or one that must be refused
};

// What a header says. Without endpoints (LOCAL, UNKNOWN, or what is no TCP) the connection's own
// count: it is the proxy's health check, or the proxy does not know better.
struct ProxyHeader {
  struct Endpoints {
    Endpoint client;
    Endpoint service;  // what the client connected to
  };
  std::optional<Endpoints> endpoints = {};
  std::string unique_id = {};  // of the connection, as the proxy names it; at most 128 bytes
};

struct ProxyParseResult {
  ProxyParse state = ProxyParse::kMore;
  size_t bytes = 0;  // of the header, with kDone
};

// Reads the header that `bytes` begin with. Strict: whatever proxy-protocol.txt says must be
// refused is kBad, as is a checksum that does not match.
ProxyParseResult ReadProxyHeader(absl::string_view bytes, ProxyHeader& header);

// What TLS knows of the client; all views may be empty.
struct ProxyTls {
  absl::string_view version = {};
  absl::string_view cipher = {};
  absl::string_view common_name = {};  // of the client's certificate
  bool certificate = false;            // the client has shown one, which was verified
  bool resumed = false;                // then it did so in an earlier connection
};

// What a version 2 header may carry besides the endpoints; what is empty is left out.
struct ProxyExtras {
  absl::string_view alpn = {};
  absl::string_view authority = {};  // the name that the client asked for
  absl::string_view unique_id = {};
  std::optional<ProxyTls> tls = {};
};

std::string WriteProxyV1(const Endpoint& client, const Endpoint& service);
std::string WriteProxyV2(const Endpoint& client, const Endpoint& service,
                         const ProxyExtras& extras);
// For connections of koi's own, health checks: version 1 UNKNOWN and version 2 LOCAL.
std::string WriteProxyV1Unknown();
std::string WriteProxyV2Local();

// CRC-32C (RFC 3720 appendix B.4), which a version 2 header may be protected by.
uint32_t Crc32c(absl::string_view bytes);

}  // namespace koi
