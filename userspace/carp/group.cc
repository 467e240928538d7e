// SPDX-License-Identifier: Apache-2.0
// The thin shell around the election.
#include "carp/group.h"

#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// The hosts of a group get another password or other VIPs one after the other.
constexpr Duration kPreviousAccepted = std::chrono::minutes(5);

constexpr Duration kPutBackInterval = std::chrono::milliseconds(500);

template <typename T>
T RandomNumber() {
  T number = 0;
  // Fails only without any source of entropy, in which case TLS could not run either.
  KOI_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof(number)) == 1);
  return number;
}

Election::Settings SettingsOf(const CarpConfig& carp) {
  return {.advbase = carp.advbase,
          .advskew = carp.advskew,
          .dead_ratio = carp.dead_ratio,
          .preempt = carp.preempt};
}

absl::StatusOr<AdvertAuthenticator> AuthenticatorOf(const CarpGroup& config) {
  return AdvertAuthenticator::Create(config.carp.password, config.carp.vhid, config.carp.hash,
                                     config.vips);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Group>> Group::Create(const CarpGroup& config,
                                                     Surroundings surroundings, GateMap* gates) {
  KOI_ASSIGN_OR_RETURN(AdvertAuthenticator authenticator, AuthenticatorOf(config));
  std::unique_ptr<Group> group(
      new Group(config, std::move(authenticator), std::move(surroundings)));
  group->lease_.SetVips(config.vips);
  group->lease_.SetGate(gates, config.number);
  // Written by the process before this one, at most 2 s ahead: less than any dead time but the
  // shortest, and a VIP that another host took meanwhile is given back at its first advert.
  const absl::StatusOr<TimePoint> open_until = gates->Read(config.number);
  group->was_master_ = open_until.ok() && *open_until > Now();
  return group;
}

Group::Group(CarpGroup config, AdvertAuthenticator authenticator, Surroundings surroundings)
    : config_(std::move(config)),
      authenticator_(std::move(authenticator)),
      surroundings_(std::move(surroundings)),
      election_(SettingsOf(config_.carp), Now()),
      announcer_(surroundings_.loop,
                 [this](absl::string_view frame) {
                   // A lost announcement is followed by others.
                   if (StillMaster()) surroundings_.send(frame).IgnoreError();
                 }),
      lease_(surroundings_.loop, surroundings_.netlink, [this] { return StillMaster(); }) {}

absl::Status Group::Configure(const CarpGroup& config, GateMap* gates) {
  KOI_ASSIGN_OR_RETURN(AdvertAuthenticator authenticator, AuthenticatorOf(config));
  if (!(authenticator == authenticator_)) {
    previous_authenticator_ = std::exchange(authenticator_, std::move(authenticator));
    previous_until_ = Now() + kPreviousAccepted;
    LogInfo("adverts are signed anew; those signed as before stay valid for a while",
            {{"vhid", vhid()}, {"while", FormatDuration(kPreviousAccepted)}});
  }
  (void)StillMaster();
  const bool vips_changed = config.vips != config_.vips;
  config_ = config;
  election_.SetSettings(SettingsOf(config.carp));
  lease_.SetGate(gates, config.number);
  if (vips_changed) {
    lease_.SetVips(config.vips);
    if (lease_.held()) Announce();
  }
  return absl::OkStatus();
}

void Group::LinkUp(const Interface& interface, const std::optional<Address>& first_ip4) {
  const std::optional<Address>& source =
      config_.carp.source.has_value() ? config_.carp.source : first_ip4;
  if (!source.has_value()) {
    LinkDown(absl::StrCat("no IPv4 address on ", interface.name, " to send adverts from"));
    return;
  }
  origin_.mac = interface.mac;
  origin_.address = *source;
  lease_.SetInterface(interface.index);
  Apply(election_.LinkUp(*source, Now(), std::exchange(was_master_, false)));
}

void Group::LinkDown(const std::string& reason) { Apply(election_.LinkDown(reason, Now())); }

void Group::OnVipRemoved(const Address& vip) {
  const TimePoint now = Now();
  const bool ours = std::find(config_.vips.begin(), config_.vips.end(), vip) != config_.vips.end();
  // Somebody who removes it again and again has to do with the renewals, twice a second.
  if (!ours || !lease_.held() || now - put_back_at_ < kPutBackInterval || lease_.Present(vip)) {
    return;
  }
  put_back_at_ = now;
  lease_.HoldOn();
  if (!lease_.held()) return;
  if (warnings_.Allows(vip, now)) {
    LogWarn("a VIP was removed by somebody else: put back",
            {{"vhid", vhid()}, {"vip", vip.ToString()}});
  }
  Announce();
}

void Group::Receive(const DecodedAdvert& decoded) {
  if (stopped()) return;
  const TimePoint now = Now();
  if (decoded.fault != AdvertFault::kNone) {
    ++malformed_;
    return;
  }
  if (decoded.source == origin_.address) {
    // Ours, reflected by a switch, or another host with our address: then both stay master, deaf to
    // each other.
    if (warnings_.Allows(decoded.source, now)) {
      LogWarn("an advert comes from this host's own address",
              {{"vhid", vhid()}, {"source", decoded.source.ToString()}});
    }
    return;
  }
  if (!Verify(decoded.advert, now)) {
    ++bad_authentication_;
    mismatched_.Heard(decoded.source, now);
    if (warnings_.Allows(decoded.source, now)) {
      LogWarn("advert with a wrong digest: another password, or other VIPs in its group",
              {{"vhid", vhid()},
               {"source", decoded.source.ToString()},
               {"so_far", bad_authentication_}});
    }
    return;
  }
  ++adverts_received_;
  counter_.Received(decoded.advert.counter);
  mismatched_.Forget(decoded.source);
  peers_.Heard(decoded.source, decoded.advert.advbase, decoded.advert.advskew, now);
  Apply(election_.Receive({.advbase = decoded.advert.advbase,
                           .advskew = decoded.advert.advskew,
                           .source = decoded.source},
                          now));
}

bool Group::Verify(const Advert& advert, TimePoint now) const {
  if (authenticator_.Verify(advert.counter, advert.digest)) return true;
  return previous_authenticator_.has_value() && now < previous_until_ &&
         previous_authenticator_->Verify(advert.counter, advert.digest);
}

void Group::Stop() { Apply(election_.Stop(Now())); }

void Group::Abandon() {
  timer_.Cancel();
  if (election_.Stop(Now()).send_advert) SendAdvert();
  ReleaseVips();
}

void Group::Apply(const ElectionStep& step) {
  if (step.send_advert) SendAdvert();
  if (step.role_changed) {
    LogInfo("role changed", {{"vhid", vhid()},
                             {"role", CarpRoleName(election_.role())},
                             {"reason", election_.reason()}});
  }
  const bool master = election_.role() == CarpRole::kMaster;
  if (master && !lease_.held()) {
    TakeVips();
  } else if (!master && lease_.held()) {
    ReleaseVips();
  } else if (step.announce) {
    Announce();
  }
  timer_.Cancel();
  if (election_.deadline() != TimePoint::max()) {
    timer_ = surroundings_.loop.At(election_.deadline(), [this] { Apply(election_.Tick(Now())); });
  }
  if (step.role_changed) surroundings_.on_change();
  if (lease_.held()) lease_.OpenGate();
  if (lease_.waits()) {
    lease_.TakeRest();
    Announce();
  }
}

// This process may have been stopped, and its timers go off in any order once it goes on: whichever
// is first asks the election before it acts as the master it was.
bool Group::StillMaster() {
  if (lease_.held() && Now() >= election_.deadline()) Apply(election_.Tick(Now()));
  return lease_.held();
}

// The kernel's path serves the VIPs from the moment they are added: announcing waits for nothing
// else. But those with l4 services come once XDP is there and the gate open: until then the kernel
// would reset their connections.
void Group::TakeVips() {
  lease_.Take(config_.l4_vips);
  Announce();
}

void Group::ReleaseVips() {
  announcer_.Cancel();
  lease_.Release();
}

void Group::SendAdvert() {
  Advert advert = {.vhid = vhid(),
                   .advbase = election_.announced_advbase(),
                   .advskew = election_.announced_advskew(),
                   .counter = counter_.Next(RandomNumber<uint64_t>())};
  advert.digest = authenticator_.Sign(advert.counter);
  origin_.ip_id = RandomNumber<uint16_t>();
  const absl::Status sent = surroundings_.send(EncodeAdvertFrame(origin_, advert));
  if (sent.ok()) ++adverts_sent_;
  if (!sent.ok() && warnings_.Allows(origin_.address, Now())) {
    LogWarn("cannot send an advert", {{"vhid", vhid()}, {"why", sent.message()}});
  }
  election_.AdvertSent(sent.ok());
}

void Group::Announce() {
  std::vector<std::string> frames;
  for (const Address& vip : lease_.taken()) frames.push_back(AnnouncementFrame(origin_.mac, vip));
  announcer_.Start(std::move(frames));
}

CarpGroupReport Group::Report() const {
  const TimePoint now = Now();
  return {.number = config_.number,
          .vhid = vhid(),
          .role = election_.role(),
          .reason = election_.reason(),
          .since_ms_ago = ToMilliseconds(now - election_.since()),
          .adverts_sent = adverts_sent_,
          .adverts_received = adverts_received_,
          .bad_authentication = bad_authentication_,
          .malformed = malformed_,
          .peers = peers_.List(now),
          .mismatches = mismatched_.List(now)};
}

}  // namespace koi
