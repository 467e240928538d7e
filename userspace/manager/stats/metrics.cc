// SPDX-License-Identifier: Apache-2.0
// Which metrics there are.
#include "manager/stats/metrics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "manager/stats/prometheus_writer.h"

namespace koi {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;

// A family with one sample for each T, from one of its members.
template <typename T>
struct Metric {
  absl::string_view name;
  MetricType type;
  absl::string_view help;
  uint64_t T::*value;
};

constexpr Metric<CpuStats> kWorkerMetrics[] = {
    {"koi_worker_starts_total", kCounter, "Workers started for this CPU.", &CpuStats::starts},
    {"koi_worker_steered_total", kCounter, "Connections that XDP sent to this CPU.",
     &CpuStats::steered},
    {"koi_worker_steered_packets_total", kCounter, "Packets that XDP sent to this CPU.",
     &CpuStats::steered_packets},
    {"koi_worker_accepted_total", kCounter, "Connections accepted.", &CpuStats::accepted},
    {"koi_worker_misplaced_total", kCounter,
     "Connections accepted whose packets another CPU received.", &CpuStats::misplaced},
    {"koi_worker_handshakes_total", kCounter, "TLS handshakes completed.", &CpuStats::handshakes},
    {"koi_worker_handshake_failures_total", kCounter, "TLS handshakes that failed.",
     &CpuStats::handshake_failures},
    {"koi_worker_connections", kGauge, "Connections of clients open now.", &CpuStats::connections},
    {"koi_worker_requests_total", kCounter, "HTTP requests.", &CpuStats::requests},
    {"koi_worker_errors_total", kCounter, "Connections and requests that ended in an error.",
     &CpuStats::errors},
    {"koi_worker_bytes_in_total", kCounter, "Bytes from clients.", &CpuStats::bytes_in},
    {"koi_worker_bytes_out_total", kCounter, "Bytes to clients.", &CpuStats::bytes_out},
    {"koi_worker_cut_total", kCounter, "Connections cut because their worker had to end.",
     &CpuStats::cut},
    {"koi_worker_log_dropped_total", kCounter, "Lines of the access log that nobody took in time.",
     &CpuStats::log_dropped},
};

constexpr Metric<ServiceStats> kServiceMetrics[] = {
    {"koi_service_backends", kGauge, "Backends of the service's pool.", &ServiceStats::backends},
    {"koi_service_backends_up", kGauge, "Those of them that get traffic.",
     &ServiceStats::backends_up},
    {"koi_service_connections", kGauge, "Connections of clients open now.",
     &ServiceStats::connections},
    {"koi_service_connections_total", kCounter, "Connections of clients.",
     &ServiceStats::connections_total},
    {"koi_service_errors_total", kCounter, "Connections and requests that ended in an error.",
     &ServiceStats::errors},
    {"koi_service_bytes_in_total", kCounter, "Bytes from clients.", &ServiceStats::bytes_in},
    {"koi_service_bytes_out_total", kCounter, "Bytes to clients.", &ServiceStats::bytes_out},
    {"koi_tls_handshakes_resumed_total", kCounter,
     "TLS handshakes that went on with an earlier session.", &ServiceStats::handshakes_resumed},
    {"koi_tls_handshake_failures_total", kCounter, "TLS handshakes that failed.",
     &ServiceStats::handshake_failures},
};

constexpr Metric<PoolStats> kPoolMetrics[] = {
    {"koi_pool_queued", kGauge, "Requests and connections that wait for a backend now.",
     &PoolStats::queued},
    {"koi_pool_queue_full_total", kCounter, "Turned away, since as many waited as may.",
     &PoolStats::queue_full},
    {"koi_pool_queue_timeouts_total", kCounter, "Waited for a backend in vain.",
     &PoolStats::queue_timeouts},
    {"koi_pool_retries_total", kCounter, "Sent to another backend, or once more, after a failure.",
     &PoolStats::retries},
};

constexpr Metric<BackendStats> kBackendMetrics[] = {
    {"koi_backend_connections", kGauge, "Connections to the backend open now.",
     &BackendStats::connections},
    {"koi_backend_connections_total", kCounter, "Connections made to the backend.",
     &BackendStats::connections_total},
    {"koi_backend_max_connections", kGauge, "As many as may be open at once; 0: any number.",
     &BackendStats::max_connections},
    {"koi_backend_retries_total", kCounter,
     "Sent to the backend after another one had failed, or once more.", &BackendStats::retries},
    {"koi_backend_errors_total", kCounter, "Connections and requests that failed at the backend.",
     &BackendStats::errors},
    {"koi_backend_bytes_in_total", kCounter, "Bytes from the backend.", &BackendStats::bytes_in},
    {"koi_backend_bytes_out_total", kCounter, "Bytes to the backend.", &BackendStats::bytes_out},
};

// Histograms, likewise.
template <typename T>
struct Histogram {
  absl::string_view name;
  absl::string_view help;
  LatencyStats T::*latency;
};

constexpr Histogram<ServiceStats> kServiceHistograms[] = {
    {"koi_tls_handshake_seconds", "From accepting a connection to the end of its TLS handshake.",
     &ServiceStats::handshake_time},
    {"koi_response_seconds", "From a request to the head of its response.",
     &ServiceStats::response_time},
    {"koi_request_seconds",
     "From a request to the end of its response; in tcp mode of connections.",
     &ServiceStats::total_time},
};

constexpr Histogram<BackendStats> kBackendHistograms[] = {
    {"koi_backend_connect_seconds", "Connecting to the backend, with the TLS handshake if any.",
     &BackendStats::connect_time},
    {"koi_backend_response_seconds", "From a request to the head of the backend's response.",
     &BackendStats::response_time},
    {"koi_backend_request_seconds",
     "From a request to the end of the backend's response; in tcp mode of connections.",
     &BackendStats::total_time},
};

constexpr Metric<CarpGroupReport> kCarpMetrics[] = {
    {"koi_carp_adverts_sent_total", kCounter, "Adverts sent.", &CarpGroupReport::adverts_sent},
    {"koi_carp_adverts_received_total", kCounter, "Valid adverts received.",
     &CarpGroupReport::adverts_received},
    {"koi_carp_authentication_failures_total", kCounter,
     "Adverts received that were made with another password or for other VIPs.",
     &CarpGroupReport::bad_authentication},
    {"koi_carp_malformed_total", kCounter, "Adverts received that are none.",
     &CarpGroupReport::malformed},
};

uint64_t StateNumber(CarpRole role) {
  switch (role) {
    case CarpRole::kInit: return 0;
    case CarpRole::kBackup: return 1;
    case CarpRole::kMaster: return 2;
  }
  return 0;
}

void WriteNode(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_build_info", kGauge, "Always 1; what runs is in the labels.");
  out.Sample({{"version", stats.version}, {"node", stats.node}}, uint64_t{1});
  out.Family("koi_uptime_seconds", kGauge, "Since koi-manager started.");
  out.Sample({}, static_cast<double>(stats.uptime_ms) / 1000);
}

void WriteXdp(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_xdp_attached", kGauge, "Whether the XDP program is attached to the interface.");
  out.Sample({{"interface", stats.interface}, {"mode", stats.xdp.mode}},
             uint64_t{stats.xdp.attached});
  out.Family("koi_xdp_packets_total", kCounter, "Packets that left the XDP program, by verdict.");
  for (const VerdictStats& verdict : stats.verdicts) {
    out.Sample({{"verdict", verdict.name}, {"action", verdict.action}}, verdict.packets);
  }
}

void WriteCarp(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_carp_state", kGauge,
             "State of the group on this host: 0 init, 1 backup, 2 master.");
  for (const CarpGroupReport& group : stats.carp) {
    out.Sample({{"vhid", absl::StrCat(group.vhid)}}, StateNumber(group.role));
  }
  for (const Metric<CarpGroupReport>& metric : kCarpMetrics) {
    out.Family(metric.name, metric.type, metric.help);
    for (const CarpGroupReport& group : stats.carp) {
      out.Sample({{"vhid", absl::StrCat(group.vhid)}}, group.*metric.value);
    }
  }
}

