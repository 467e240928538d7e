// SPDX-License-Identifier: Apache-2.0
// Looking numbers up.
#include "manager/explain.h"

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

ExplainedBackend BackendOf(uint32_t number, const std::vector<BackendEntry>& backends) {
  if (number == 0) return {};
  for (const BackendEntry& entry : backends) {
    if (entry.number != number) continue;
    return {.name = entry.name,
            .address = entry.endpoint.ToString(),
            .admin = AdminName(entry.admin),
            .health = HealthName(entry.health)};
  }
  return {.name = absl::StrCat("number ", number), .admin = "absent"};
}

}  // namespace

ExplainedPacket PacketOf(const ExplainOrder& order) {
  const ExplainedKind tcp = order.syn ? ExplainedKind::kTcpSyn : ExplainedKind::kTcp;
  return {.client = order.client,
          .vip = order.vip,
          .kind = order.protocol == "udp" ? ExplainedKind::kUdp : tcp};
}

ExplainReport ReportOf(const Explanation& found, const Config& config,
                       const std::vector<BackendEntry>& backends, TimePoint now) {
  ExplainReport report{.verdict = found.verdict,
                       .action = found.action,
                       .help = found.help,
                       .choice = found.choice,
                       .backend = BackendOf(found.backend, backends)};
  for (const ServiceConfig& service : config.services) {
    if (service.number != found.service) continue;
    report.service = service.name;
    report.mode = ServiceModeName(service.mode);
  }
  if (found.cpu.has_value()) report.cpu = *found.cpu;
  if (found.slot.has_value()) {
    for (const PoolConfig& pool : config.pools) {
      if (pool.number != found.slot->pool) continue;
      report.pool = pool.name;
      report.forward = ForwardName(pool.l4.forward);
      report.ring_size = pool.l4.ring_size;
    }
    report.has_slot = true;
    report.slot = found.slot->number;
    report.epoch = found.slot->epoch;
    report.moved = found.slot->moved;
    report.current = BackendOf(found.slot->current, backends);
    if (report.moved) report.previous = BackendOf(found.slot->previous, backends);
  }
  if (found.flow.has_value()) {
    report.has_flow = true;
    report.flow_epoch = found.flow->epoch;
    report.flow_used_ms_ago = ToMilliseconds(now - found.flow->used);
    report.flow_backend = BackendOf(found.flow->backend, backends);
  }
  return report;
}

}  // namespace koi
