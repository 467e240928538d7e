// SPDX-License-Identifier: Apache-2.0
// Interfaces and their addresses, read, changed and watched by rtnetlink. Changing needs NET_ADMIN.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/address.h"
#include "base/fd.h"
#include "net/event_loop.h"
#include "net/mac_address.h"

namespace koi {

struct Interface {
  int index = 0;
  std::string name;
  MacAddress mac = {};           // zero on interfaces without Ethernet
  bool up = false;               // administratively
  bool carrier = false;          // the link can pass packets (IFF_RUNNING)
  uint32_t carrier_changes = 0;  // since the interface exists
  std::string xdp_mode;          // "native", "generic", "offloaded", or "" without a program
};

// How long an address lasts, in seconds. The kernel removes it by itself when `valid` has passed.
struct AddressLifetime {
  uint32_t valid = UINT32_MAX;      // the greatest number: for ever
  uint32_t preferred = UINT32_MAX;  // 0: never chosen as a source
};

struct InterfaceAddress {
  int interface_index = 0;
  Address address;
  uint8_t prefix_bits = 0;
  AddressLifetime lifetime = {};  // what is left of it
  bool removed = false;           // in events: it is gone
};

struct AddressChange {
  enum class Kind {
    kReplace,  // added, or renewed when it is there
    kRemove,
  };
  Kind kind = Kind::kReplace;
  int interface_index = 0;
  Address address;
  uint8_t prefix_bits = 32;  // of the address's family
  AddressLifetime lifetime;
  bool detect_duplicates = true;  // false: usable at once (IPv6)
  bool prefix_route = true;       // false: no route to the prefix is added with it
};

class Netlink {
 public:
  static absl::StatusOr<Netlink> Open();

  // NotFound when there is no interface `name`.
  absl::StatusOr<Interface> FindInterface(const std::string& name);
  // Both families, in the kernel's order: the primary IPv4 address first.
  absl::StatusOr<std::vector<InterfaceAddress>> Addresses(int interface_index);
  // Of all interfaces.
  absl::StatusOr<std::vector<InterfaceAddress>> AllAddresses();

  // Asks for all changes in one system call; each is tried whatever becomes of the others, and the
  // first failure is returned. Removing what is absent, also with its interface, is no failure.
  absl::Status Apply(const std::vector<AddressChange>& changes);

 private:
  absl::Status ApplyFew(absl::Span<const AddressChange> changes);
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  using Reply = std::function<void(absl::string_view message)>;
  // Calls `on_reply` with each message of the answer; the value is the kernel's errno, 0 for none.
  absl::StatusOr<int> Ask(absl::string_view request, const Reply& on_reply);

  Fd fd_;
  uint32_t sequence_ = 0;
};

struct LinkEvent {
  Interface interface;
  bool removed = false;
};
// The kernel had to drop events: whoever keeps a picture of interfaces reads it anew.
struct EventsLost {};
using NetlinkEvent = std::variant<EventsLost, LinkEvent, InterfaceAddress>;

// Tells of every change of a link or an address in this network namespace.
class NetlinkMonitor {
 public:
  using Callback = std::function<void(const NetlinkEvent&)>;

  // `loop` must outlive the monitor, which must not be destroyed in its own callback.
  static absl::StatusOr<std::unique_ptr<NetlinkMonitor>> Open(EventLoop& loop, Callback on_event);

 private:
  NetlinkMonitor(Fd fd, Callback on_event) : fd_(std::move(fd)), on_event_(std::move(on_event)) {}
  void Receive();

  Fd fd_;
  Callback on_event_;
  EventLoop::Watch watch_;
};

}  // namespace koi
