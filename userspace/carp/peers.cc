// SPDX-License-Identifier: Apache-2.0
// Three small bounded tables.
#include "carp/peers.h"

#include <algorithm>

namespace koi {
namespace {

constexpr Duration kWarningInterval = std::chrono::seconds(10);

// Makes room for `source` in `table`, of at most `most` hosts.
template <typename Table>
void MakeRoom(Table& table, const Address& source, size_t most) {
  if (table.size() < most || table.contains(source)) return;
  table.erase(std::min_element(table.begin(), table.end(), [](const auto& a, const auto& b) {
    return a.second.heard < b.second.heard;
  }));
}

}  // namespace

void Peers::Heard(const Address& source, uint8_t advbase, uint8_t advskew, TimePoint now) {
  MakeRoom(peers_, source, kMax);
  peers_[source] = {advbase, advskew, now};
}

std::vector<CarpPeer> Peers::List(TimePoint now) const {
  std::vector<CarpPeer> list;
  for (const auto& [source, peer] : peers_) {
    list.push_back({.source = source.ToString(),
                    .advbase = peer.advbase,
                    .advskew = peer.advskew,
                    .heard_ms_ago = ToMilliseconds(now - peer.heard)});
  }
  std::sort(list.begin(), list.end(),
            [](const CarpPeer& a, const CarpPeer& b) { return a.source < b.source; });
  return list;
}

void MismatchedSenders::Heard(const Address& source, TimePoint now) {
  MakeRoom(senders_, source, kMax);
  Sender& sender = senders_[source];
  ++sender.adverts;
  sender.heard = now;
}

std::vector<CarpMismatch> MismatchedSenders::List(TimePoint now) const {
  std::vector<CarpMismatch> list;
  for (const auto& [source, sender] : senders_) {
    list.push_back({.source = source.ToString(),
                    .adverts = sender.adverts,
                    .heard_ms_ago = ToMilliseconds(now - sender.heard)});
  }
  std::sort(list.begin(), list.end(),
            [](const CarpMismatch& a, const CarpMismatch& b) { return a.source < b.source; });
  return list;
}

bool WarningLimit::Allows(const Address& source, TimePoint now) {
  if (warned_.size() >= kMax) {
    absl::erase_if(warned_,
                   [&](const auto& entry) { return now - entry.second >= kWarningInterval; });
  }
  const Address key = warned_.size() < kMax || warned_.contains(source) ? source : Address();
  const auto [entry, is_new] = warned_.try_emplace(key, now);
  if (!is_new && now - entry->second < kWarningInterval) return false;
  entry->second = now;
  return true;
}

}  // namespace koi
