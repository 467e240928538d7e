// SPDX-License-Identifier: Apache-2.0
// What the control API (over the Unix socket) and the stats endpoint (over TCP, read-only) say, as
// values. The CLI and the manager share this file and nothing else.
//
//   GET  /stats               Stats
//   GET  /stats/cpu/N         CpuStats
//   GET  /certificates        CertificateList
//   GET  /metrics             Prometheus text
//   GET  /health              "ok" 200, or 503 with why
//   and on the Unix socket alone:
//   POST /backends/add        BackendAdd     -> BackendChange
//   POST /backends/drain      BackendName    -> BackendChange
//   POST /backends/undrain    BackendName    -> BackendChange
//   POST /backends/remove     BackendName    -> BackendChange
//   POST /backends/weight     BackendWeight  -> BackendChange
//   POST /workers/replace     WorkerReplace  -> CpuStats, as it begins
//   POST /certificates/reload {}             -> CertificateList
//   GET  /diff                DiffReport
//   POST /reload              ReloadReport
//   /deny, /deny/...          protocol/deny_messages.h
//   /explain                  protocol/explain_messages.h
//
// A failure is an HTTP error status and {"error": "..."}.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/diff.h"
#include "config/error.h"
#include "protocol/carp_messages.h"
#include "protocol/traffic_stats.h"

