// SPDX-License-Identifier: Apache-2.0
// Services that pass TLS on: which pool is for which name.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

// All names of a service go to workers in one message.
constexpr size_t kMaxSniBytes = 64 * 1024;

// TLS inside of TLS is what no backend expects: the pool's tls is meant for another service.
void CheckPassedOnOnce(BuildContext& context, const Section& section, const std::string& label,
                       uint32_t pool) {
  const PoolConfig& named = context.config.pools[pool];
  if (!named.has_tls) return;
  context.problems.Error(
      section.PlaceOf("pool"),
      absl::StrCat(label, " passes TLS on, and pool \"", named.name,
                   "\" speaks TLS itself: backends would get TLS in TLS; use a pool without tls, "
                   "or tls = \"terminate\""));
}

void BuildRoute(BuildContext& context, const Section& section, const std::string& label,
                Declared& names, ServiceConfig& service) {
  RouteConfig route;
  if (section.Has("sni")) {
    for (const PlacedText& name : section.Get<std::vector<PlacedText>>("sni")) {
      names.Add(name.text, absl::StrCat("sni \"", name.text, "\" of ", label), name.place,
                context.problems);
      route.sni.push_back(name.text);
    }
  }
  const std::optional<uint32_t> pool = PoolNamedBy(context, section, "route of " + label);
  if (!pool.has_value()) return;
  if (service.tls == TlsMode::kPassthrough) {
    CheckPassedOnOnce(context, section, "route of " + label, *pool);
  }
  CheckPoolFits(context, section, "route of " + label, service, *pool);
  route.pool = *pool;
  service.routes.push_back(std::move(route));
}

}  // namespace

std::optional<uint32_t> PoolNamedBy(BuildContext& context, const Section& section,
                                    const std::string& label) {
  if (!section.Has("pool")) return std::nullopt;
  const std::string& name = section.Get<std::string>("pool");
  std::vector<std::string> names;
  for (const PoolConfig& pool : context.config.pools) names.push_back(pool.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<uint32_t>(found - names.begin());
  if (context.pools_complete) {
    context.problems.Error(section.PlaceOf("pool"),
                           absl::StrCat(label, " names pool \"", name, "\", which does not exist",
                                        DidYouMean(name, names, "\"")));
  }
  return std::nullopt;
}

void BuildPassthrough(BuildContext& context, const Section& section, ServiceConfig& service) {
  const std::string label = Label(section, "service");
  const bool passes_on = service.tls == TlsMode::kPassthrough;
  if (passes_on && service.mode != ServiceMode::kTcp && section.Has("mode")) {
    context.problems.Error(
        section.PlaceOf("tls"),
        absl::StrCat(label, " passes TLS on, so it sees no requests; that is mode = \"tcp\""));
  }
  if (passes_on && service.pool.has_value()) {
    CheckPassedOnOnce(context, section, label, *service.pool);
  }
  const std::vector<Section>& routes = section.Inside("route");
  if (!passes_on && !routes.empty() && section.Has("tls")) {
    context.problems.Error(routes[0].place(), absl::StrCat(label, " has a route, but tls is \"",
                                                           TlsModeName(service.tls),
                                                           "\"; did you mean \"passthrough\"?"));
  }
  Declared names;
  size_t bytes = 0;
  for (const Section& route : routes) {
    BuildRoute(context, route, label, names, service);
  }
  for (const RouteConfig& route : service.routes) {
    for (const std::string& name : route.sni) bytes += name.size();
  }
  if (bytes > kMaxSniBytes) {
    context.problems.Error(routes[0].place(), absl::StrCat(label, " has routes with ", bytes,
                                                           " bytes of names; at most ",
                                                           kMaxSniBytes, " are possible"));
  }
}

}  // namespace koi
