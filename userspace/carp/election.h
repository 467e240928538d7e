// SPDX-License-Identifier: Apache-2.0
// Who is master of a group of VIPs: CARP's state machine with ucarp's rules and timing. Pure: time
// is an argument, adverts go in and out as values, nobody is called.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/time.h"
#include "protocol/carp_messages.h"

namespace koi {

// What the caller does next, in this order: send one advert with announced_advbase() and
// announced_advskew(); act on the new role; announce the VIPs to the neighbours.
struct ElectionStep {
  bool send_advert = false;
  bool role_changed = false;
  bool announce = false;
};

class Election {
 public:
  struct Settings {
    uint8_t advbase = 1;
    uint8_t advskew = 0;
    uint8_t dead_ratio = 3;
    bool preempt = false;
  };
  // A valid advert of another host.
  struct Heard {
    uint8_t advbase = 0;
    uint8_t advskew = 0;
    Address source;
  };

  Election(const Settings& settings, TimePoint now);

  // The link can carry adverts, which leave from `source`; or why it cannot. `was_master`: an
  // earlier process of this host was master until a moment ago, so others have not taken over yet.
  ElectionStep LinkUp(const Address& source, TimePoint now, bool was_master = false);
  ElectionStep LinkDown(const std::string& reason, TimePoint now);
  ElectionStep Receive(const Heard& heard, TimePoint now);
  // To be called at deadline(); too early is no harm.
  ElectionStep Tick(TimePoint now);
  // How sending the advert of a step went. Three failures in a row demote, three successes undo it.
  void AdvertSent(bool ok);

  // A reason of the caller's to be a worse master than configured, for as long as it holds.
  void SetDemoted(bool demoted) { demoted_ = demoted; }
  // From the next advert on. A running wait for the master's adverts is not cut short.
  void SetSettings(const Settings& settings) { settings_ = settings; }

  // Leaves. A master bows out, then stays master until another one is heard or it has waited long
  // enough; stopped() tells when the role may be given up. Only Tick() and Receive() go on from
  // here.
  ElectionStep Stop(TimePoint now);
  bool stopped() const { return stopped_; }

  // When Tick() is due; TimePoint::max() for never.
  TimePoint deadline() const { return deadline_; }
  CarpRole role() const { return role_; }
  // A sentence: why the role is what it is.
  const std::string& reason() const { return reason_; }
  TimePoint since() const { return since_; }
  uint8_t announced_advbase() const;
  uint8_t announced_advskew() const;

 private:
  Duration Interval() const;  // between own adverts
  Duration DeadTime() const;  // of silence after which a backup takes over
  bool StoodStill(TimePoint now) const;
  bool Outranks(const Heard& heard) const;
  void Become(CarpRole role, std::string reason, TimePoint now, ElectionStep& step);
  ElectionStep BecomeMaster(std::string reason, TimePoint now);
  ElectionStep ReceiveAsMaster(const Heard& heard, TimePoint now);
  ElectionStep ReceiveAsBackup(const Heard& heard, TimePoint now);
  ElectionStep BowOut(TimePoint now);
  ElectionStep GiveUp(std::string reason, TimePoint now);

  Settings settings_;
  CarpRole role_ = CarpRole::kInit;
  std::string reason_ = "starting";
  TimePoint since_;
  TimePoint deadline_ = TimePoint::max();
  Address source_;
  std::optional<TimePoint> announced_at_;  // last announcement provoked by a worse master

  bool demoted_ = false;
  bool send_failing_ = false;
  int send_failures_ = 0;   // in a row
  int send_successes_ = 0;  // in a row, while send_failing_

  // Leaving: adverts still to be sent, then a wait until `linger_until_`.
  bool leaving_ = false;
  bool stopped_ = false;
  int bow_outs_left_ = 0;
  TimePoint linger_until_;
};

}  // namespace koi
