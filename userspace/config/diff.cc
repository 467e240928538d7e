// SPDX-License-Identifier: Apache-2.0
// Configurations as lists of named things with keys, and comparing such lists.
#include "config/diff.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace koi {
namespace {

constexpr char kSecret[] = "(secret)";

struct Key {
  std::string name;
  std::string value;  // "" is like none
  bool secret = false;

  std::string Shown() const { return secret && !value.empty() ? kSecret : value; }
};

struct Thing {
  const char* noun = "";
  std::string name;
  std::vector<Key> keys;
};

std::string Flag(bool value) { return value ? "true" : "false"; }

std::string Joined(const std::vector<Prefix>& prefixes) {
  return absl::StrJoin(prefixes, ", ", [](std::string* out, const Prefix& prefix) {
    absl::StrAppend(out, prefix.ToString());
  });
}

Thing Describe(const NodeConfig& node) {
  return {"node",
          "",
          {{"name", node.name},
           {"interface", node.interface},
           {"run", node.run},
           {"state", node.state},
           {"bpffs", node.bpffs}}};
}

Thing Describe(const XdpConfig& xdp) {
  const char* mode = xdp.mode == XdpMode::kNative    ? "native"
                     : xdp.mode == XdpMode::kGeneric ? "generic"
                                                     : "auto";
  const char* steer = xdp.steer == XdpSteer::kAlways  ? "always"
                      : xdp.steer == XdpSteer::kNever ? "never"
                                                      : "elsewhere";
  return {"xdp",
          "",
          {{"mode", mode},
           {"attach", xdp.attach == XdpAttach::kAlways ? "always" : "on-master"},
           {"steer", steer},
           {"tunnel_sources", Joined(xdp.tunnel_sources)},
           {"flows", absl::StrCat(xdp.flows)},
           {"idle.tcp", FormatDuration(xdp.idle_tcp)},
           {"idle.udp", FormatDuration(xdp.idle_udp)}}};
}

Thing Describe(const CarpConfig& carp) {
  return {"group",
          absl::StrCat(carp.vhid),
          {{"password", carp.password, true},
           {"advbase", absl::StrCat(carp.advbase)},
           {"advskew", absl::StrCat(carp.advskew)},
           {"preempt", Flag(carp.preempt)},
           {"hash", carp.hash == CarpHash::kAll ? "all" : "first"},
           {"dead_ratio", absl::StrCat(carp.dead_ratio)},
           {"source", carp.source.has_value() ? carp.source->ToString() : ""}}};
}

Thing Describe(const StatsConfig& stats) {
  return {"stats",
          "",
          {{"listen", stats.listen.ToString()},
           {"user", stats.user},
           {"password", stats.password, true}}};
}

void Describe(const ServiceTimeouts& timeouts, Thing& thing) {
  thing.keys.push_back({"timeouts.handshake", FormatDuration(timeouts.handshake)});
  thing.keys.push_back({"timeouts.head", FormatDuration(timeouts.head)});
  thing.keys.push_back({"timeouts.idle", FormatDuration(timeouts.idle)});
  thing.keys.push_back({"timeouts.body", FormatDuration(timeouts.body)});
  thing.keys.push_back({"timeouts.tunnel", FormatDuration(timeouts.tunnel)});
  thing.keys.push_back({"timeouts.drain", FormatDuration(timeouts.drain)});
}

void Describe(const ServiceLimits& limits, Thing& thing) {
  thing.keys.push_back({"limits.head_bytes", absl::StrCat(limits.head_bytes)});
  thing.keys.push_back({"limits.headers", absl::StrCat(limits.headers)});
  thing.keys.push_back({"limits.body_bytes", absl::StrCat(limits.body_bytes)});
  thing.keys.push_back({"limits.body_rate", absl::StrCat(limits.body_rate)});
  thing.keys.push_back(
      {"limits.requests_per_connection", absl::StrCat(limits.requests_per_connection)});
}

Thing Describe(const TicketConfig& tickets) {
  return {"tickets",
          "",
          {{"rotation", FormatDuration(tickets.rotation)}, {"secret_file", tickets.secret, true}}};
}

const char* VersionText(TlsVersion version) { return version == TlsVersion::k13 ? "1.3" : "1.2"; }

void AddTlsOptions(const ServiceConfig& service, std::vector<Key>& keys) {
  const TlsOptions& options = service.tls_options;
  const auto wanted = options.client_certificates;
  keys.push_back({"certificates_folder", service.certificates_folder});
  keys.push_back({"tls_options.min_version", VersionText(options.min_version)});
  keys.push_back({"tls_options.max_version", VersionText(options.max_version)});
  keys.push_back({"tls_options.tls12_ciphers", options.tls12_ciphers});
  keys.push_back({"tls_options.tls13_ciphers", options.tls13_ciphers});
  keys.push_back({"tls_options.groups", options.groups});
  keys.push_back({"tls_options.alpn", absl::StrJoin(options.alpn, ",")});
  keys.push_back({"tls_options.strict_sni", options.strict_sni ? "true" : ""});
  keys.push_back({"tls_options.tickets", options.tickets ? "" : "false"});
  keys.push_back(
      {"tls_options.client_certificates", wanted == ClientCertificates::kRequired   ? "required"
                                          : wanted == ClientCertificates::kOptional ? "optional"
                                                                                    : ""});
  keys.push_back({"tls_options.client_ca", service.client_ca_file});
}

void Describe(const HttpOptions& http, Thing& thing) {
  constexpr const char* kForwarded[] = {"x-forwarded", "rfc7239", "both", "off"};
  constexpr const char* kRequestId[] = {"", "forward", "return"};
  constexpr const char* kUpgrade[] = {"websocket", "any", "off"};
  thing.keys.push_back({"forwarded", kForwarded[static_cast<int>(http.forwarded)]});
  thing.keys.push_back({"request_id", kRequestId[static_cast<int>(http.request_id)]});
  thing.keys.push_back({"upgrade", kUpgrade[static_cast<int>(http.upgrade)]});
}

void AddCheck(const CheckConfig& check, std::vector<Key>& keys) {
  keys.push_back({"check.interval", FormatDuration(check.interval)});
  keys.push_back({"check.timeout", FormatDuration(check.timeout)});
  keys.push_back({"check.rise", absl::StrCat(check.rise)});
  keys.push_back({"check.fall", absl::StrCat(check.fall)});
}

Thing DescribeL4(const PoolConfig& pool) {
  Thing thing{"pool",
              pool.name,
              {{"forward", ForwardName(pool.l4.forward)},
               {"ring_size", absl::StrCat(pool.l4.ring_size)},
               {"affinity", AffinityName(pool.l4.affinity)},
               {"on_down", OnDownName(pool.l4.on_down)},
               {"slow_start", FormatDuration(pool.slow_start)}}};
  AddCheck(pool.check, thing.keys);
  return thing;
}

Thing Describe(const PoolConfig& pool) {
  if (pool.is_l4()) return DescribeL4(pool);
  Thing thing{"pool",
              pool.name,
              {{"balance", BalanceName(pool.balance)},
               {"slow_start", FormatDuration(pool.slow_start)},
               {"limits.connections", absl::StrCat(pool.limits.connections)},
               {"limits.queue", absl::StrCat(pool.limits.queue)},
               {"limits.idle_connections", absl::StrCat(pool.limits.idle_connections)},
               {"send_proxy", SendProxyName(pool.send_proxy)},
               {"timeouts.connect", FormatDuration(pool.timeouts.connect)},
               {"timeouts.response", FormatDuration(pool.timeouts.response)},
               {"timeouts.idle", FormatDuration(pool.timeouts.idle)},
               {"timeouts.queue", FormatDuration(pool.timeouts.queue)}}};
  AddCheck(pool.check, thing.keys);
  return thing;
}

const char* SniSourceText(SniSource source) {
  switch (source) {
    case SniSource::kFixed: return "";
    case SniSource::kClient: return "client";
    case SniSource::kHost: return "host";
  }
  return "";
}

void AddPoolTls(const PoolConfig& pool, std::vector<Key>& keys) {
  if (!pool.has_tls) return;
  keys.push_back({"tls.verify", pool.tls.verify ? "true" : "false"});
  keys.push_back({"tls.ca", pool.tls_files.ca});
  keys.push_back({"tls.name", pool.tls.name});
  keys.push_back({"tls.sni", pool.tls.sni});
  keys.push_back({"tls.sni_from", SniSourceText(pool.tls.sni_from)});
  keys.push_back({"tls.certificate", pool.tls_files.certificate});
  keys.push_back({"tls.key", pool.tls_files.key});
  keys.push_back({"tls.min_version", VersionText(pool.tls.min_version)});
  keys.push_back({"tls.max_version", VersionText(pool.tls.max_version)});
}

Thing Describe(const PoolConfig& pool, const BackendConfig& backend) {
  return {"backend",
          absl::StrCat(pool.name, "/", backend.name),
          {{"address", backend.endpoint.ToString()},
           {"weight", absl::StrCat(backend.weight)},
           {"max_connections",
            backend.max_connections == 0 ? "" : absl::StrCat(backend.max_connections)},
           {"draining", backend.draining ? "true" : ""},
           {"from", backend.from_cli ? "cli" : "file"}}};
}

std::string Joined(const std::vector<Endpoint>& listen) {
  return absl::StrJoin(listen, ", ", [](std::string* out, const Endpoint& endpoint) {
    absl::StrAppend(out, ListenText(endpoint));
  });
}

Thing DescribeL4(const Config& config, const ServiceConfig& service) {
  const L4Protocols& protocols = service.protocols;
  return {"service",
          service.name,
          {{"mode", ServiceModeName(service.mode)},
           {"listen", Joined(service.listen)},
           {"protocols", protocols.tcp && protocols.udp ? "tcp, udp"
                         : protocols.udp                ? "udp"
                                                        : "tcp"},
           {"pool", service.pool.has_value() ? config.pools[*service.pool].name : ""}}};
}

Thing Describe(const Config& config, const ServiceConfig& service) {
  if (service.is_l4()) return DescribeL4(config, service);
  Thing thing{"service",
              service.name,
              {{"mode", ServiceModeName(service.mode)},
               {"listen", Joined(service.listen)},
               {"tls", TlsModeName(service.tls)},
               {"self_signed", service.self_signed ? "true" : ""},
               {"access_log", service.access_log},
               {"when_empty", service.welcome_when_empty ? "welcome" : ""},
               {"redirect", service.redirect_to_https ? "https" : ""},
               {"pool", service.pool.has_value() ? config.pools[*service.pool].name : ""}}};
  Describe(service.timeouts, thing);
  Describe(service.limits, thing);
  if (service.mode == ServiceMode::kHttp) Describe(service.http, thing);
  thing.keys.push_back({"accept_proxy", Joined(service.accept_proxy)});
  thing.keys.push_back({"trusted_proxies", Joined(service.trusted_proxies)});
  for (const RouteConfig& route : service.routes) {
    thing.keys.push_back(
        {absl::StrCat("route ", absl::StrJoin(route.sni, ", ")), config.pools[route.pool].name});
  }
  for (const CertificateConfig& certificate : service.certificates) {
    thing.keys.push_back({"certificates.chain", certificate.chain_file});
    thing.keys.push_back({"certificates.key", certificate.key_file});
    thing.keys.push_back({"certificates.ocsp", certificate.ocsp_file});
  }
  if (service.tls == TlsMode::kTerminate) AddTlsOptions(service, thing.keys);
  return thing;
}

std::vector<Thing> DescribeAll(const Config& config) {
  std::vector<Thing> things = {Describe(config.node), Describe(config.xdp)};
  for (const CarpConfig& carp : config.carp) things.push_back(Describe(carp));
  for (const VipConfig& vip : config.vips) {
    things.push_back(
        {"VIP", vip.address.ToString(), {{"group", absl::StrCat(config.carp[vip.group].vhid)}}});
  }
  if (config.stats.has_value()) things.push_back(Describe(*config.stats));
  things.push_back(Describe(config.tickets));
  for (const PoolConfig& pool : config.pools) {
    things.push_back(Describe(pool));
    AddPoolTls(pool, things.back().keys);
  }
  for (const PoolConfig& pool : config.pools) {
    for (const BackendConfig& backend : pool.backends) things.push_back(Describe(pool, backend));
  }
  for (const ServiceConfig& service : config.services) {
    things.push_back(Describe(config, service));
  }
  return things;
}

const Thing* Same(const std::vector<Thing>& things, const Thing& wanted) {
  for (const Thing& thing : things) {
    if (absl::string_view(thing.noun) == wanted.noun && thing.name == wanted.name) return &thing;
  }
  return nullptr;
}

const Key* Same(const std::vector<Key>& keys, const std::string& name) {
  for (const Key& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::vector<KeyChange> DiffKeys(const std::vector<Key>& before, const std::vector<Key>& after) {
  std::vector<KeyChange> changes;
  for (const Key& key : before) {
    const Key* now = Same(after, key.name);
    if ((now == nullptr ? "" : now->value) == key.value) continue;
    changes.push_back({key.name, key.Shown(), now == nullptr ? "" : now->Shown()});
  }
  for (const Key& key : after) {
    if (Same(before, key.name) == nullptr && !key.value.empty()) {
      changes.push_back({key.name, "", key.Shown()});
    }
  }
  return changes;
}

std::string ShownValue(const std::string& value) { return value.empty() ? "(none)" : value; }

// What is made once: folders, maps, the ring of a pool.
bool NeedsRestart(const ConfigChange& change, const KeyChange& key) {
  if (change.noun == "node") return true;
  if (change.noun == "xdp") return key.key == "flows";
  if (change.noun != "pool" || change.kind != ConfigChange::Kind::kChanged) return false;
  if (key.key == "ring_size") return true;
  return key.key == "forward" && (key.before.empty() || key.after.empty());
}

}  // namespace

std::string ConfigChange::ToString() const {
  const char* sign = kind == Kind::kAdded ? "+" : kind == Kind::kRemoved ? "-" : "~";
  std::string text = absl::StrCat(sign, " ", noun, name.empty() ? "" : " ", name);
  if (kind == Kind::kRemoved) return text;
  const char* separator = ": ";
  for (const KeyChange& change : keys) {
    absl::StrAppend(&text, std::exchange(separator, ", "), change.key, " ");
    if (kind == Kind::kAdded) {
      absl::StrAppend(&text, change.after);
    } else if (change.before == kSecret && change.after == kSecret) {
      absl::StrAppend(&text, "(secret) changed");
    } else {
      absl::StrAppend(&text, ShownValue(change.before), " -> ", ShownValue(change.after));
    }
  }
  return text;
}

std::vector<ConfigChange> DiffConfigs(const Config& before, const Config& after) {
  const std::vector<Thing> old_things = DescribeAll(before);
  const std::vector<Thing> new_things = DescribeAll(after);
  std::vector<ConfigChange> changes;
  for (const char* noun :
       {"node", "xdp", "group", "VIP", "stats", "tickets", "pool", "backend", "service"}) {
    for (const Thing& thing : old_things) {
      if (absl::string_view(thing.noun) != noun) continue;
      const Thing* now = Same(new_things, thing);
      std::vector<KeyChange> keys =
          DiffKeys(thing.keys, now == nullptr ? std::vector<Key>() : now->keys);
      if (now == nullptr) {
        changes.push_back({ConfigChange::Kind::kRemoved, noun, thing.name, std::move(keys)});
      } else if (!keys.empty()) {
        changes.push_back({ConfigChange::Kind::kChanged, noun, thing.name, std::move(keys)});
      }
    }
    for (const Thing& thing : new_things) {
      if (absl::string_view(thing.noun) != noun || Same(old_things, thing) != nullptr) continue;
      changes.push_back({ConfigChange::Kind::kAdded, noun, thing.name, DiffKeys({}, thing.keys)});
    }
  }
  return changes;
}

std::vector<std::string> ChangesNeedingRestart(const std::vector<ConfigChange>& changes) {
  std::vector<std::string> found;
  for (const ConfigChange& change : changes) {
    for (const KeyChange& key : change.keys) {
      if (!NeedsRestart(change, key)) continue;
      const std::string name = change.name.empty() ? "" : absl::StrCat(" ", change.name);
      found.push_back(absl::StrCat(change.noun, name, ".", key.key, " ", ShownValue(key.before),
                                   " -> ", ShownValue(key.after)));
    }
  }
  return found;
}

}  // namespace koi
