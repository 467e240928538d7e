// SPDX-License-Identifier: Apache-2.0
// koi stats: every counter.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

void PrintWorkers(const Stats& stats, std::ostream& out) {
  Table table({"CPU", "STEERED", "ACCEPTED", "MISPLACED", "HANDSHAKES", "FAILED", "CONNECTIONS",
               "REQUESTS", "ERRORS", "BYTES IN", "BYTES OUT"});
  const auto add = [&table](const Cell& name, const CpuStats& cpu) {
    table.Add({name, cpu.steered, cpu.accepted, cpu.misplaced, cpu.handshakes,
               cpu.handshake_failures, cpu.connections, cpu.requests, cpu.errors, cpu.bytes_in,
               cpu.bytes_out});
  };
  for (const CpuStats& cpu : stats.cpus) add(cpu.cpu, cpu);
  add("all", stats.total);
  table.Print(out);
}

std::string Percentile(const LatencyStats& latency, unsigned percent) {
  if (latency.count == 0) return "";
  const uint64_t us = latency.PercentileUs(percent);
  if (us < 10'000) return absl::StrCat(us, "us");
  return FormatDuration(std::chrono::microseconds(us));
}

void PrintServices(const Stats& stats, std::ostream& out) {
  Table table({"SERVICE", "CONNECTIONS", "REQUESTS", "2XX", "3XX", "4XX", "5XX", "ERRORS",
               "BYTES IN", "BYTES OUT", "TLS", "RESUMED", "P50", "P99"});
  for (const ServiceStats& service : stats.services) {
    if (service.mode == "l4") continue;  // it has packets alone
    const auto& by_class = service.responses.by_class;
    table.Add({service.name, service.connections, service.requests, by_class[1], by_class[2],
               by_class[3], by_class[4], service.errors, service.bytes_in, service.bytes_out,
               service.handshakes, service.handshakes_resumed, Percentile(service.total_time, 50),
               Percentile(service.total_time, 99)});
  }
  table.Print(out);
}

// Pools without limits have no queues.
void PrintQueues(const Stats& stats, std::ostream& out) {
  Table table({"POOL", "WAITING", "WAITED", "TIMED OUT", "TURNED AWAY", "P50", "P99"});
  bool any = false;
  for (const PoolStats& pool : stats.pools) {
    const uint64_t waited = pool.queue_time.count;
    if (pool.queued + waited + pool.queue_full + pool.queue_timeouts == 0) continue;
    table.Add({pool.name, pool.queued, waited, pool.queue_timeouts, pool.queue_full,
               Percentile(pool.queue_time, 50), Percentile(pool.queue_time, 99)});
    any = true;
  }
  if (!any) return;
  table.Print(out);
  out << '\n';
}

void PrintBackends(const Stats& stats, std::ostream& out) {
  Table table({"POOL", "BACKEND", "CONNECTIONS", "IN TOTAL", "REQUESTS", "5XX", "ERRORS", "RETRIES",
               "BYTES IN", "BYTES OUT", "P50", "P99"});
  for (const PoolStats& pool : stats.pools) {
    if (!pool.forward.empty()) continue;
    for (const BackendStats& backend : pool.backends) {
      table.Add({pool.name, backend.name, backend.connections, backend.connections_total,
                 backend.requests, backend.responses.by_class[4], backend.errors, backend.retries,
                 backend.bytes_in, backend.bytes_out, Percentile(backend.response_time, 50),
                 Percentile(backend.response_time, 99)});
    }
  }
  table.Print(out);
}

// Of l4 pools, where there are some.
void PrintL4(const Stats& stats, std::ostream& out) {
  Table pools({"L4 POOL", "FORWARD", "SLOTS", "IN TRANSITION"});
  Table backends({"L4 POOL", "BACKEND", "PACKETS", "BYTES", "NEW FLOWS", "ENTRIES"});
  bool any = false;
  for (const PoolStats& pool : stats.pools) {
    if (pool.forward.empty()) continue;
    any = true;
    pools.Add({pool.name, pool.forward, pool.slots, pool.slots_moved});
    for (const BackendStats& backend : pool.backends) {
      backends.Add({pool.name, backend.name, backend.packets, backend.bytes_out, backend.new_flows,
                    backend.flow_entries});
    }
  }
  if (!any) return;
  pools.Print(out);
  out << '\n';
  backends.Print(out);
  const FlowTableStats& flows = stats.flow_table;
  out << "\nFlow entries: " << flows.entries << " of " << flows.room << ", " << flows.refused
      << " refused\n\n";
}

// Verdicts that no packet has met would hide those that matter.
void PrintVerdicts(const Stats& stats, std::ostream& out) {
  Table table({"VERDICT", "ACTION", "PACKETS"});
  for (const VerdictStats& verdict : stats.verdicts) {
    if (verdict.packets > 0) table.Add({verdict.name, verdict.action, verdict.packets});
  }
  table.Print(out);
}

}  // namespace

absl::StatusOr<ExitCode> ShowStats(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(json));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  PrintWorkers(stats, invocation.out);
  invocation.out << '\n';
  PrintServices(stats, invocation.out);
  invocation.out << '\n';
  PrintBackends(stats, invocation.out);
  invocation.out << '\n';
  PrintQueues(stats, invocation.out);
  PrintL4(stats, invocation.out);
  PrintVerdicts(stats, invocation.out);
  return kExitOk;
}

}  // namespace koi
