// SPDX-License-Identifier: Apache-2.0
// A real koi-carp on a host of the lab, with this test in the places of its keeper and its manager:
// it holds both channel ends, a loaded BPF object, and runs it with the privileges that koid gives.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "dataplane/gate_map.h"
#include "dataplane/loader.h"
#include "protocol/carp_messages.h"
#include "support/lab/lab.h"

namespace koi::lab {

constexpr char kCarpVip4[] = "10.9.0.100";
constexpr char kCarpVip6[] = "fd00:9::100";
constexpr char kCarpPassword[] = "lab-secret";
constexpr uint8_t kCarpVhid = 42;

constexpr uint32_t kCarpGroup = 3;  // not 0: a gate mixed up with another would go unnoticed

// Whether `vip` is on eth0 of `host`.
bool HasVip(const Host& host, const std::string& vip = kCarpVip4);
bool HasXdp(const Host& host);

class CarpStandIn {
 public:
  explicit CarpStandIn(Host& host);
  // SIGKILL if it still runs.
  ~CarpStandIn();
  CarpStandIn(const CarpStandIn&) = delete;
  CarpStandIn& operator=(const CarpStandIn&) = delete;

  // Starts koi-carp, hands it the link held from before if there is one, and configures it.
  void Start(const CarpConfig& carp, const XdpConfig& xdp = {});
  void Configure(const CarpConfig& carp, const XdpConfig& xdp = {});
  // As a reload does: other groups, other VIPs.
  void Configure(std::vector<CarpGroup> groups, const XdpConfig& xdp = {});
  void Kill();
  // As the keeper does on SIGTERM.
  void AskToStop();
  void CloseManagerChannel() { manager_.Close(); }
  void CloseKeeperChannel() { keeper_.Close(); }
  // Its exit code, once it ends within `limit`.
  std::optional<int> WaitForExit(Duration limit);
  bool running() { return !WaitForExit(Duration::zero()).has_value(); }

  // As last reported, of the first group.
  CarpRole role();
  CarpGroupReport group() { return group_of(0); }
  // Of the group that was configured as number `index`; an empty one when there is none.
  CarpGroupReport group_of(size_t index);
  XdpReport xdp();
  // Whether the answer to a ping came within `limit`.
  bool Pongs(Duration limit = std::chrono::seconds(5));
  bool gate_open(uint32_t group = kCarpGroup) const;
  // Whether the keeper is asked to hold a link.
  bool holds_link();
  bool said_stopped();
  // Whether it asked the keeper for patience, as it does before each attaching and detaching.
  bool said_busy();
  // The end of what koi-carp wrote.
  std::string LogTail() const;

 private:
  void ReadChannels();

  Host& host_;
  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<GateMap> gates_;
  Fd keeper_;
  Fd manager_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  CarpReport report_;
  Fd held_link_;
  int64_t last_pong_ = 0;
  int64_t last_ping_ = 0;
  bool said_stopped_ = false;
  bool said_busy_ = false;
};

// A default configuration of the group.
CarpConfig CarpDefaults();
// The group with both VIPs that Start() and Configure() make of `carp`.
CarpGroup GroupOf(const CarpConfig& carp);

}  // namespace koi::lab
