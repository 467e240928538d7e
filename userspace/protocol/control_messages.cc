// SPDX-License-Identifier: Apache-2.0
// Control and stats messages as JSON. The stats endpoint's shape is public: fields are only ever
// added.
#include "protocol/control_messages.h"

#include "protocol/json_carp.h"
#include "protocol/json_traffic.h"

namespace koi {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LeavingStats, pid, connections, ends_in_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CpuStats, cpu, pid, state, starts, steered, steered_packets,
                                   accepted, misplaced, handshakes, handshake_failures, connections,
                                   requests, errors, bytes_in, bytes_out, cut, leaving, replacing,
                                   replace_failure, services_current, services_refusal,
                                   handshakes_tls13, handshakes_resumed, responses, log_dropped)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerReplace, cpu, limit_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CertificateStats, service, pool, subject, names, until, until_s,
                                   fingerprint, chain_file, key_file, ocsp_file, loaded, waits)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CertificateList, certificates, changed, errors)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BackendStats, name, address, admin, health, why, origin, by, at,
                                   reason, weight, connections, connections_total, requests, errors,
                                   bytes_in, bytes_out, max_connections, responses, retries,
                                   connect_time, response_time, total_time, packets, new_flows,
                                   flow_entries)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PoolStats, name, balance, backends, queued, queue_full,
                                   queue_timeouts, retries, queue_time, forward, slots, slots_moved)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ServiceStats, name, mode, tls, listen, pool, backends_up,
                                   backends, connections, connections_total, requests, responses,
                                   errors, bytes_in, bytes_out, handshakes, handshakes_tls13,
                                   handshakes_resumed, handshake_failures, handshake_time,
                                   response_time, total_time, protocols)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FlowTableStats, entries, room, refused)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CertificateExpiry, service, pool, name, until_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AccessLogStats, written, dropped)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(VipStats, address, vhid, role, present, packets, bytes,
                                   new_flows)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BackendChange, pool, backend)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CliChange, change, pool, name, address, weight, by, at, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KeyChange, key, before, after)
