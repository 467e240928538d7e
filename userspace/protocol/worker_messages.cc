// SPDX-License-Identifier: Apache-2.0
// Worker messages as JSON.
#include "protocol/worker_messages.h"

#include "protocol/json_values.h"

namespace koi {

NLOHMANN_JSON_SERIALIZE_ENUM(ServiceMode,
                             {{ServiceMode::kHttp, "http"}, {ServiceMode::kTcp, "tcp"}})
NLOHMANN_JSON_SERIALIZE_ENUM(TlsMode, {{TlsMode::kOff, "off"},
                                       {TlsMode::kTerminate, "terminate"},
                                       {TlsMode::kPassthrough, "passthrough"}})

NLOHMANN_JSON_SERIALIZE_ENUM(Balance, {{Balance::kRoundRobin, "round-robin"},
                                       {Balance::kLeastConnections, "least-connections"},
                                       {Balance::kRandomTwo, "random-two"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ServiceTimeouts, handshake, head, idle, body, tunnel, drain)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ServiceLimits, head_bytes, headers, body_bytes, body_rate,
                                   requests_per_connection)
NLOHMANN_JSON_SERIALIZE_ENUM(ForwardedHeaders, {{ForwardedHeaders::kXForwarded, "x-forwarded"},
                                                {ForwardedHeaders::kRfc7239, "rfc7239"},
                                                {ForwardedHeaders::kBoth, "both"},
                                                {ForwardedHeaders::kOff, "off"}})
NLOHMANN_JSON_SERIALIZE_ENUM(RequestIdHeader, {{RequestIdHeader::kOff, "off"},
                                               {RequestIdHeader::kForward, "forward"},
                                               {RequestIdHeader::kReturn, "return"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Upgrades, {{Upgrades::kWebSocket, "websocket"},
                                        {Upgrades::kAny, "any"},
                                        {Upgrades::kOff, "off"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HttpOptions, forwarded, request_id, upgrade)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PoolTimeouts, connect, response, idle, queue)
NLOHMANN_JSON_SERIALIZE_ENUM(SendProxy, {{SendProxy::kOff, "off"},
                                         {SendProxy::kV1, "v1"},
                                         {SendProxy::kV2, "v2"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerRoute, sni, pool)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerWelcome, cpu, node_name, revision, seat)
NLOHMANN_JSON_SERIALIZE_ENUM(TlsVersion, {{TlsVersion::k12, "1.2"}, {TlsVersion::k13, "1.3"}})
NLOHMANN_JSON_SERIALIZE_ENUM(ClientCertificates, {{ClientCertificates::kOff, "off"},
                                                  {ClientCertificates::kOptional, "optional"},
                                                  {ClientCertificates::kRequired, "required"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TlsOptions, min_version, max_version, tls12_ciphers,
                                   tls13_ciphers, groups, alpn, strict_sni, tickets,
                                   client_certificates)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MessageFile, digest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerService, number, name, mode, listen, tls, tls_options,
                                   client_ca_pem, certificates, ticket_lifetime, redirect_to_https,
                                   welcome_page, pool, routes, routes_only, access_log, timeouts,
                                   limits, accept_proxy, trusted_proxies, http)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PoolLimits, connections, queue, idle_connections)
void to_json(Json& json, const TrustedText& trusted) { json = trusted.digest; }
void from_json(const Json& json, TrustedText& trusted) { json.get_to(trusted.digest); }
NLOHMANN_JSON_SERIALIZE_ENUM(SniSource, {{SniSource::kFixed, "fixed"},
                                         {SniSource::kClient, "client"},
                                         {SniSource::kHost, "host"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerPoolTls, verify, name, sni, sni_from, tls12, tls13, trust,
                                   chain_pem, key_pem)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerTrust, digest, pem)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerPool, number, name, balance, slow_start, send_proxy,
                                   timeouts, limits, has_tls, tls)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerTicketKeys, keys)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerDrain, limit_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerReady, revision, seat, draining)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerFailed, why, revision, serving)

namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

Json Typed(const char* type, Json body = Json::object()) {
  body["type"] = type;
  return body;
}

WorkerMessage FromJson(const Json& json) {
  const auto type = json.at("type").get<std::string>();
  if (type == "welcome") return json.get<WorkerWelcome>();
  if (type == "peers") return WorkerPeers{};
  if (type == "service") return json.get<WorkerService>();
  if (type == "trust") return json.get<WorkerTrust>();
  if (type == "pool") return json.get<WorkerPool>();
  if (type == "ticket-keys") return json.get<WorkerTicketKeys>();
  if (type == "start") return WorkerStart{};
  if (type == "drain") return json.get<WorkerDrain>();
  if (type == "ready") return json.get<WorkerReady>();
  if (type == "failed") return json.get<WorkerFailed>();
  RefuseJson(absl::StrCat("unknown type \"", type, "\""));
}

}  // namespace

std::vector<int> DescriptorsOf(const WorkerService& service) {
  if (service.certificates.file == nullptr) return {};
  return {service.certificates.file->get()};
}

std::string EncodeWorkerMessage(const WorkerMessage& message) {
  return ToText(
      std::visit(Overloaded{
                     [](const WorkerWelcome& welcome) { return Typed("welcome", welcome); },
                     [](const WorkerPeers&) { return Typed("peers"); },
                     [](const WorkerService& service) { return Typed("service", service); },
                     [](const WorkerTrust& trust) { return Typed("trust", trust); },
                     [](const WorkerPool& pool) { return Typed("pool", pool); },
                     [](const WorkerTicketKeys& keys) { return Typed("ticket-keys", keys); },
                     [](const WorkerStart&) { return Typed("start"); },
                     [](const WorkerDrain& drain) { return Typed("drain", drain); },
                     [](const WorkerReady& ready) { return Typed("ready", ready); },
                     [](const WorkerFailed& failed) { return Typed("failed", failed); },
                 },
                 message));
}

absl::StatusOr<WorkerMessage> DecodeWorkerMessage(absl::string_view bytes) {
  return Decode<WorkerMessage>("worker message", bytes, FromJson);
}

}  // namespace koi
