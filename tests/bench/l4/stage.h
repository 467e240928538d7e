// SPDX-License-Identifier: Apache-2.0
// koi's object with its maps as a master has them, in a namespace of its own: VIPs with l4 services
// and local ones, a pool of many backends, all reached by the interface that frames come in on.
#pragma once

#include <koi/abi/pool.h>
#include <koi/abi/ring.h>

#include <memory>
#include <string>

#include "base/fd.h"
#include "dataplane/loader.h"

namespace koi::bench {

constexpr char kL4Vip4[] = "10.0.0.1";
constexpr char kL4Vip6[] = "2001:db8::1";
constexpr char kElsewhere4[] = "10.0.0.99";  // no VIP
constexpr uint16_t kL4Port = 80;             // TCP and UDP
constexpr uint16_t kLocalPort = 443;

class L4Stage {
 public:
  // Ends the process where the kernel refuses.
  L4Stage();

  int xdp_program_fd() const { return object_->xdp_program_fd(); }
  Fd MapFd(const std::string& name) const;

  void ForwardBy(koi_forward forward, uint32_t egress_ifindex = 1);
  // That share of the slots, evenly spread, leaves rest: 0, or up to 100. All entries go.
  void MoveSlots(uint32_t percent);
  // As many prefixes of each family, none of which a frame of the benchmark is from; filled once.
  void DenyOthers(uint32_t prefixes);
  void DenyNobody();

 private:
  void SetVips() const;
  void SetServices() const;
  void SetSettings(bool deny) const;
  void MakeRing();

  std::unique_ptr<BpfObject> object_;
  Fd ring_;
  Fd times_;
  bool denied_ = false;  // the tries are filled
};

}  // namespace koi::bench
