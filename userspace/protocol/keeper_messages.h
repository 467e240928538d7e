// SPDX-License-Identifier: Apache-2.0
// Between the keeper and its children. One fixed shape and no parser: the keeper must not be
// crashable by what it reads. Sent as raw bytes over a Channel; both ends are always the same
// build.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace koi {

enum class ChildRole : uint32_t { kManager, kCarp, kWorker };

// The exit codes of koid and its children, and of the CLI.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitConfigInvalid = 3,
  kExitNotFound = 4,
  kExitUnreachable = 5,
  kExitRefused = 6,
  kExitConflict = 7,
  kExitTimedOut = 8,
};

// Descriptor number on which a child finds its channel to the keeper (manager, carp) or to the
// manager (worker).
constexpr int kChildChannelFd = 3;
// Descriptor number of koi-carp's second channel, to the manager.
constexpr int kCarpManagerChannelFd = 4;
// Descriptor number of the file with koid's arguments (protocol/arguments.h): manager.
constexpr int kManagerArgumentsFd = 4;

// Environment variable that may hold the password of the CARP group: for the manager alone.
constexpr char kPasswordVariable[] = "KOI_PASSWORD";

enum class KeeperMessageType : uint32_t {
  // Keeper to manager.
  kHello,     // first of all. value: how many managers this keeper started before
  kListener,  // cpu, value: enum koi_listener_family; with the listener. Once per CPU and family,
              // after kHello
  kHeld,      // name; with a descriptor that an earlier child gave by kHold
  kChildStarted,   // role, cpu, pid, value: starts so far; with the manager's end of the child's
                   // channel
  kChildExited,    // role, cpu, pid, value: wait status
  kListenersDone,  // after the last kListener, kHeld and kChildStarted of a beginning
  // Keeper to manager and carp.
  kPing,    // value: to be repeated by kPong
  kReload,  // to the manager: read the configuration again
  kStop,  // leave cleanly: carp bows out and releases the VIPs, the manager removes what it pinned
  // Manager or carp to keeper.
  kPong,   // value
  kReady,  // manager: configuration valid, maps loaded: start carp and the workers
  kHold,   // name; with a descriptor to keep beyond this child's death; replaces one of the same
           // name
  kDrop,   // name: close the one held
  kKillChild,  // manager: role, cpu, pid: SIGKILL that child, if that pid still is it; it is
               // started again
  kStopped,    // carp: VIPs released
  kBusy,       // value: milliseconds for which silence is no crash, because a driver is at work; 0:
               // it is done
  // Manager to keeper: a worker for the place of another, which serves on meanwhile.
  kReplaceChild,  // role, cpu, pid of the one in place: start a second one on the same listeners.
                  // If it ends it is not started again, unless it is in place by then
  kRetireChild,   // role, cpu, pid of the one in place: the second one, or a new one where there is
                  // none, is in place from now on; the other is not started again when it ends
};

struct KeeperMessage {
  KeeperMessageType type = KeeperMessageType::kPing;
  ChildRole role = ChildRole::kManager;
  int32_t cpu = -1;
  int32_t pid = -1;
  int64_t value = 0;
  char name[40] = {};

  absl::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
  void SetName(absl::string_view text) {
    std::memset(name, 0, sizeof(name));
    std::memcpy(name, text.data(), text.size() < sizeof(name) ? text.size() : sizeof(name) - 1);
  }

  // InvalidArgument when `bytes` is not the size of one.
  static absl::StatusOr<KeeperMessage> FromBytes(absl::string_view bytes) {
    if (bytes.size() != sizeof(KeeperMessage))
      return absl::InvalidArgumentError("not a keeper message");
    KeeperMessage message;
    std::memcpy(static_cast<void*>(&message), bytes.data(), sizeof(message));
    message.name[sizeof(message.name) - 1] = '\0';
    return message;
  }
};

// One koid runs in a network namespace: it holds this name there (net/namespace_lock.h).
constexpr char kNodeLockName[] = "koi-node";
// The keeper's and its children's programs, as ps shows them.
constexpr char kKeeperProgram[] = "koid";
constexpr const char* kChildPrograms[] = {"koi-manager", "koi-carp", "koi-worker"};

// Names under which descriptors are held.
constexpr char kHeldXdpLink[] = "xdp-link";
constexpr char kHeldSkLookupLink[] = "sk-lookup-link";
constexpr char kHeldPinsLock[] = "pins-lock";

}  // namespace koi