void WriteVips(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_vip_present", kGauge, "Whether the interface has the VIP now.");
  for (const VipStats& vip : stats.vips) {
    out.Sample({{"vip", vip.address}}, uint64_t{vip.present});
  }
  out.Family("koi_vip_packets_total", kCounter, "Packets for the VIP.");
  for (const VipStats& vip : stats.vips) out.Sample({{"vip", vip.address}}, vip.packets);
  out.Family("koi_vip_bytes_total", kCounter, "Bytes of packets for the VIP.");
  for (const VipStats& vip : stats.vips) out.Sample({{"vip", vip.address}}, vip.bytes);
  out.Family("koi_vip_new_flows_total", kCounter, "Flows that began at l4 services of the VIP.");
  for (const VipStats& vip : stats.vips) out.Sample({{"vip", vip.address}}, vip.new_flows);
}

// Nothing where there is no l4 pool.
void WriteL4(const Stats& stats, PrometheusWriter& out) {
  const bool any = std::any_of(stats.pools.begin(), stats.pools.end(),
                               [](const PoolStats& pool) { return !pool.forward.empty(); });
  if (!any) return;
  const auto of_pools = [&](absl::string_view name, absl::string_view help,
                            uint64_t PoolStats::*value) {
    out.Family(name, kGauge, help);
    for (const PoolStats& pool : stats.pools) {
      if (!pool.forward.empty()) out.Sample({{"pool", pool.name}}, pool.*value);
    }
  };
  of_pools("koi_pool_slots", "Slots of the l4 pool's ring.", &PoolStats::slots);
  of_pools("koi_pool_slots_moved", "Slots of the ring that are in transition.",
           &PoolStats::slots_moved);
  const auto of_backends = [&](absl::string_view name, MetricType type, absl::string_view help,
                               uint64_t BackendStats::*value) {
    out.Family(name, type, help);
    for (const PoolStats& pool : stats.pools) {
      if (pool.forward.empty()) continue;
      for (const BackendStats& backend : pool.backends) {
        out.Sample({{"pool", pool.name}, {"backend", backend.name}}, backend.*value);
      }
    }
  };
  of_backends("koi_backend_packets_total", kCounter, "Packets sent on to the l4 backend.",
              &BackendStats::packets);
  of_backends("koi_backend_new_flows_total", kCounter, "Flows that began at the l4 backend.",
              &BackendStats::new_flows);
  of_backends("koi_backend_flow_entries", kGauge, "Entries of the l4 backend's flows.",
              &BackendStats::flow_entries);
  out.Family("koi_flow_entries", kGauge, "Entries of flows in slots that changed.");
  out.Sample({}, stats.flow_table.entries);
  out.Family("koi_flow_entries_max", kGauge, "Room for them.");
  out.Sample({}, stats.flow_table.room);
  out.Family("koi_flow_entries_refused_total", kCounter, "Flows that found no room.");
  out.Sample({}, stats.flow_table.refused);
}