namespace koi {

// A worker that has been replaced and finishes what it has.
struct LeavingStats {
  int pid = 0;
  uint64_t connections = 0;
  int64_t ends_in_ms = 0;  // at the latest
};

struct CpuStats {
  int cpu = 0;
  int pid = 0;             // 0: no worker now
  std::string state = {};  // "starting", "serving", "failed", "gone"
  uint64_t starts = 0;
  uint64_t steered = 0;  // connections (SYNs) that XDP sent to this CPU
  uint64_t steered_packets = 0;
  uint64_t accepted = 0;
  uint64_t misplaced = 0;
  uint64_t handshakes = 0;
  uint64_t handshake_failures = 0;
  uint64_t connections = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t cut = 0;  // connections that had not ended when their worker had to
  std::vector<LeavingStats> leaving = {};
  bool replacing = false;             // another worker is about to follow
  std::string replace_failure = {};   // why the last one did not
  bool services_current = false;      // it has the services that the manager has
  std::string services_refusal = {};  // why it has not taken them
  uint64_t handshakes_tls13 = 0;      // of the handshakes
  uint64_t handshakes_resumed = 0;
  ResponseStats responses = {};
  uint64_t log_dropped = 0;  // lines of the access log that nobody took in time
};

struct BackendStats {
  std::string name = {};
  std::string address = {};  // "10.0.0.1:80"
  std::string admin = {};    // "enabled", "draining"
  std::string health = {};   // "unknown", "up", "down"
  std::string why = {};      // of the health: "connection refused", "no answer in 1.0s"
  std::string origin = {};   // "file", "cli"
  std::string by = {};  // who added or drains it by the CLI, when (UTC, RFC 3339) and why; or ""
  std::string at = {};
  std::string reason = {};
  uint32_t weight = 0;
  uint64_t connections = 0;
  uint64_t connections_total = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t max_connections = 0;  // at once, over all workers; 0: any number
  ResponseStats responses = {};
  uint64_t retries = 0;             // sent here after another one had failed, or once more
  LatencyStats connect_time = {};   // with the TLS handshake, if there is one
  LatencyStats response_time = {};  // from the request to the response's head
  LatencyStats total_time = {};     // to its end; in tcp mode of the connection
  // Of an l4 pool, what koi_xdp sent there; of the figures above it has but bytes_out.
  uint64_t packets = 0;
  uint64_t new_flows = 0;     // TCP: SYNs; UDP: while its slot is in transition
  uint64_t flow_entries = 0;  // its flows that koi_flows remembers, at the last look
};

struct PoolStats {
  std::string name = {};
  std::string balance = {};
  std::vector<BackendStats> backends = {};
  uint64_t queued = 0;          // requests and connections that wait for a backend now
  uint64_t queue_full = 0;      // turned away, since as many waited as may
  uint64_t queue_timeouts = 0;  // waited in vain
  uint64_t retries = 0;
  LatencyStats queue_time = {};  // of those that had to wait
  std::string forward = {};      // "dsr", "ipip": it is an l4 pool; else ""
  uint64_t slots = 0;            // of its ring
  uint64_t slots_moved = 0;      // of them, in transition
};

struct ServiceStats {
  std::string name = {};
  std::string mode = {};  // "http", "tcp", "l4"
  std::string tls = {};   // "terminate", "off"
  std::vector<std::string> listen = {};
  std::string pool = {};  // "" where it redirects
  uint64_t backends_up = 0;
  uint64_t backends = 0;
  uint64_t connections = 0;  // of clients
  uint64_t connections_total = 0;
  uint64_t requests = 0;
  ResponseStats responses = {};
  uint64_t errors = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t handshakes = 0;
  uint64_t handshakes_tls13 = 0;
  uint64_t handshakes_resumed = 0;
  uint64_t handshake_failures = 0;
  LatencyStats handshake_time = {};
  LatencyStats response_time = {};          // from the request to the response's head
  LatencyStats total_time = {};             // to its end; in tcp mode of the connection
  std::vector<std::string> protocols = {};  // "tcp", "udp"
};

struct VipStats {
  std::string address = {};
  uint8_t vhid = 0;
  std::string role = {};  // of its group on this host
  bool present = false;   // whether the interface has the address now
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;  // of its l4 services
};

struct VerdictStats {
  std::string name = {};
  std::string action = {};  // "pass", "drop", "redirect"
  uint64_t packets = 0;
};

// When a certificate in use expires; of several for one name the first to do so.
struct CertificateExpiry {
  std::string service = {};
  std::string pool = {};  // in place of `service`, where koi shows it to backends
  std::string name = {};  // the first it is for
  int64_t until_s = 0;    // since 1970
};

// Lines of the access log, of all workers of this manager's time.
struct AccessLogStats {
  uint64_t written = 0;
  uint64_t dropped = 0;  // by workers, whose pipe was full, and by files that cannot be written
};

// koi_flows.
struct FlowTableStats {
  uint64_t entries = 0;  // live ones, at the last look
  uint64_t room = 0;
  uint64_t refused = 0;  // for want of room
};

struct Stats {
  std::string node = {};
  std::string version = {};
  std::string role = {};   // "master" if of any group, else "backup", "init"
  std::string since = {};  // of the role, UTC, RFC 3339
  int64_t since_ms_ago = 0;
  int64_t uptime_ms = 0;  // of the manager
  std::string interface = {};
  XdpReport xdp = {};
  CpuStats total = {};  // cpu -1: the sum
  std::vector<CpuStats> cpus = {};
  std::vector<ServiceStats> services = {};
  std::vector<PoolStats> pools = {};
  std::vector<VipStats> vips = {};
  std::vector<VerdictStats> verdicts = {};
  std::vector<CarpGroupReport> carp = {};
  std::vector<CertificateExpiry> certificates = {};  // the first to expire, at most a thousand
  AccessLogStats access_log = {};
  FlowTableStats flow_table = {};
  std::vector<std::string> warnings = {};  // sentences: what an operator should look at
};

struct BackendName {
  std::string pool = {};
  std::string name = {};
  std::string reason = {};  // why it is changed, in the words of whoever does; may be ""
};

struct BackendAdd {
  std::string pool = {};
  std::string name = {};
  std::string address = {};
  uint32_t weight = 100;
  std::string reason = {};
};

struct BackendWeight {
  std::string pool = {};
  std::string name = {};
  uint32_t weight = 0;
  std::string reason = {};
};

struct BackendChange {
  std::string pool = {};
  BackendStats backend = {};
};

struct CertificateStats {
  std::string service = {};
  std::string pool = {};  // in place of `service`, where koi shows it to backends
  std::string subject = {};
  std::vector<std::string> names = {};  // DNS names and addresses
  std::string until = {};               // UTC, RFC 3339
  int64_t until_s = 0;                  // the same, since 1970
  std::string fingerprint = {};         // SHA-256
  std::string chain_file = {};
  std::string key_file = {};
  std::string ocsp_file = {};  // "" for none
  std::string loaded = {};     // when, UTC, RFC 3339
  std::string waits = {};      // why what the files hold now is not in use; else ""
};

struct CertificateList {
  std::vector<CertificateStats> certificates = {};  // that are in use
  uint64_t changed = 0;                             // by this request
  std::vector<std::string> errors = {};             // of a reload: with any, nothing was changed
};

constexpr int64_t kMaxDrainLimitMs = 24 * 3'600'000;

struct WorkerReplace {
  int cpu = 0;
  int64_t limit_ms = 30'000;  // for what the present one has
};

// What became of a reload, or what one would do.
struct ReloadReport {
  enum class Outcome { kUnchanged, kApplied, kPending, kInvalid, kNeedsRestart };
  Outcome outcome = Outcome::kUnchanged;
  std::vector<ConfigChange> changes = {};
  std::vector<std::string> certificates = {};   // services whose certificate is another one
  std::vector<std::string> dropped = {};        // changes of the CLI that mean nothing any more
  std::vector<std::string> needs_restart = {};  // "node.interface eth0 -> eth1"
  std::vector<ConfigError> errors = {};
  std::vector<std::string> warnings = {};
};

// A change that the CLI made on this host.
struct CliChange {
  std::string change = {};  // "added", "removed", "draining", "weighted"
  std::string pool = {};
  std::string name = {};
  std::string address = {};  // of one that was added
  uint32_t weight = 0;       // of one that was added or weighted
  std::string by = {};
  std::string at = {};
  std::string why = {};
};

struct DiffReport {
  ReloadReport reload = {};  // what one would do now: kPending, kUnchanged or why not
  std::vector<CliChange> cli = {};
};

std::string EncodeJson(const Stats& value);
std::string EncodeJson(const CpuStats& value);
std::string EncodeJson(const BackendName& value);
std::string EncodeJson(const BackendAdd& value);
std::string EncodeJson(const BackendWeight& value);
std::string EncodeJson(const BackendChange& value);
std::string EncodeJson(const WorkerReplace& value);
std::string EncodeJson(const CertificateList& value);
std::string EncodeJson(const ReloadReport& value);
std::string EncodeJson(const DiffReport& value);
std::string EncodeError(absl::string_view message);

// InvalidArgument with what is missing or of the wrong type.
absl::StatusOr<Stats> DecodeStats(absl::string_view json);
absl::StatusOr<BackendName> DecodeBackendName(absl::string_view json);
absl::StatusOr<BackendAdd> DecodeBackendAdd(absl::string_view json);
absl::StatusOr<BackendWeight> DecodeBackendWeight(absl::string_view json);
absl::StatusOr<BackendChange> DecodeBackendChange(absl::string_view json);
absl::StatusOr<CpuStats> DecodeCpuStats(absl::string_view json);
absl::StatusOr<CertificateList> DecodeCertificateList(absl::string_view json);
absl::StatusOr<WorkerReplace> DecodeWorkerReplace(absl::string_view json);
absl::StatusOr<ReloadReport> DecodeReloadReport(absl::string_view json);
absl::StatusOr<DiffReport> DecodeDiffReport(absl::string_view json);
// The "error" of an error body, or the body itself.
std::string DecodeError(absl::string_view json);

}  // namespace koi
