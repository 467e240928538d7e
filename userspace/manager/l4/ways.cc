// SPDX-License-Identifier: Apache-2.0
// From routes and neighbours to ways.
#include "manager/l4/ways.h"

#include <algorithm>

#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// Routes rarely change one by one.
constexpr Duration kSettle = std::chrono::milliseconds(50);
// How often all is asked anew whatever was told: where the kernel does not keep MACs itself they
// are asked for so often.
constexpr Duration kWayInterval = std::chrono::seconds(15);

}  // namespace

void Ways::SetBackends(const std::vector<BackendEntry>& backends) {
  std::map<uint32_t, Target> targets;
  bool any_new = false;
  for (const BackendEntry& backend : backends) {
    if (!backend.l4) continue;
    Target& target = targets[backend.number];
    const auto known = targets_.find(backend.number);
    if (known != targets_.end() && known->second.backend.incarnation == backend.incarnation) {
      target = std::move(known->second);
    } else {
      any_new = true;
    }
    target.backend = backend;
  }
  const bool any_gone = targets.size() < targets_.size();
  targets_ = std::move(targets);
  if (targets_.empty() && !monitor_) return;
  if (any_new || any_gone) Resolve();
}

absl::Status Ways::Open() {
  KOI_ASSIGN_OR_RETURN(Routes routes, Routes::Open());
  routes_.emplace(std::move(routes));
  KOI_ASSIGN_OR_RETURN(
      monitor_,
      RoutesMonitor::Open(loop_, {.on_neighbour =
                                      [this](const NeighbourKey& key, const Neighbour& neighbour) {
                                        OnNeighbour(key, neighbour);
                                      },
                                  .on_routes = [this] { ResolveAfter(kSettle); }}));
  return absl::OkStatus();
}

void Ways::ResolveAfter(Duration delay) {
  const bool soon = delay < kWayInterval;
  if (soon && soon_) return;
  soon_ = soon;
  timer_ = loop_.After(delay, [this] { Resolve(); });
}

void Ways::Resolve() {
  soon_ = false;
  ResolveAfter(kWayInterval);
  if (!monitor_) {
    const absl::Status opened = Open();
    if (!opened.ok()) return Note(opened);
  }
  const auto links = routes_->Links();
  auto neighbours = routes_->Neighbours();
  if (!links.ok() || !neighbours.ok()) {
    return Note(links.ok() ? neighbours.status() : links.status());
  }
  neighbours_ = *std::move(neighbours);
  for (auto& [number, target] : targets_) Resolve(target, *links);
  KeepNeighbours();
  TellInterfaces();
  for (auto& [number, target] : targets_) Tell(target);
}

void Ways::Resolve(Target& target, const std::map<uint32_t, Link>& links) {
  target.neighbour.reset();
  target.way = {};
  const absl::StatusOr<Route> route = routes_->Find(target.backend.endpoint.address);
  if (!route.ok()) return;
  if (route->local) {
    target.way.egress = kEgressHere;
    return;
  }
  const auto link = links.find(route->interface);
  if (link == links.end() || !link->second.up) return;
  const uint32_t mtu = route->mtu == 0 ? link->second.mtu : std::min(route->mtu, link->second.mtu);
  target.neighbour = NeighbourKey(route->interface, route->next_hop);
  target.way = {.egress = route->interface,
                .to_mac = {},
                .from_mac = link->second.mac,
                .mtu = static_cast<uint16_t>(std::min<uint32_t>(mtu, UINT16_MAX))};
}

void Ways::KeepNeighbours() {
  std::set<NeighbourKey> wanted;
  for (const auto& [number, target] : targets_) {
    if (target.neighbour.has_value()) wanted.insert(*target.neighbour);
  }
  for (const NeighbourKey& key : wanted) {
    const auto known = neighbours_.find(key);
    if (known != neighbours_.end() && known->second.fixed) continue;
    Note(routes_->KeepNeighbour(key));
  }
  for (const auto& [key, neighbour] : neighbours_) {
    if (neighbour.kept && !wanted.contains(key)) Note(routes_->ReleaseNeighbour(key));
  }
}

void Ways::OnNeighbour(const NeighbourKey& key, const Neighbour& neighbour) {
  Neighbour& known = neighbours_[key];
  const bool same_mac = known.mac == neighbour.mac;
  known = neighbour;
  if (same_mac) return;
  for (auto& [number, target] : targets_) {
    if (target.neighbour == key) Tell(target);
  }
}

void Ways::TellInterfaces() {
  std::set<uint32_t> interfaces;
  for (const auto& [number, target] : targets_) {
    if (target.neighbour.has_value()) interfaces.insert(target.way.egress);
  }
  if (interfaces == interfaces_) return;
  interfaces_ = std::move(interfaces);
  callbacks_.on_interfaces({interfaces_.begin(), interfaces_.end()});
}

void Ways::Tell(Target& target) {
  BackendWay way = target.way;
  if (target.neighbour.has_value()) {
    const auto known = neighbours_.find(*target.neighbour);
    if (known != neighbours_.end() && known->second.mac.has_value()) {
      way.to_mac = *known->second.mac;
    } else {
      way = {};
    }
  }
  if (target.told == way) return;
  target.told = way;
  callbacks_.on_way(target.backend, way);
}

void Ways::Release() {
  if (!monitor_) return;
  timer_ = {};
  monitor_.reset();
  const auto neighbours = routes_->Neighbours();
  if (!neighbours.ok()) return;
  for (const auto& [key, neighbour] : *neighbours) {
    if (neighbour.kept) (void)routes_->ReleaseNeighbour(key);
  }
}

// What goes on failing is said once.
void Ways::Note(const absl::Status& status) {
  if (status.ok() || status == noted_) return;
  noted_ = status;
  LogError("the ways to backends are not all known", {{"why", status.message()}});
}

}  // namespace koi
