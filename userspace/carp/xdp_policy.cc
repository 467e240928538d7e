// SPDX-License-Identifier: Apache-2.0
// Attach, watch, judge.
//
//   trial -> attached, watched -> detached, watched -> at rest    on-master, and the card bears it
//               `---------------------`-> stays attached          always, or it does not
#include "carp/xdp_policy.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "dataplane/links.h"

namespace koi {
namespace {

// An attach that takes longer would lengthen each failover.
constexpr Duration kAttachLimit = std::chrono::milliseconds(50);
// A busy machine may be slow once; a slow card is slow each time.
constexpr int kSlowAttachesToStay = 3;
// Some drivers set all their queues up anew, for seconds. The kernel changes no address meanwhile,
// so that another thread could not renew the lease either: the VIPs may be off for that moment, and
// are back right after it.
constexpr Duration kDriverLimit = std::chrono::seconds(15);
// Cards that reset their link do so within this time.
constexpr Duration kObservation = std::chrono::seconds(1);

std::string ModeName(XdpMode mode) { return mode == XdpMode::kNative ? "native" : "generic"; }

}  // namespace

void XdpPolicy::Configure(Fd program, const XdpConfig& config) {
  const bool mode_changed = program_.valid() && config.mode != config_.mode;
  program_ = std::move(program);
  config_ = config;
  if (!attached() || !configured() || !begun_) {
    BeginOnce();
    Retry();
    return;
  }
  absl::Status updated;
  if (!mode_changed) updated = UpdateLink(link_.get(), program_.get());
  if (mode_changed || !updated.ok()) {
    if (!updated.ok()) LogWarn("XDP is attached anew", {{"why", updated.message()}});
    Detach();
    Attach();
  }
  if (!ShouldBeAttached() && !observation_.pending()) Detach();
}

void XdpPolicy::SetInterface(const std::optional<Interface>& interface) {
  const int index = interface.has_value() ? interface->index : 0;
  if (interface.has_value()) interface_name_ = interface->name;
  has_carrier_ = interface.has_value() && interface->carrier;
  if (index == interface_index_) {
    BeginOnce();
    return;
  }
  // The kernel has detached what was on an interface that is gone.
  if (interface_index_ != 0 && attached()) Release();
  observation_.Cancel();
  stays_because_.clear();
  slow_attaches_ = 0;
  interface_index_ = index;
  begun_ = false;
  if (index == 0) why_ = "The interface does not exist.";
  BeginOnce();
}

void XdpPolicy::TakeOver(Fd link) {
  if (attached() || stopped_) return;  // ours could not have been attached beside a living one
  link_ = std::move(link);
  if (begun_) Adopt();
}

void XdpPolicy::SetWanted(bool wanted) {
  wanted_ = wanted;
  if (!configured() || stopped_) return;
  if (ShouldBeAttached() && !attached()) Attach();
  if (!ShouldBeAttached() && attached() && !observation_.pending()) Detach();
}

void XdpPolicy::Retry() {
  if (configured() && !stopped_ && ShouldBeAttached() && !attached()) Attach();
}

void XdpPolicy::Stop() {
  stopped_ = true;
  observation_.Cancel();
  if (attached()) Detach();
  why_ = "koi-carp is stopping.";
}

XdpReport XdpPolicy::Report() const { return {.attached = attached(), .mode = mode_, .why = why_}; }

// Not before there is a carrier: one that comes up meanwhile would look like a reset of the link.
void XdpPolicy::BeginOnce() {
  if (!configured() || stopped_ || begun_ || !has_carrier_) return;
  begun_ = true;
  if (attached()) {
    Adopt();
  } else {
    Attach();
  }
}

// An earlier koi-carp's link: its program may be an older one, its interface another.
void XdpPolicy::Adopt() {
  const std::optional<Interface> interface = ReadInterface();
  const absl::Status updated = UpdateLink(link_.get(), program_.get());
  if (!updated.ok() || !interface.has_value() || interface->xdp_mode.empty()) {
    Detach();
    Attach();
    return;
  }
  mode_ = interface->xdp_mode;
  why_ = "Taken over from an earlier koi-carp.";
  carrier_changes_ = interface->carrier_changes;
  attach_took_ = Duration::zero();
  LogInfo("XDP taken over", {{"interface", interface_name_}, {"mode", mode_}});
  Observe();
}

void XdpPolicy::Attach() {
  const std::optional<Interface> before = ReadInterface();
  if (!before.has_value()) return;
  begun_ = true;
  keeper_.busy(kDriverLimit);
  const TimePoint began = Now();
  absl::StatusOr<XdpAttachment> made = AttachXdp(program_.get(), interface_index_, config_.mode);
  attach_took_ = Now() - began;
  keeper_.busy(Duration::zero());
  if (!made.ok()) {
    Fail(std::string(made.status().message()));
    return;
  }
  link_ = std::move(made->link);
  mode_ = ModeName(made->mode);
  why_ = made->why;
  last_failure_.clear();
  carrier_changes_ = before->carrier_changes;
  keeper_.hold(link_.get());
  LogInfo("XDP attached", {{"interface", interface_name_},
                           {"mode", mode_},
                           {"took", FormatDuration(attach_took_)},
                           {"why", why_}});
  Observe();
}

void XdpPolicy::Detach() {
  if (const std::optional<Interface> before = ReadInterface(); before.has_value()) {
    carrier_changes_ = before->carrier_changes;
  }
  keeper_.busy(kDriverLimit);
  const absl::Status detached = DetachLink(link_.get());
  keeper_.busy(Duration::zero());
  if (!detached.ok()) LogWarn("XDP link", {{"why", detached.message()}});
  Release();
  if (stopped_) return;
  why_ = absl::StrCat("Detached while this host is master of no group; attaching takes ",
                      FormatDuration(attach_took_), ".");
  Observe();
}

void XdpPolicy::Release() {
  link_ = Fd();
  mode_ = "off";
  keeper_.drop();
}

void XdpPolicy::Observe() {
  observation_ = loop_.After(kObservation, [this] { ConcludeObservation(); });
}

void XdpPolicy::ConcludeObservation() {
  const std::optional<Interface> now = ReadInterface();
  if (!now.has_value()) return;
  if (!Stays() && now->carrier_changes != carrier_changes_) {
    Stay(absl::StrCat(attached() ? "attaching" : "detaching", " makes the link of ",
                      interface_name_, " go down and up"));
  }
  if (attached()) slow_attaches_ = attach_took_ > kAttachLimit ? slow_attaches_ + 1 : 0;
  if (!Stays() && slow_attaches_ >= kSlowAttachesToStay) {
    Stay(absl::StrCat("attaching to ", interface_name_, " takes ", FormatDuration(attach_took_)));
  }
  if (ShouldBeAttached()) {
    if (!attached()) Attach();
    return;
  }
  if (attached()) {
    Detach();
  } else if (slow_attaches_ > 0) {
    Attach();  // once more, to tell a slow card from a busy moment
  }
}

void XdpPolicy::Stay(const std::string& because) {
  stays_because_ = because;
  LogWarn("XDP stays attached, also while this host is backup",
          {{"interface", interface_name_}, {"why", because}});
}

void XdpPolicy::Fail(const std::string& why) {
  mode_ = "off";
  why_ = why;
  if (why == last_failure_) return;
  last_failure_ = why;
  LogError("XDP cannot be attached; the kernel's own path serves the VIPs",
           {{"interface", interface_name_}, {"why", why}});
}

std::optional<Interface> XdpPolicy::ReadInterface() {
  absl::StatusOr<Interface> found = netlink_.FindInterface(interface_name_);
  if (!found.ok() || found->index != interface_index_) return std::nullopt;
  return *std::move(found);
}

}  // namespace koi
