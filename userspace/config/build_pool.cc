// SPDX-License-Identifier: Apache-2.0
// Pools, their checks and backends.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

CheckConfig BuildCheck(BuildContext& context, const Section& section) {
  CheckConfig check;
  check.interval = section.GetOr("interval", check.interval);
  check.timeout = section.GetOr("timeout", std::min(check.timeout, check.interval));
  check.rise = static_cast<uint32_t>(section.GetOr<int64_t>("rise", check.rise));
  check.fall = static_cast<uint32_t>(section.GetOr<int64_t>("fall", check.fall));
  if (!section.GetOr("tcp", true)) {
    context.problems.Error(section.PlaceOf("tcp"),
                           "tcp false leaves nothing to check; a check is tcp = true");
  }
  if (section.Has("timeout") && check.timeout > check.interval) {
    context.problems.Error(
        section.PlaceOf("timeout"),
        absl::StrCat("timeout ", FormatDuration(check.timeout), " is longer than interval ",
                     FormatDuration(check.interval)));
  }
  return check;
}

PoolTimeouts BuildPoolTimeouts(const Section& section) {
  PoolTimeouts timeouts;
  timeouts.connect = section.GetOr("connect", timeouts.connect);
  timeouts.response = section.GetOr("response", timeouts.response);
  timeouts.idle = section.GetOr("idle", timeouts.idle);
  timeouts.queue = section.GetOr("queue", timeouts.queue);
  return timeouts;
}

void BuildBackend(BuildContext& context, const Section& section, Declared& names,
                  Declared& addresses, PoolConfig& pool) {
  BackendConfig backend;
  backend.name = section.GetOr<std::string>("name", "");
  backend.endpoint = section.GetOr("address", Endpoint());
  backend.weight = static_cast<uint32_t>(section.GetOr<int64_t>("weight", backend.weight));
  backend.max_connections = static_cast<uint32_t>(section.GetOr<int64_t>("max_connections", 0));
  if (section.Has("name")) {
    names.Add(backend.name, absl::StrCat("backend name \"", backend.name, "\""),
              section.PlaceOf("name"), context.problems);
  }
  if (section.Has("address")) {
    // In an l4 pool its port is not where packets go.
    const std::string text =
        pool.is_l4() ? backend.endpoint.address.ToString() : backend.endpoint.ToString();
    addresses.Add(text, absl::StrCat("backend address ", text), section.PlaceOf("address"),
                  context.problems);
  }
  pool.backends.push_back(std::move(backend));
}

PoolLimits BuildPoolLimits(const Section& section) {
  PoolLimits limits;
  limits.connections =
      static_cast<uint32_t>(section.GetOr<int64_t>("connections", limits.connections));
  limits.queue = static_cast<uint32_t>(section.GetOr<int64_t>("queue", limits.queue));
  limits.idle_connections =
      static_cast<uint32_t>(section.GetOr<int64_t>("idle_connections", limits.idle_connections));
  return limits;
}

Balance BuildBalance(const Section& section) {
  const auto name = section.GetOr<std::string>("balance", BalanceName(Balance::kRoundRobin));
  for (const Balance balance : {Balance::kLeastConnections, Balance::kRandomTwo}) {
    if (name == BalanceName(balance)) return balance;
  }
  return Balance::kRoundRobin;
}

Forward ForwardNamed(const Section& section) {
  return section.GetOr<std::string>("forward", "dsr") == "ipip" ? Forward::kIpip : Forward::kDsr;
}

void BuildPool(BuildContext& context, const Section& section, Declared& names) {
  PoolConfig pool;
  pool.name = section.GetOr<std::string>("name", "");
  const auto send_proxy = section.GetOr<std::string>("send_proxy", "off");
  pool.send_proxy = send_proxy == "v1"   ? SendProxy::kV1
                    : send_proxy == "v2" ? SendProxy::kV2
                                         : SendProxy::kOff;
  pool.balance = BuildBalance(section);
  pool.slow_start = section.GetOr("slow_start", pool.slow_start);
  for (const Section& check : section.Inside("check")) pool.check = BuildCheck(context, check);
  pool.check.send_proxy = pool.send_proxy;
  for (const Section& timeouts : section.Inside("timeouts")) {
    pool.timeouts = BuildPoolTimeouts(timeouts);
  }
  for (const Section& tls : section.Inside("tls")) BuildPoolTls(context, tls, pool);
  for (const Section& limits : section.Inside("limits")) pool.limits = BuildPoolLimits(limits);
  if (section.Written("forward")) pool.l4.forward = ForwardNamed(section);
  Declared backend_names;
  Declared addresses;
  for (const Section& backend : section.Inside("backend")) {
    BuildBackend(context, backend, backend_names, addresses, pool);
  }
  BuildL4Pool(context, section, pool);
  if (section.Has("name")) {
    names.Add(pool.name, absl::StrCat("pool name \"", pool.name, "\""), section.PlaceOf("name"),
              context.problems);
  } else {
    context.pools_complete = false;
  }
  context.config.pools.push_back(std::move(pool));
}

// Numbers that backends of one kind share.
struct Room {
  size_t limit = 0;
  const char* of = "";
  size_t taken = 0;
  bool said = false;
};

// For the backends of the pool `section`; says so where there is no room for them.
void Take(BuildContext& context, const Section& section, Room& room) {
  room.taken += section.Inside("backend").size();
  if (room.taken <= room.limit || room.said) return;
  context.problems.Error(
      section.place(),
      absl::StrCat("with ", Label(section, "pool"), " there are ", room.taken, " backends", room.of,
                   "; at most ", room.limit, " are possible"));
  room.said = true;
}

}  // namespace

void BuildPools(BuildContext& context) {
  Declared names;
  size_t pools = 0;
  Room workers{.limit = kMaxBackends, .of = ""};
  Room l4{.limit = kMaxL4Backends, .of = " of l4 pools"};
  context.pools_complete = !context.top.Mistaken("pool");
  for (const Section& section : context.top.Inside("pool")) {
    BuildPool(context, section, names);
    Take(context, section, context.config.pools.back().is_l4() ? l4 : workers);
    if (++pools != kMaxPools + 1) continue;
    context.problems.Error(section.place(),
                           absl::StrCat(Label(section, "pool"), " is one too many; at most ",
                                        kMaxPools, " pools are possible"));
  }
}

}  // namespace koi