void WriteWorkers(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_worker_up", kGauge, "Whether the CPU's worker serves.");
  for (const CpuStats& cpu : stats.cpus) {
    out.Sample({{"cpu", absl::StrCat(cpu.cpu)}}, uint64_t{cpu.state == "serving"});
  }
  for (const Metric<CpuStats>& metric : kWorkerMetrics) {
    out.Family(metric.name, metric.type, metric.help);
    for (const CpuStats& cpu : stats.cpus) {
      out.Sample({{"cpu", absl::StrCat(cpu.cpu)}}, cpu.*metric.value);
    }
  }
}

// Calls `sample(code_class, requests)` for each class, and for the requests of tcp mode, which have
// no status, "none".
template <typename Sample>
void ForEachClass(uint64_t requests, const ResponseStats& responses, Sample sample) {
  for (size_t i = 0; i < responses.by_class.size(); ++i) {
    sample(absl::StrCat(i + 1, "xx"), responses.by_class[i]);
    requests -= std::min(requests, responses.by_class[i]);
  }
  sample(std::string("none"), requests);
}

void WriteServices(const Stats& stats, PrometheusWriter& out) {
  for (const Metric<ServiceStats>& metric : kServiceMetrics) {
    out.Family(metric.name, metric.type, metric.help);
    for (const ServiceStats& service : stats.services) {
      out.Sample({{"service", service.name}}, service.*metric.value);
    }
  }
  out.Family("koi_service_requests_total", kCounter,
             "Requests answered, by the class of the status; in tcp mode connections.");
  for (const ServiceStats& service : stats.services) {
    ForEachClass(service.requests, service.responses, [&](const std::string& name, uint64_t n) {
      out.Sample({{"service", service.name}, {"code_class", name}}, n);
    });
  }
  out.Family("koi_tls_handshakes_total", kCounter, "TLS handshakes completed.");
  for (const ServiceStats& service : stats.services) {
    out.Sample({{"service", service.name}, {"version", "TLSv1.2"}},
               service.handshakes - std::min(service.handshakes, service.handshakes_tls13));
    out.Sample({{"service", service.name}, {"version", "TLSv1.3"}}, service.handshakes_tls13);
  }
  for (const Histogram<ServiceStats>& histogram : kServiceHistograms) {
    out.Family(histogram.name, MetricType::kHistogram, histogram.help);
    for (const ServiceStats& service : stats.services) {
      out.Histogram({{"service", service.name}}, service.*histogram.latency);
    }
  }
}

