// SPDX-License-Identifier: Apache-2.0
// Any bytes as a PROXY header: the answer must not depend on how they arrive or on what follows,
// and what it says must survive being written.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "net/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  ProxyHeader half;
  ProxyParseResult result = ReadProxyHeader(text.substr(0, size / 2), half);
  ProxyHeader header;
  const ProxyParseResult whole = ReadProxyHeader(text, header);
  if (result.state != ProxyParse::kMore) {
    KOI_CHECK(result.state == whole.state && result.bytes == whole.bytes);
  }
  if (whole.state != ProxyParse::kDone) return 0;
  KOI_CHECK(whole.bytes <= size && whole.bytes <= kMaxProxyHeaderBytes);
  if (!header.endpoints.has_value()) return 0;
  const Endpoint& client = header.endpoints->client;
  const Endpoint& service = header.endpoints->service;
  for (const std::string& written :
       {WriteProxyV1(client, service),
        WriteProxyV2(client, service, {.unique_id = header.unique_id})}) {
    ProxyHeader again;
    const ProxyParseResult reread = ReadProxyHeader(written, again);
    KOI_CHECK(reread.state == ProxyParse::kDone && reread.bytes == written.size());
    KOI_CHECK(again.endpoints.has_value() && again.endpoints->client == client &&
              again.endpoints->service == service);
  }
  return 0;
}
