// SPDX-License-Identifier: Apache-2.0
// Program koi_explain and map koi_explained: what koi_xdp would do with a packet, found out by
// running its code on the live maps, with nothing changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/time.h"

namespace koi {

enum class ExplainedKind { kTcp, kTcpSyn, kUdp };

// A packet that did not come.
struct ExplainedPacket {
  Endpoint client;
  Endpoint vip;
  ExplainedKind kind = ExplainedKind::kTcp;
};

struct Explanation {
  std::string verdict = {};  // "FORWARDED"
  std::string action = {};   // "transmit"
  std::string help = {};
  // By which rule the backend was chosen: "none", "at-rest", "entry", "retransmission", "new",
  // "old", "taken", "full", "down".
  std::string choice = {};
  std::optional<uint32_t> service = {};  // its number
  std::optional<uint32_t> cpu = {};      // that it is steered to
  struct Slot {
    uint32_t pool = 0;  // its number
    uint32_t number = 0;
    uint32_t current = 0;  // numbers of backends; 0: none
    uint32_t previous = 0;
    uint32_t epoch = 0;
    bool moved = false;
  };
  std::optional<Slot> slot = {};
  struct Flow {
    uint32_t backend = 0;
    uint32_t epoch = 0;
    TimePoint used = {};
  };
  std::optional<Flow> flow = {};
  uint32_t backend = 0;  // 0: none
};

// The frame of `packet`, to the interface with `mac`; InvalidArgument where client and VIP are not
// of one family.
absl::StatusOr<std::string> BuildExplainedFrame(const ExplainedPacket& packet,
                                                const uint8_t (&mac)[6]);

class Explainer {
 public:
  // Takes over koi_explain, and the maps koi_explained and koi_settings.
  Explainer(Fd program, Fd explained, Fd settings)
      : program_(std::move(program)),
        explained_(std::move(explained)),
        settings_(std::move(settings)) {}

  absl::StatusOr<Explanation> Explain(const ExplainedPacket& packet);

 private:
  Fd program_;
  Fd explained_;
  Fd settings_;
};

}  // namespace koi
