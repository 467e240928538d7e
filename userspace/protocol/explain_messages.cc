// SPDX-License-Identifier: Apache-2.0
// Messages about packets that did not come as JSON.
#include "protocol/explain_messages.h"

#include "protocol/json_values.h"

namespace koi {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExplainOrder, client, vip, protocol, syn)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExplainedBackend, name, address, admin, health)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExplainReport, verdict, action, help, service, mode, pool,
                                   forward, cpu, choice, has_slot, slot, ring_size, epoch, moved,
                                   current, previous, has_flow, flow_epoch, flow_used_ms_ago,
                                   flow_backend, backend)

std::string EncodeJson(const ExplainOrder& value) { return ToText(value); }
std::string EncodeJson(const ExplainReport& value) { return ToText(value); }

absl::StatusOr<ExplainOrder> DecodeExplainOrder(absl::string_view json) {
  return Decode<ExplainOrder>("packet to explain", json, [](const Json& parsed) {
    auto order = parsed.get<ExplainOrder>();
    if (order.protocol != "tcp" && order.protocol != "udp") {
      RefuseJson("protocol is neither \"tcp\" nor \"udp\"");
    }
    return order;
  });
}
absl::StatusOr<ExplainReport> DecodeExplainReport(absl::string_view json) {
  return Decode<ExplainReport>("explanation", json,
                               [](const Json& parsed) { return parsed.get<ExplainReport>(); });
}

}  // namespace koi
