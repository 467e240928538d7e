// SPDX-License-Identifier: Apache-2.0
// What only l4 services and their pools have, and what they cannot have.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

// Of [[service]] and [[pool]]: what a worker would do.
constexpr const char* kWorkerServiceKeys[] = {"tls",
                                              "self_signed",
                                              "certificates_folder",
                                              "certificates",
                                              "tls_options",
                                              "redirect",
                                              "access_log",
                                              "when_empty",
                                              "route",
                                              "accept_proxy",
                                              "timeouts",
                                              "limits",
                                              "forwarded",
                                              "request_id",
                                              "upgrade",
                                              "trusted_proxies"};
constexpr const char* kWorkerPoolKeys[] = {"balance", "send_proxy", "tls", "timeouts", "limits"};
constexpr const char* kL4PoolKeys[] = {"ring_size", "affinity", "on_down"};

std::string Quoted(const char* forward) { return absl::StrCat("forward = \"", forward, "\""); }

uint32_t BuildRingSize(BuildContext& context, const Section& section) {
  const int64_t size = section.GetOr<int64_t>("ring_size", kDefaultRingSize);
  const auto ring_size = static_cast<uint32_t>(size);
  if (IsPrime(ring_size)) return ring_size;
  context.problems.Error(
      section.PlaceOf("ring_size"),
      absl::StrCat("ring_size ", size, " is not prime; the next prime is ", NextPrime(ring_size)));
  return kDefaultRingSize;
}

void CheckRingHolds(BuildContext& context, const Section& section, const PoolConfig& pool) {
  if (pool.backends.size() <= pool.l4.ring_size) return;
  context.problems.Error(section.PlaceOf("ring_size"),
                         absl::StrCat(Label(section, "pool"), " has ", pool.backends.size(),
                                      " backends and a ring of ", pool.l4.ring_size,
                                      " slots; a slot is one backend's"));
}

// One packet's addresses are of one family, and in dsr they stay what they are.
void CheckFamilies(BuildContext& context, const Section& section, const ServiceConfig& service) {
  const PoolConfig& pool = context.config.pools[*service.pool];
  if (pool.l4.forward != Forward::kDsr || !section.Has("listen")) return;
  for (const PlacedEndpoint& listen : section.Get<std::vector<PlacedEndpoint>>("listen")) {
    const auto other =
        std::find_if(pool.backends.begin(), pool.backends.end(), [&](const BackendConfig& backend) {
          return backend.endpoint.address.is_ip4() != listen.endpoint.address.is_ip4();
        });
    if (other == pool.backends.end()) continue;
    context.problems.Error(
        listen.place,
        absl::StrCat(Label(section, "service"), " listens on ", ListenText(listen.endpoint),
                     ", and backend \"", other->name, "\" of pool \"", pool.name, "\" is at ",
                     other->endpoint.address.ToString(), ": with ", Quoted("dsr"),
                     " both are of one family; ", Quoted("ipip"), " takes either"));
  }
}

void CheckL4Backend(BuildContext& context, const Section& section) {
  if (section.Written("max_connections")) {
    context.problems.Error(section.PlaceOf("max_connections"),
                           "max_connections is for pools that koi connects to; this one has "
                           "forward, and koi sees no connections");
  }
  if (!section.Has("address")) return;
  const Address& address = section.Get<Endpoint>("address").address;
  if (!context.vips.Has(address.ToString())) return;
  context.problems.Error(section.PlaceOf("address"),
                         absl::StrCat("a backend cannot be at ", address.ToString(),
                                      ", which is a VIP: it has that too, but packets are sent to "
                                      "an address of its own"));
}

L4Protocols BuildProtocols(BuildContext& context, const Section& section) {
  if (!section.Has("protocols")) return {};
  L4Protocols protocols{.tcp = false, .udp = false};
  for (const PlacedText& written : section.Get<std::vector<PlacedText>>("protocols")) {
    bool& protocol = written.text == "udp" ? protocols.udp : protocols.tcp;
    if (protocol) {
      context.problems.Error(written.place,
                             absl::StrCat("protocols has \"", written.text, "\" twice"));
    }
    protocol = true;
  }
  return protocols;
}

}  // namespace

