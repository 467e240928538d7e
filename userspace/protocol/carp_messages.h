// SPDX-License-Identifier: Apache-2.0
// Between koi-manager and koi-carp: JSON texts, descriptors beside them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"

namespace koi {

// The descriptors of a CarpConfigure, in this order. A program descriptor is all that attaching
// needs, so koi-carp can act alone from then on.
enum CarpFd { kCarpProgramFd, kCarpGatesMapFd, kCarpFdCount };

struct CarpGroup {
  uint32_t number = 0;  // of the group: its gate
  CarpConfig carp;
  std::vector<Address> vips;  // in the order of the configuration
  // Of these, those with l4 services: without XDP, this host's own stack would answer their
  // packets.
  std::vector<Address> l4_vips = {};
};

// Manager to carp: everything it needs, at its start and again after a change of program.
struct CarpConfigure {
  std::string interface;
  XdpConfig xdp;
  std::vector<CarpGroup> groups;
};

enum class CarpRole { kInit, kBackup, kMaster };

struct CarpPeer {
  std::string source;  // address its adverts come from
  uint8_t advbase = 0;
  uint8_t advskew = 0;
  int64_t heard_ms_ago = 0;
};

// A host whose adverts have a wrong digest: another password, or other VIPs in its group.
struct CarpMismatch {
  std::string source = {};
  uint64_t adverts = 0;
  int64_t heard_ms_ago = 0;  // the last of them
};

struct CarpGroupReport {
  uint32_t number = 0;
  uint8_t vhid = 0;
  CarpRole role = CarpRole::kInit;
  std::string reason;  // of the last change of role, a sentence: "no advert for 3.0s"
  int64_t since_ms_ago = 0;
  uint64_t adverts_sent = 0;
  uint64_t adverts_received = 0;  // valid ones
  uint64_t bad_authentication = 0;
  uint64_t malformed = 0;
  std::vector<CarpPeer> peers;
  std::vector<CarpMismatch> mismatches = {};
};

struct XdpReport {
  bool attached = false;
  std::string mode;  // "native", "generic", "off"
  std::string why;   // a sentence: why this mode, why not attached
};

// Carp to manager: on each change and once a second.
struct CarpReport {
  std::vector<CarpGroupReport> groups;
  XdpReport xdp;
};

using CarpMessage = std::variant<CarpConfigure, CarpReport>;

std::string EncodeCarpMessage(const CarpMessage& message);
absl::StatusOr<CarpMessage> DecodeCarpMessage(absl::string_view bytes);

// "init", "backup", "master".
absl::string_view CarpRoleName(CarpRole role);

}  // namespace koi
