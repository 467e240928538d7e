// SPDX-License-Identifier: Apache-2.0
// From what is known of a client to a header.
#include "worker/backend/proxy_preface.h"

#include <sys/random.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "net/proxy_protocol.h"

namespace koi {
namespace {

// Of no other connection, of this or any other worker: random bits of this process and a number.
std::string NextUniqueId() {
  static const uint64_t kProcess = [] {
    uint64_t bits = 0;
    KOI_CHECK(::getrandom(&bits, sizeof(bits), 0) == sizeof(bits));
    return bits;
  }();
  static uint64_t last = 0;
  return absl::StrCat(absl::Hex(kProcess, absl::kZeroPad16), absl::Hex(++last, absl::kZeroPad16));
}

std::string ProxyPreface2(const ClientFacts& facts, const Stream& stream,
                          absl::string_view authority) {
  const TlsFacts tls = stream.Facts();
  const std::string made_id = facts.unique_id.empty() ? NextUniqueId() : "";
  ProxyExtras extras = {.alpn = tls.alpn,
                        .authority = tls.sni.empty() ? authority : tls.sni,
                        .unique_id = facts.unique_id.empty() ? made_id : facts.unique_id,
                        .tls = std::nullopt};
  if (stream.is_tls()) {
    extras.tls = ProxyTls{.version = tls.version,
                          .cipher = tls.cipher,
                          .common_name = tls.client.common_name,
                          .certificate = tls.client.presented,
                          .resumed = tls.resumed};
  }
  return WriteProxyV2(facts.client, facts.service, extras);
}

}  // namespace

std::string ProxyPreface(SendProxy version, const ClientFacts& facts, const Stream& stream,
                         absl::string_view authority) {
  switch (version) {
    case SendProxy::kOff: return "";
    case SendProxy::kV1: return WriteProxyV1(facts.client, facts.service);
    case SendProxy::kV2: return ProxyPreface2(facts, stream, authority);
  }
  KOI_UNREACHABLE();
}

}  // namespace koi