void BuildL4Pool(BuildContext& context, const Section& section, PoolConfig& pool) {
  const std::string label = Label(section, "pool");
  if (!section.Written("forward")) {
    for (const char* key : kL4PoolKeys) {
      if (!section.Written(key)) continue;
      context.problems.Error(
          section.PlaceOf(key),
          absl::StrCat(label, " has ", key, ", which is for pools of l4 services; these have ",
                       Quoted("dsr"), " or ", Quoted("ipip")));
    }
    return;
  }
  pool.l4.ring_size = BuildRingSize(context, section);
  const bool by_source = section.GetOr<std::string>("affinity", "flow") == "source";
  pool.l4.affinity = by_source ? Affinity::kSource : Affinity::kFlow;
  const bool keeps = section.GetOr<std::string>("on_down", "leave") == "keep";
  pool.l4.on_down = keeps ? OnDown::kKeep : OnDown::kLeave;
  for (const char* key : kWorkerPoolKeys) {
    if (!section.Written(key)) continue;
    context.problems.Error(
        section.PlaceOf(key),
        absl::StrCat(label, " has ", key, " and forward: packets are sent on as they come, and ",
                     key, " is for pools that koi connects to"));
  }
  for (const Section& backend : section.Inside("backend")) CheckL4Backend(context, backend);
  CheckRingHolds(context, section, pool);
}

void BuildL4Service(BuildContext& context, const Section& section, ServiceConfig& service) {
  const std::string label = Label(section, "service");
  service.protocols = BuildProtocols(context, section);
  if (!service.is_l4()) {
    if (section.Written("protocols") && section.Has("mode")) {
      context.problems.Error(section.PlaceOf("protocols"),
                             absl::StrCat(label, " has protocols, which is for mode = \"l4\""));
    }
    service.protocols = {};
    return;
  }
  for (const char* key : kWorkerServiceKeys) {
    if (!section.Written(key)) continue;
    context.problems.Error(section.PlaceOf(key),
                           absl::StrCat(label, " has ", key,
                                        ", and mode = \"l4\": packets are sent on as they come, "
                                        "koi ends no connection"));
  }
}

void CheckPoolFits(BuildContext& context, const Section& section, const std::string& label,
                   const ServiceConfig& service, uint32_t index) {
  const PoolConfig& pool = context.config.pools[index];
  if (!section.Has("pool")) return;
  if (service.is_l4() && !pool.is_l4()) {
    context.problems.Error(section.PlaceOf("pool"),
                           absl::StrCat(label, " has mode = \"l4\", and pool \"", pool.name,
                                        "\" does not say how packets reach its backends: it lacks ",
                                        Quoted("dsr"), " or ", Quoted("ipip")));
  } else if (!service.is_l4() && pool.is_l4()) {
    context.problems.Error(
        section.PlaceOf("pool"),
        absl::StrCat(label, " has mode = \"", ServiceModeName(service.mode), "\", and pool \"",
                     pool.name, "\" has ", Quoted(ForwardName(pool.l4.forward)),
                     ", which is for mode = \"l4\""));
  } else if (service.is_l4()) {
    CheckFamilies(context, section, service);
  }
}

void BuildTunnelSources(BuildContext& context, const Section& section, XdpConfig& xdp) {
  if (!section.Has("tunnel_sources")) return;
  xdp.tunnel_sources = section.Get<std::vector<Prefix>>("tunnel_sources");
  for (const bool ip4 : {true, false}) {
    const auto count =
        std::count_if(xdp.tunnel_sources.begin(), xdp.tunnel_sources.end(),
                      [ip4](const Prefix& prefix) { return prefix.address().is_ip4() == ip4; });
    if (count <= 1) continue;
    context.problems.Error(section.PlaceOf("tunnel_sources"),
                           absl::StrCat("tunnel_sources has ", count, ip4 ? " IPv4" : " IPv6",
                                        " networks; one is enough"));
  }
}

}  // namespace koi
