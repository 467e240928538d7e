// SPDX-License-Identifier: Apache-2.0
// Parking and taking connections.
#include "worker/backend/idle_connections.h"

#include "worker/limits.h"

namespace koi {

std::unique_ptr<BackendConnection> IdleConnections::Take(BackendPlace& place, const BackendTls& tls,
                                                         absl::string_view preface, Waker& owner) {
  const PoolMember& member = place.member();
  const auto found = by_backend_.find(member.number);
  if (found == by_backend_.end()) return nullptr;
  std::list<Parked>& parked = found->second;
  for (auto next = parked.end(); next != parked.begin();) {
    --next;
    const BackendConnection& candidate = *next->connection;
    const bool stale = candidate.member().incarnation != member.incarnation;
    if (!stale && candidate.preface() != preface) continue;
    if (!stale && !candidate.tls().Alike(tls)) continue;
    std::unique_ptr<BackendConnection> connection = std::move(next->connection);
    next = parked.erase(next);
    --size_;
    if (stale) continue;  // the number has passed to another backend since
    connection->Use(std::move(place), owner);
    return connection;
  }
  return nullptr;
}

void IdleConnections::Park(std::unique_ptr<BackendConnection> connection) {
  if (size_ >= kIdleBackends || !connection->Quiet()) return;
  std::list<Parked>& parked = by_backend_[connection->member().number];
  if (parked.size() >= connection->idle_places()) return;
  const Duration idle = connection->idle_time();
  parked.emplace_back(*this, std::move(connection), loop_.now() + idle);
  parked.back().connection->Park(parked.back());
  ++size_;
}

void IdleConnections::Forget(absl::string_view preface) {
  for (auto& [number, parked] : by_backend_) {
    size_ -= parked.remove_if(
        [preface](const Parked& one) { return one.connection->preface() == preface; });
  }
}

void IdleConnections::Sweep(const BackendView& backends) {
  const TimePoint now = loop_.now();
  for (auto& [number, parked] : by_backend_) {
    const bool usable = backends.Usable(number);
    size_ -= parked.remove_if([&](const Parked& one) { return !usable || one.until <= now; });
  }
  absl::erase_if(by_backend_, [](const auto& entry) { return entry.second.empty(); });
}

void IdleConnections::Drop(const Parked* parked) {
  std::list<Parked>& siblings = by_backend_[parked->connection->member().number];
  size_ -= siblings.remove_if([&](const Parked& one) { return &one == parked; });
}

}  // namespace koi
