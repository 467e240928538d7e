// SPDX-License-Identifier: Apache-2.0
// Telling koi's own from what belongs to the host.
#include "leftovers/leftovers.h"

#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "dataplane/bpffs.h"
#include "dataplane/links.h"
#include "leftovers/vips.h"
#include "net/namespace_processes.h"
#include "net/netlink.h"
#include "net/routes.h"
#include "net/socket.h"
#include "protocol/keeper_messages.h"

namespace koi {
namespace {

constexpr Duration kEndLimit = std::chrono::seconds(2);

absl::Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", path));
}

absl::Status RemoveAddress(const InterfaceAddress& address) {
  KOI_ASSIGN_OR_RETURN(Netlink netlink, Netlink::Open());
  return netlink.Apply({{.kind = AddressChange::Kind::kRemove,
                         .interface_index = address.interface_index,
                         .address = address.address,
                         .prefix_bits = address.prefix_bits,
                         .lifetime = {}}});
}

absl::Status FindVips(const Interface& interface, Netlink& netlink, FoundLeftovers& found) {
  KOI_ASSIGN_OR_RETURN(const std::vector<InterfaceAddress> addresses,
                       netlink.Addresses(interface.index));
  for (const InterfaceAddress& address : addresses) {
    if (!IsVipLease(address)) continue;
    found.items.push_back({.kind = LeftoverKind::kVip,
                           .name = absl::StrCat(address.address.ToString(), " on ", interface.name),
                           .remove = [address] { return RemoveAddress(address); }});
  }
  return absl::OkStatus();
}

absl::Status FindXdp(const Interface& interface, FoundLeftovers& found) {
  KOI_ASSIGN_OR_RETURN(const bool present, HasKoiXdp(interface.index));
  if (!present) return absl::OkStatus();
  found.items.push_back({.kind = LeftoverKind::kXdp,
                         .name = absl::StrCat("koi_xdp on ", interface.name),
                         .remove = [index = interface.index] { return DetachKoiXdp(index); }});
  return absl::OkStatus();
}

absl::Status FindOnInterface(const std::string& name, FoundLeftovers& found) {
  KOI_ASSIGN_OR_RETURN(Netlink netlink, Netlink::Open());
  KOI_ASSIGN_OR_RETURN(const Interface interface, netlink.FindInterface(name));
  KOI_RETURN_IF_ERROR(FindVips(interface, netlink, found));
  return FindXdp(interface, found);
}

absl::Status ReleaseNeighbour(const NeighbourKey& key) {
  KOI_ASSIGN_OR_RETURN(Routes routes, Routes::Open());
  return routes.ReleaseNeighbour(key);
}

// On all interfaces.
absl::Status FindNeighbours(FoundLeftovers& found) {
  KOI_ASSIGN_OR_RETURN(Routes routes, Routes::Open());
  KOI_ASSIGN_OR_RETURN(const auto neighbours, routes.Neighbours());
  for (const auto& [key, neighbour] : neighbours) {
    if (!neighbour.kept) continue;
    found.items.push_back({.kind = LeftoverKind::kNeighbour,
                           .name = key.second.ToString(),
                           .remove = [key = key] { return ReleaseNeighbour(key); }});
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view LeftoverKindName(LeftoverKind kind) {
  switch (kind) {
    case LeftoverKind::kProcess: return "process";
    case LeftoverKind::kVip: return "VIP";
    case LeftoverKind::kXdp: return "XDP program";
    case LeftoverKind::kNeighbour: return "neighbour";
    case LeftoverKind::kPin: return "pin";
    case LeftoverKind::kSocket: return "socket";
    case LeftoverKind::kMount: return "mount";
  }
  KOI_UNREACHABLE();
}

std::vector<Leftover> LeftProcesses() {
  std::vector<Leftover> left;
  for (const NamespaceProcess& process :
       OrphansOfNamespace({std::begin(kChildPrograms), std::end(kChildPrograms)}, kKeeperProgram)) {
    left.push_back({.kind = LeftoverKind::kProcess,
                    .name = absl::StrCat(process.name, " ", process.pid),
                    .remove = [process] { return EndProcess(process, kEndLimit); }});
  }
  return left;
}

FoundLeftovers FindLeftovers(const LeftoverPlaces& places) {
  FoundLeftovers found;
  if (!places.interface.empty()) {
    const absl::Status looked = FindOnInterface(places.interface, found);
    if (!looked.ok()) found.unclear.emplace_back(looked.message());
    const absl::Status asked = FindNeighbours(found);
    if (!asked.ok()) found.unclear.emplace_back(asked.message());
  }
  if (!places.bpffs.empty()) {
    for (const std::string& pin : ListPins(places.bpffs)) {
      found.items.push_back(
          {.kind = LeftoverKind::kPin, .name = pin, .remove = [pin] { return RemoveFile(pin); }});
    }
  }
  const std::string socket = absl::StrCat(places.run, "/koi.sock");
  if (!places.run.empty() && ::access(socket.c_str(), F_OK) == 0 && !UnixSocketAnswers(socket)) {
    found.items.push_back({.kind = LeftoverKind::kSocket, .name = socket, .remove = [socket] {
                             return RemoveFile(socket);
                           }});
  }
  return found;
}

std::vector<Leftover> LeftMount(const std::string& bpffs) {
  const std::string mount = OwnBpffsMount(bpffs);
  if (mount.empty()) return {};
  return {{.kind = LeftoverKind::kMount,
           .name = absl::StrCat("bpffs on ", mount),
           .remove = [mount] { return UnmountBpffs(mount); }}};
}

}  // namespace koi