NLOHMANN_JSON_SERIALIZE_ENUM(ConfigChange::Kind, {{ConfigChange::Kind::kAdded, "added"},
                                                  {ConfigChange::Kind::kRemoved, "removed"},
                                                  {ConfigChange::Kind::kChanged, "changed"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ConfigChange, kind, noun, name, keys)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ConfigError, file, line, column, message, source_line)
NLOHMANN_JSON_SERIALIZE_ENUM(ReloadReport::Outcome,
                             {{ReloadReport::Outcome::kUnchanged, "unchanged"},
                              {ReloadReport::Outcome::kApplied, "applied"},
                              {ReloadReport::Outcome::kPending, "pending"},
                              {ReloadReport::Outcome::kInvalid, "invalid"},
                              {ReloadReport::Outcome::kNeedsRestart, "needs-restart"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReloadReport, outcome, changes, certificates, dropped,
                                   needs_restart, errors, warnings)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DiffReport, reload, cli)

// A request may leave out what has a default.
static void to_json(Json& json, const BackendWeight& backend) {
  json = {{"pool", backend.pool}, {"name", backend.name}, {"weight", backend.weight}};
  if (!backend.reason.empty()) json["reason"] = backend.reason;
}
static void from_json(const Json& json, BackendWeight& backend) {
  json.at("pool").get_to(backend.pool);
  json.at("name").get_to(backend.name);
  json.at("weight").get_to(backend.weight);
  if (json.contains("reason")) json.at("reason").get_to(backend.reason);
}
static void to_json(Json& json, const BackendName& backend) {
  json = {{"pool", backend.pool}, {"name", backend.name}};
  if (!backend.reason.empty()) json["reason"] = backend.reason;
}
static void from_json(const Json& json, BackendName& backend) {
  json.at("pool").get_to(backend.pool);
  json.at("name").get_to(backend.name);
  if (json.contains("reason")) json.at("reason").get_to(backend.reason);
}
static void to_json(Json& json, const BackendAdd& backend) {
  json = {{"pool", backend.pool},
          {"name", backend.name},
          {"address", backend.address},
          {"weight", backend.weight}};
  if (!backend.reason.empty()) json["reason"] = backend.reason;
}
static void from_json(const Json& json, BackendAdd& backend) {
  json.at("pool").get_to(backend.pool);
  json.at("name").get_to(backend.name);
  json.at("address").get_to(backend.address);
  if (json.contains("weight")) json.at("weight").get_to(backend.weight);
  if (json.contains("reason")) json.at("reason").get_to(backend.reason);
}

// "verdicts" is {"NAME": packets}; what each name does is in "verdict_actions".
static void to_json(Json& json, const Stats& stats) {
  Json verdicts = Json::object();
  Json actions = Json::object();
  for (const VerdictStats& verdict : stats.verdicts) {
    verdicts[verdict.name] = verdict.packets;
    actions[verdict.name] = verdict.action;
  }
  json = {{"node", stats.node},
          {"version", stats.version},
          {"role", stats.role},
          {"since", stats.since},
          {"since_ms_ago", stats.since_ms_ago},
          {"uptime_ms", stats.uptime_ms},
          {"interface", stats.interface},
          {"xdp", stats.xdp},
          {"total", stats.total},
          {"cpus", stats.cpus},
          {"services", stats.services},
          {"pools", stats.pools},
          {"vips", stats.vips},
          {"verdicts", verdicts},
          {"verdict_actions", actions},
          {"carp", stats.carp},
          {"certificates", stats.certificates},
          {"access_log", stats.access_log},
          {"flow_table", stats.flow_table},
          {"warnings", stats.warnings}};
}

static void from_json(const Json& json, Stats& stats) {
  json.at("node").get_to(stats.node);
  json.at("version").get_to(stats.version);
  json.at("role").get_to(stats.role);
  json.at("since").get_to(stats.since);
  json.at("since_ms_ago").get_to(stats.since_ms_ago);
  json.at("uptime_ms").get_to(stats.uptime_ms);
  json.at("interface").get_to(stats.interface);
  json.at("xdp").get_to(stats.xdp);
  json.at("total").get_to(stats.total);
  json.at("cpus").get_to(stats.cpus);
  json.at("services").get_to(stats.services);
  json.at("pools").get_to(stats.pools);
  json.at("vips").get_to(stats.vips);
  json.at("carp").get_to(stats.carp);
  json.at("certificates").get_to(stats.certificates);
  json.at("access_log").get_to(stats.access_log);
  json.at("flow_table").get_to(stats.flow_table);
  json.at("warnings").get_to(stats.warnings);
  for (const auto& [name, packets] : json.at("verdicts").items()) {
    stats.verdicts.push_back(
        {name, json.at("verdict_actions").at(name).get<std::string>(), packets.get<uint64_t>()});
  }
}

std::string EncodeJson(const Stats& value) { return ToText(value); }
std::string EncodeJson(const CpuStats& value) { return ToText(value); }
std::string EncodeJson(const BackendName& value) { return ToText(value); }
std::string EncodeJson(const BackendAdd& value) { return ToText(value); }
std::string EncodeJson(const BackendWeight& value) { return ToText(value); }
std::string EncodeJson(const BackendChange& value) { return ToText(value); }
std::string EncodeJson(const WorkerReplace& value) { return ToText(value); }
std::string EncodeJson(const CertificateList& value) { return ToText(value); }
std::string EncodeJson(const ReloadReport& value) { return ToText(value); }
std::string EncodeJson(const DiffReport& value) { return ToText(value); }
std::string EncodeError(absl::string_view message) {
  return ToText({{"error", std::string(message)}});
}

absl::StatusOr<Stats> DecodeStats(absl::string_view json) {
  return Decode<Stats>("stats answer", json,
                       [](const Json& parsed) { return parsed.get<Stats>(); });
}
absl::StatusOr<BackendName> DecodeBackendName(absl::string_view json) {
  return Decode<BackendName>("backend name", json,
                             [](const Json& parsed) { return parsed.get<BackendName>(); });
}
absl::StatusOr<BackendAdd> DecodeBackendAdd(absl::string_view json) {
  return Decode<BackendAdd>("backend to add", json,
                            [](const Json& parsed) { return parsed.get<BackendAdd>(); });
}
absl::StatusOr<BackendWeight> DecodeBackendWeight(absl::string_view json) {
  return Decode<BackendWeight>("weight of a backend", json,
                               [](const Json& parsed) { return parsed.get<BackendWeight>(); });
}
absl::StatusOr<BackendChange> DecodeBackendChange(absl::string_view json) {
  return Decode<BackendChange>("backend change", json,
                               [](const Json& parsed) { return parsed.get<BackendChange>(); });
}
absl::StatusOr<ReloadReport> DecodeReloadReport(absl::string_view json) {
  return Decode<ReloadReport>("reload report", json,
                              [](const Json& parsed) { return parsed.get<ReloadReport>(); });
}
absl::StatusOr<DiffReport> DecodeDiffReport(absl::string_view json) {
  return Decode<DiffReport>("diff report", json,
                            [](const Json& parsed) { return parsed.get<DiffReport>(); });
}

absl::StatusOr<CpuStats> DecodeCpuStats(absl::string_view json) {
  return Decode<CpuStats>("worker's answer", json,
                          [](const Json& parsed) { return parsed.get<CpuStats>(); });
}
absl::StatusOr<CertificateList> DecodeCertificateList(absl::string_view json) {
  return Decode<CertificateList>("list of certificates", json,
                                 [](const Json& parsed) { return parsed.get<CertificateList>(); });
}
absl::StatusOr<WorkerReplace> DecodeWorkerReplace(absl::string_view json) {
  return Decode<WorkerReplace>("worker to replace", json, [](const Json& parsed) {
    const auto order = parsed.get<WorkerReplace>();
    if (order.limit_ms < 0 || order.limit_ms > kMaxDrainLimitMs) {
      RefuseJson(absl::StrCat("limit_ms ", order.limit_ms, " is not 0 to ", kMaxDrainLimitMs));
    }
    return order;
  });
}

std::string DecodeError(absl::string_view json) {
  const Json parsed = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_string()) {
    return parsed["error"].get<std::string>();
  }
  return std::string(json);
}

}  // namespace koi
