// SPDX-License-Identifier: Apache-2.0
// The rules, each as ucarp has it unless its comment says otherwise.
#include "carp/election.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

using std::chrono::milliseconds;

constexpr uint8_t kDemotedSkew = 240;
constexpr int kSendFailuresToDemote = 3;
constexpr int kSendSuccessesToRecover = 3;
constexpr Duration kReannounceInterval = std::chrono::seconds(1);

constexpr uint8_t kBowOut = 255;  // as advbase and advskew: worse than any host can be
constexpr int kBowOuts = 3;
constexpr Duration kBowOutInterval = milliseconds(10);
// Another koi takes over at once, a ucarp needs up to 0.7 s, and up to 0.9 s until its advert is
// out. Also when no other host was ever heard: backups are silent.
constexpr Duration kLinger = std::chrono::seconds(2);

// An advert that is late by less is sent whatever the others' patience is.
constexpr Duration kNeverTooLate = milliseconds(500);

Duration Skew(uint8_t advskew) {
  return std::chrono::microseconds(advskew * int64_t{1000000} / 256);
}

Duration IntervalOf(uint8_t advbase, uint8_t advskew) {
  return std::chrono::seconds(advbase) + Skew(advskew);
}

// ucarp compares IPv4 addresses as integers in network order; on its usual, little-endian hosts
// the last octet therefore counts most. Agreeing with it matters more than a natural order.
bool LowerForUcarp(const Address& left, const Address& right) {
  const auto last_octet_first = [](const Address& address) {
    const auto& bytes = address.bytes();
    return std::make_tuple(bytes[15], bytes[14], bytes[13], bytes[12]);
  };
  return last_octet_first(left) < last_octet_first(right);
}

std::string Rank(const Election::Heard& heard) {
  return absl::StrCat(heard.source.ToString(), " (advbase ", heard.advbase, ", advskew ",
                      heard.advskew, ")");
}

}  // namespace

Election::Election(const Settings& settings, TimePoint now) : settings_(settings), since_(now) {}

uint8_t Election::announced_advbase() const { return leaving_ ? kBowOut : settings_.advbase; }

uint8_t Election::announced_advskew() const {
  if (leaving_) return kBowOut;
  if (demoted_ || send_failing_) return std::max(settings_.advskew, kDemotedSkew);
  return settings_.advskew;
}

Duration Election::Interval() const { return IntervalOf(announced_advbase(), announced_advskew()); }

Duration Election::DeadTime() const {
  return std::chrono::seconds(settings_.advbase * settings_.dead_ratio) + Skew(announced_advskew());
}

// Whether this process was stopped for so long that others may have taken over: it was dead and
// must not speak as if it had lived. The shortest dead time of others counts, from the last advert
// on.
bool Election::StoodStill(TimePoint now) const {
  const Duration others_wait = std::chrono::seconds(settings_.advbase * settings_.dead_ratio);
  const Duration lateness = std::max(others_wait - Interval(), kNeverTooLate);
  return role_ == CarpRole::kMaster && !leaving_ && now - deadline_ > lateness;
}

bool Election::Outranks(const Heard& heard) const {
  const Duration theirs = IntervalOf(heard.advbase, heard.advskew);
  if (theirs != Interval()) return theirs < Interval();
  return LowerForUcarp(heard.source, source_);
}

void Election::Become(CarpRole role, std::string reason, TimePoint now, ElectionStep& step) {
  step.role_changed |= role != role_;
  role_ = role;
  reason_ = std::move(reason);
  since_ = now;
}

ElectionStep Election::BecomeMaster(std::string reason, TimePoint now) {
  ElectionStep step;
  Become(CarpRole::kMaster, std::move(reason), now, step);
  deadline_ = now + Interval();
  step.send_advert = true;
  step.announce = true;
  return step;
}

ElectionStep Election::LinkUp(const Address& source, TimePoint now, bool was_master) {
  ElectionStep step;
  source_ = source;
  if (role_ != CarpRole::kInit || stopped_) return step;
  if (was_master) return BecomeMaster("goes on where an earlier koi-carp ended as master", now);
  Become(CarpRole::kBackup, "listening for a master", now, step);
  deadline_ = now + DeadTime();
  return step;
}

