// SPDX-License-Identifier: Apache-2.0
// Slot by slot, packet by packet, as plainly as can be.
#include "packet/model/flow_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/maglev.h"

namespace koi {
namespace {

constexpr Duration kGrain = std::chrono::seconds(1);
constexpr Duration kLookInterval = std::chrono::seconds(10);

void Renew(TimePoint& time, TimePoint now) {
  if (now - time > kGrain) time = now;
}

}  // namespace

FlowModel::FlowModel(const Setup& setup, Rule left_out)
    : setup_(setup), left_out_(left_out), slots_(setup.slots) {}

bool FlowModel::Lost(uint16_t backend) const {
  const auto found = backends.find(backend);
  return backend == 0 || (found != backends.end() && found->second.down);
}

bool FlowModel::Names(uint16_t backend) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const Slot& slot) {
                       return slot.current == backend || (slot.moved && slot.previous == backend);
                     }) ||
         std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry.second.backend == backend; });
}

uint32_t FlowModel::moved() const {
  return static_cast<uint32_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.moved; }));
}

void FlowModel::Tick(TimePoint now) {
  std::vector<MaglevBackend> usable;
  for (const auto& [number, backend] : backends) {
    if (backend.enabled && !backend.down)
      usable.push_back({.name = backend.name, .weight = backend.weight, .number = number});
  }
  std::vector<uint16_t> wanted = MaglevTable(usable, setup_.slots);
  wanted.resize(setup_.slots);
  for (uint32_t i = 0; i < setup_.slots; ++i) {
    const Slot before = slots_[i];
    Plan(slots_[i], wanted[i], now);
    const Slot& after = slots_[i];
    if (before.current != after.current || before.previous != after.previous ||
        before.moved != after.moved) {
      slots_[i].changed = looks_;
    }
  }
  if (looks_ == 0 || now >= look_began_ + kLookInterval) Look(wanted, now);
}

void FlowModel::Plan(Slot& slot, uint16_t wanted, TimePoint now) {
  if (!slot.moved) {
    if (slot.current == wanted) return;
    if (slot.current == 0 || (setup_.leave_down && Lost(slot.current))) {
      slot.current = wanted;
      return;
    }
    slot.moved = true;
    slot.previous = slot.current;
    slot.left_rest = slot.previous_used = now;
    if (Has(Rule::kEpoch)) ++slot.epoch;
    if (Lost(slot.current) || !Has(Rule::kHandshake)) slot.current = wanted;
    return;
  }
  if (!Has(Rule::kReturnIsMoved) && slot.current != slot.previous && wanted == slot.previous) {
    slot.current = wanted;
    slot.moved = false;
    return;
  }
  if (slot.current != wanted &&
      (Lost(slot.current) || now >= slot.left_rest + setup_.times.handshake)) {
    if (!Has(Rule::kPreviousStays) && slot.current != slot.previous) slot.previous = slot.current;
    slot.current = wanted;
  }
  if (Has(Rule::kFollowDown) && Lost(slot.previous) && (setup_.leave_down || slot.previous == 0)) {
    slot.previous = slot.current;
  }
}

void FlowModel::Look(const std::vector<uint16_t>& wanted, TimePoint now) {
  ++looks_;
  look_began_ = now;
  std::vector<bool> elsewhere(setup_.slots);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const Slot& slot = slots_[entry->second.slot];
    const Duration idle = entry->second.udp ? setup_.times.idle.udp : setup_.times.idle.tcp;
    if (!slot.moved || slot.epoch != entry->second.epoch ||
        entry->second.used + kGrain + idle < now) {
      entry = entries_.erase(entry);
      continue;
    }
    if (entry->second.backend != slot.current) elsewhere[entry->second.slot] = true;
    ++entry;
  }
  const bool previous_may_gain =
      full_ != TimePoint() && now < full_ + setup_.times.full +
                                        std::max(setup_.times.handshake, setup_.times.idle.udp) +
                                        kGrain;
  for (uint32_t i = 0; i < setup_.slots; ++i) {
    Slot& slot = slots_[i];
    if (!slot.moved || slot.changed + 2 > looks_ || slot.current != wanted[i]) continue;
    if (elsewhere[i] && Has(Rule::kEntriesElsewhere)) continue;
    const bool quiet =
        !previous_may_gain && slot.previous_used + kGrain + setup_.times.idle.tcp < now;
    if (slot.previous != slot.current && !quiet && Has(Rule::kQuiet)) continue;
    slot.moved = false;
    slot.changed = looks_;
  }
}

