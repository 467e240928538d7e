// SPDX-License-Identifier: Apache-2.0
// Applying the rules of slots to a ring.
#include "manager/l4/pool_keeper.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "manager/l4/wanted_ring.h"

namespace koi {
namespace {

// All that a slot can name.
constexpr size_t kNumbers = 1 << 16;

// The first backends of a pool are waited for, so that the first of them does not get all slots
// for what becomes two hours.
constexpr Duration kFirstChecksLimit = std::chrono::seconds(3);

constexpr Duration kRetryInterval = std::chrono::seconds(1);

bool SameShares(const std::vector<MaglevBackend>& one, const std::vector<MaglevBackend>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const MaglevBackend& a, const MaglevBackend& b) {
                      return a.number == b.number && a.weight == b.weight && a.name == b.name;
                    });
}

}  // namespace

PoolKeeper::PoolKeeper(L4Pool pool, PoolRing ring, RingMaps& maps, BackendReferences& references,
                       TimePoint now)
    : pool_(std::move(pool)),
      ring_(std::move(ring)),
      maps_(maps),
      references_(references),
      down_(kNumbers),
      due_(now),
      first_checks_until_(now + kFirstChecksLimit),
      // Whoever wrote the ring before this may have done so just now.
      changed_(ring_.slots(), true),
      changed_before_(ring_.slots(), true),
      entry_elsewhere_(ring_.slots()) {
  down_[0] = true;
  for (uint32_t slot = 0; slot < ring_.slots(); ++slot) {
    const RingSlot found = ring_.Read(slot);
    references_.Add(found);
    if (found.moved) ++moved_;
    if (found.current != 0 || found.moved) empty_ = false;
  }
  clean_ = moved_ > 0;
}

PoolKeeper::~PoolKeeper() {
  for (uint32_t slot = 0; slot < ring_.slots(); ++slot) references_.Remove(ring_.Read(slot));
}

void PoolKeeper::SetPool(const L4Pool& pool) {
  pool_ = pool;
  due_ = TimePoint::min();
}

void PoolKeeper::SetBackends(std::vector<BackendEntry> backends) {
  if (has_backends_ && backends == backends_) return;
  has_backends_ = true;
  backends_ = std::move(backends);
  down_.assign(kNumbers, false);
  down_[0] = true;
  for (const BackendEntry& backend : backends_) {
    if (backend.health == BackendHealth::kDown) down_[backend.number] = true;
  }
  due_ = TimePoint::min();
}

bool PoolKeeper::AwaitsChecks(TimePoint now) const {
  return empty_ && now < first_checks_until_ &&
         std::any_of(backends_.begin(), backends_.end(), [](const BackendEntry& backend) {
           return backend.admin == BackendAdmin::kEnabled &&
                  backend.health == BackendHealth::kUnknown;
         });
}

absl::Status PoolKeeper::Advance(TimePoint now, const L4Times& times) {
  if (!has_backends_ || AwaitsChecks(now)) {
    due_ = has_backends_ ? first_checks_until_ : TimePoint::max();
    return absl::OkStatus();
  }
  WantedRing wanted = WantedOf(backends_, pool_.slow_start, now);
  if (!SameShares(wanted.backends, wanted_backends_)) {
    wanted_backends_ = std::move(wanted.backends);
    wanted_ = MaglevTable(wanted_backends_, ring_.slots());
  }
  due_ = wanted.until;
  return ApplyWanted(now, times);
}

absl::Status PoolKeeper::ApplyWanted(TimePoint now, const L4Times& times) {
  const SlotRules rules{.now = now,
                        .handshake = times.handshake,
                        .flows_leave_down_backends = pool_.flows_leave_down_backends,
                        .down = &down_};
  for (uint32_t slot = 0; slot < ring_.slots(); ++slot) {
    const RingSlot before = ring_.Read(slot);
    const TimePoint left_rest = before.moved ? ring_.Times(slot).left_rest : TimePoint();
    const SlotStep step =
        PlanSlot(before, left_rest, wanted_.empty() ? uint16_t{0} : wanted_[slot], rules);
    if (step.leaves_rest) {
      if (!clean_) {
        due_ = std::min(due_, now + kRetryInterval);
        continue;
      }
      if (const absl::Status made = maps_.MakeTimes(ring_); !made.ok()) {
        due_ = std::min(due_, now + kRetryInterval);
        return made;
      }
      ring_.WriteTimes(slot, {.left_rest = now, .previous_used = now});
    }
    if (step.again.has_value()) due_ = std::min(due_, *step.again);
    if (step.slot != before) Write(slot, before, step.slot);
  }
  return absl::OkStatus();
}

void PoolKeeper::Write(uint32_t slot, const RingSlot& before, const RingSlot& after) {
  references_.Add(after);
  ring_.Write(slot, after);
  references_.Remove(before);
  changed_[slot] = true;
  if (after.moved != before.moved) moved_ += after.moved ? 1 : -1;
  if (after.current != 0) empty_ = false;
}

void PoolKeeper::LookBegins() {
  looked_at_ = true;
  changed_before_ = std::exchange(changed_, std::vector<bool>(ring_.slots()));
  entry_elsewhere_.assign(ring_.slots(), false);
}

bool PoolKeeper::Look(const Flow& flow, TimePoint now, const L4Times& times) {
  if (flow.slot >= ring_.slots()) return true;
  const RingSlot slot = ring_.Read(flow.slot);
  if (IsDead(flow, slot, now, times.idle)) return true;
  if (flow.backend != slot.current) entry_elsewhere_[flow.slot] = true;
  return false;
}

void PoolKeeper::LookEnds(TimePoint begun, bool previous_may_gain, const L4Times& times) {
  if (!looked_at_) return;  // it came meanwhile
  clean_ = true;
  if (moved_ == 0) return;
  const Duration idle = pool_.only_udp ? times.idle.udp : times.idle.tcp;
  for (uint32_t slot = 0; slot < ring_.slots(); ++slot) {
    const RingSlot before = ring_.Read(slot);
    if (!before.moved || changed_[slot] || changed_before_[slot]) continue;
    if (before.current != (wanted_.empty() ? 0 : wanted_[slot])) continue;
    const SlotUse use{.times = ring_.Times(slot),
                      .entry_elsewhere = entry_elsewhere_[slot],
                      .previous_may_gain = previous_may_gain};
    if (!MayRest(before, use, begun, idle)) continue;
    Write(slot, before, {.current = before.current, .epoch = before.epoch});
  }
}

}  // namespace koi