void WritePools(const Stats& stats, PrometheusWriter& out) {
  for (const Metric<PoolStats>& metric : kPoolMetrics) {
    out.Family(metric.name, metric.type, metric.help);
    for (const PoolStats& pool : stats.pools) {
      out.Sample({{"pool", pool.name}}, pool.*metric.value);
    }
  }
  out.Family("koi_pool_queue_seconds", MetricType::kHistogram,
             "Waiting for a backend, of those that had to.");
  for (const PoolStats& pool : stats.pools) out.Histogram({{"pool", pool.name}}, pool.queue_time);
}

void WriteCertificates(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_tls_certificate_expiry_timestamp_seconds", kGauge,
             "When a certificate in use expires, since 1970; the thousand that expire first.");
  for (const CertificateExpiry& one : stats.certificates) {
    const bool of_pool = !one.pool.empty();
    out.Sample(
        {{of_pool ? "pool" : "service", of_pool ? one.pool : one.service}, {"name", one.name}},
        static_cast<uint64_t>(one.until_s));
  }
}

void WriteAccessLog(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_access_log_written_total", kCounter,
             "Lines of the access log that were written.");
  out.Sample({}, stats.access_log.written);
  out.Family("koi_access_log_dropped_total", kCounter,
             "Lines of the access log that are lost: nobody took them in time, or no file could.");
  out.Sample({}, stats.access_log.dropped);
}

// One sample of `value(backend)` for each backend.
template <typename Value>
void WriteBackendSamples(const Stats& stats, PrometheusWriter& out, Value value) {
  for (const PoolStats& pool : stats.pools) {
    for (const BackendStats& backend : pool.backends) {
      out.Sample({{"pool", pool.name}, {"backend", backend.name}}, uint64_t{value(backend)});
    }
  }
}

void WriteBackendRequests(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_backend_requests_total", kCounter,
             "Requests the backend answered, by the class of the status; in tcp mode connections.");
  for (const PoolStats& pool : stats.pools) {
    for (const BackendStats& backend : pool.backends) {
      ForEachClass(backend.requests, backend.responses, [&](const std::string& name, uint64_t n) {
        out.Sample({{"pool", pool.name}, {"backend", backend.name}, {"code_class", name}}, n);
      });
    }
  }
}

void WriteBackends(const Stats& stats, PrometheusWriter& out) {
  out.Family("koi_backend_up", kGauge, "Whether the backend's last checks say that it is well.");
  WriteBackendSamples(stats, out,
                      [](const BackendStats& backend) { return backend.health == "up"; });
  out.Family("koi_backend_draining", kGauge, "Whether it gets no new connections on request.");
  WriteBackendSamples(stats, out,
                      [](const BackendStats& backend) { return backend.admin == "draining"; });
  out.Family("koi_backend_weight", kGauge, "Its share of the work, relative to the others'.");
  WriteBackendSamples(stats, out, [](const BackendStats& backend) { return backend.weight; });
  for (const Metric<BackendStats>& metric : kBackendMetrics) {
    out.Family(metric.name, metric.type, metric.help);
    WriteBackendSamples(stats, out,
                        [&metric](const BackendStats& backend) { return backend.*metric.value; });
  }
  WriteBackendRequests(stats, out);
  for (const Histogram<BackendStats>& histogram : kBackendHistograms) {
    out.Family(histogram.name, MetricType::kHistogram, histogram.help);
    for (const PoolStats& pool : stats.pools) {
      for (const BackendStats& backend : pool.backends) {
        out.Histogram({{"pool", pool.name}, {"backend", backend.name}}, backend.*histogram.latency);
      }
    }
  }
}

}  // namespace

std::string PrometheusText(const Stats& stats) {
  PrometheusWriter out;
  WriteNode(stats, out);
  WriteXdp(stats, out);
  WriteCarp(stats, out);
  WriteVips(stats, out);
  WriteWorkers(stats, out);
  WriteServices(stats, out);
  WritePools(stats, out);
  WriteCertificates(stats, out);
  WriteAccessLog(stats, out);
  WriteBackends(stats, out);
  WriteL4(stats, out);
  return out.Take();
}

}  // namespace koi