void FlowModel::Restart() {
  for (Slot& slot : slots_) {
    slot.changed = looks_;
    if (!Has(Rule::kRingIsTheTruth)) slot = {};
  }
  look_began_ = {};
}

bool FlowModel::Enter(const ModelPacket& packet, const Slot& slot, uint16_t backend,
                      TimePoint now) {
  if (!entries_.contains(packet.flow) && entries_.size() >= setup_.flows) {
    if (Has(Rule::kNeverEvicted)) return false;
    entries_.erase(std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& one, const auto& other) { return one.second.used < other.second.used; }));
  }
  entries_[packet.flow] = {.backend = backend,
                           .epoch = slot.epoch,
                           .slot = packet.slot,
                           .sequence = packet.sequence,
                           .udp = packet.udp,
                           .used = now};
  return true;
}

uint16_t FlowModel::ToPrevious(Slot& slot, TimePoint now) {
  Renew(slot.previous_used, now);
  return slot.previous;
}

bool FlowModel::WasJustFull(const ModelPacket& packet, TimePoint now) const {
  const Duration silent = packet.udp ? setup_.times.idle.udp : setup_.times.handshake;
  return full_ != TimePoint() && now < full_ + setup_.times.full + silent;
}

uint16_t FlowModel::Begin(const ModelPacket& packet, Slot& slot, Entry* record, TimePoint now) {
  if (record != nullptr) {
    Enter(packet, slot, slot.current, now);
    return slot.current;
  }
  const uint16_t backend =
      WasJustFull(packet, now) && Has(Rule::kAfterFull) ? slot.previous : slot.current;
  if (full_ == TimePoint() || now >= full_ + setup_.times.full) {
    if (Enter(packet, slot, backend, now)) return backend;
    full_ = now;
  }
  return Has(Rule::kFullToPrevious) ? ToPrevious(slot, now) : slot.current;
}

uint16_t FlowModel::Send(const ModelPacket& packet, TimePoint now) {
  Slot& slot = slots_[packet.slot];
  if (!slot.moved || ((packet.about || packet.piece) && !Has(Rule::kErrors))) return slot.current;
  const auto found = entries_.find(packet.flow);
  Entry* record = found == entries_.end() ? nullptr : &found->second;
  Entry* entry = record != nullptr && record->epoch == slot.epoch ? record : nullptr;
  const auto lost = [&](uint16_t backend) {
    return Lost(backend) && (backend == 0 || setup_.leave_down);
  };

  const bool same = entry != nullptr && entry->sequence == packet.sequence;
  if (entry != nullptr &&
      (!packet.syn || (same && Has(Rule::kRetransmission)) || (!same && !Has(Rule::kReuse)))) {
    if (!packet.about) Renew(entry->used, now);
    if (lost(entry->backend)) entry->backend = slot.current;
    return entry->backend;
  }
  uint16_t backend = 0;
  if (packet.syn) {
    backend = Begin(packet, slot, record, now);
  } else if (!packet.udp) {
    backend = ToPrevious(slot, now);
  } else {
    const bool soon = now < slot.left_rest + setup_.times.idle.udp && Has(Rule::kDatagrams);
    if (packet.about) {
      backend = soon || WasJustFull(packet, now) ? slot.previous : slot.current;
    } else if (!soon) {
      backend = Begin(packet, slot, record, now);
    } else if (Enter(packet, slot, slot.previous, now)) {
      backend = slot.previous;
    } else {
      full_ = now;
      backend = ToPrevious(slot, now);
    }
  }
  return lost(backend) ? slot.current : backend;
}

std::string FlowModel::Describe(const ModelPacket& packet) const {
  const Slot& slot = slots_[packet.slot];
  std::string text = absl::StrCat(packet.udp   ? "UDP"
                                  : packet.syn ? "SYN"
                                               : "TCP",
                                  packet.about ? " error" : "", " of tuple ", packet.flow,
                                  ", slot ", packet.slot, ": current ", slot.current,
                                  slot.moved ? absl::StrCat(", previous ", slot.previous) : "",
                                  ", epoch ", slot.epoch);
  if (const auto found = entries_.find(packet.flow); found != entries_.end()) {
    absl::StrAppend(&text, "; entry ", found->second.backend, " of epoch ", found->second.epoch);
  }
  return text;
}

}  // namespace koi