ElectionStep Election::LinkDown(const std::string& reason, TimePoint now) {
  ElectionStep step;
  if (role_ == CarpRole::kInit) {
    reason_ = reason;
    return step;
  }
  Become(CarpRole::kInit, reason, now, step);
  deadline_ = TimePoint::max();
  stopped_ = leaving_;  // whoever is leaving has nobody left to answer
  return step;
}

ElectionStep Election::Receive(const Heard& heard, TimePoint now) {
  if (role_ == CarpRole::kInit || stopped_) return {};
  if (leaving_) return GiveUp(absl::StrCat("handed over to ", heard.source.ToString()), now);
  if (StoodStill(now)) return Tick(now);
  return role_ == CarpRole::kMaster ? ReceiveAsMaster(heard, now) : ReceiveAsBackup(heard, now);
}

ElectionStep Election::ReceiveAsMaster(const Heard& heard, TimePoint now) {
  ElectionStep step;
  if (Outranks(heard)) {
    // The last advert tells the other one that it was contested, so that it announces the VIPs
    // anew.
    step.send_advert = true;
    Become(CarpRole::kBackup, absl::StrCat("a better master advertised: ", Rank(heard)), now, step);
    deadline_ = now + DeadTime();
    return step;
  }
  // The other one also owns the VIPs until it hears us, and clients may have learnt its address.
  if (!announced_at_.has_value() || now - *announced_at_ >= kReannounceInterval) {
    announced_at_ = now;
    step.send_advert = true;
    step.announce = true;
  }
  return step;
}

ElectionStep Election::ReceiveAsBackup(const Heard& heard, TimePoint now) {
  const Duration theirs = IntervalOf(heard.advbase, heard.advskew);
  if (settings_.preempt && theirs > Interval()) {
    return BecomeMaster(absl::StrCat("preempting a worse master: ", Rank(heard)), now);
  }
  // Waiting for its next advert would time out anyway. A bow-out is this case.
  if (theirs > DeadTime()) {
    return BecomeMaster(heard.advbase == kBowOut && heard.advskew == kBowOut
                            ? absl::StrCat("the master left: ", heard.source.ToString())
                            : absl::StrCat("the master is too slow: ", Rank(heard)),
                        now);
  }
  deadline_ = now + DeadTime();
  return {};
}

ElectionStep Election::Tick(TimePoint now) {
  if (now < deadline_) return {};
  if (leaving_) return BowOut(now);
  switch (role_) {
    case CarpRole::kInit: return {};
    case CarpRole::kBackup:
      return BecomeMaster(absl::StrCat("no advert for ", FormatDuration(DeadTime())), now);
    case CarpRole::kMaster: break;
  }
  ElectionStep step;
  if (StoodStill(now)) {
    Become(CarpRole::kBackup,
           absl::StrCat("this process stood still for ", FormatDuration(now - deadline_)), now,
           step);
    deadline_ = now + DeadTime();
    return step;
  }
  step.send_advert = true;
  deadline_ = now + Interval();
  return step;
}

void Election::AdvertSent(bool ok) {
  if (!ok) {
    send_successes_ = 0;
    send_failing_ |= ++send_failures_ >= kSendFailuresToDemote;
    return;
  }
  send_failures_ = 0;
  if (send_failing_ && ++send_successes_ >= kSendSuccessesToRecover) {
    send_failing_ = false;
    send_successes_ = 0;
  }
}

ElectionStep Election::Stop(TimePoint now) {
  if (leaving_) return {};
  leaving_ = true;
  if (role_ != CarpRole::kMaster) return GiveUp("stopped", now);
  bow_outs_left_ = kBowOuts;
  linger_until_ = now + kLinger;
  return BowOut(now);
}

ElectionStep Election::BowOut(TimePoint now) {
  if (bow_outs_left_ == 0) {
    return GiveUp(absl::StrCat("nobody took over within ", FormatDuration(kLinger)), now);
  }
  ElectionStep step;
  step.send_advert = true;
  deadline_ = --bow_outs_left_ > 0 ? now + kBowOutInterval : linger_until_;
  return step;
}

ElectionStep Election::GiveUp(std::string reason, TimePoint now) {
  ElectionStep step;
  Become(CarpRole::kInit, std::move(reason), now, step);
  stopped_ = true;
  deadline_ = TimePoint::max();
  return step;
}

}  // namespace koi
