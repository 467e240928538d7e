// SPDX-License-Identifier: Apache-2.0
// One group of VIPs on this host: its election, and what follows from it for adverts, VIPs and
// announcements.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "carp/advert.h"
#include "carp/advert_counter.h"
#include "carp/announce.h"
#include "carp/authentication.h"
#include "carp/election.h"
#include "carp/lease.h"
#include "carp/peers.h"
#include "dataplane/gate_map.h"
#include "net/event_loop.h"
#include "net/netlink.h"
#include "protocol/carp_messages.h"

namespace koi {

class Group {
 public:
  struct Surroundings {
    EventLoop& loop;
    Netlink& netlink;
    std::function<absl::Status(absl::string_view frame)> send;
    // The role has changed. On the way up it is called between VIPs and gate (the
    // place to attach), on the way down after both are gone (the place to detach). Must not destroy
    // the group.
    std::function<void()> on_change;
  };

  // InvalidArgument when the password cannot be one.
  static absl::StatusOr<std::unique_ptr<Group>> Create(const CarpGroup& config,
                                                       Surroundings surroundings, GateMap* gates);

  // Takes over what has changed and keeps the role; its gate of before, if another one, is the
  // caller's to close. `gates` must stay valid until replaced. Adverts are signed by the new
  // password and VIPs at once; those of hosts that still have the old ones are valid for five more
  // minutes.
  absl::Status Configure(const CarpGroup& config, GateMap* gates);
  // Renews at once what it holds: another group may have let go of it.
  void HoldOn() { lease_.HoldOn(); }

  // The interface can carry frames. `first_ip4` is the source of adverts where none is configured.
  void LinkUp(const Interface& interface, const std::optional<Address>& first_ip4);
  void LinkDown(const std::string& reason);

  // `vip` is no longer on the interface. If it should be, it is put back and announced.
  void OnVipRemoved(const Address& vip);

  // A frame with this group's vhid.
  void Receive(const DecodedAdvert& decoded);

  // As Election says; the VIPs are released when stopped() becomes true.
  void Stop();
  bool stopped() const { return election_.stopped(); }
  // One bow-out, then nothing is held any more: for a group that is no longer configured.
  void Abandon();

  void SetDemoted(bool demoted) { election_.SetDemoted(demoted); }

  uint32_t number() const { return config_.number; }
  uint8_t vhid() const { return config_.carp.vhid; }
  // Whether it holds the VIPs.
  bool holds_vips() const { return lease_.held(); }
  CarpGroupReport Report() const;

 private:
  Group(CarpGroup config, AdvertAuthenticator authenticator, Surroundings surroundings);
  void Apply(const ElectionStep& step);
  bool Verify(const Advert& advert, TimePoint now) const;
  bool StillMaster();
  void SendAdvert();
  void Announce();
  void TakeVips();
  void ReleaseVips();

  CarpGroup config_;
  AdvertAuthenticator authenticator_;
  // Of before the last change; nullopt where it was never changed.
  std::optional<AdvertAuthenticator> previous_authenticator_;
  TimePoint previous_until_;
  Surroundings surroundings_;
  Election election_;
  AdvertCounter counter_;
  Announcer announcer_;
  Lease lease_;
  Peers peers_;
  MismatchedSenders mismatched_;
  WarningLimit warnings_;
  EventLoop::Timer timer_;
  AdvertOrigin origin_;
  TimePoint put_back_at_;    // when a removed VIP was, last
  bool was_master_ = false;  // an earlier process, whose gate is still open
  uint64_t adverts_sent_ = 0;
  uint64_t adverts_received_ = 0;
  uint64_t bad_authentication_ = 0;
  uint64_t malformed_ = 0;
};

}  // namespace koi
