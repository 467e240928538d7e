// SPDX-License-Identifier: Apache-2.0
// What the control API says about a packet that did not come.
//
//   POST /explain   ExplainOrder -> ExplainReport
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/address.h"

namespace koi {

struct ExplainOrder {
  Endpoint client = {};
  Endpoint vip = {};
  std::string protocol = "tcp";  // or "udp"
  bool syn = false;              // of TCP: it opens a connection
};

struct ExplainedBackend {
  std::string name = {};  // "" for none
  std::string address = {};
  std::string admin = {};   // "enabled", "draining"
  std::string health = {};  // "unknown", "up", "down"
};

struct ExplainReport {
  std::string verdict = {};  // "FORWARDED"
  std::string action = {};   // "transmit"
  std::string help = {};     // of the verdict
  std::string service = {};  // "" where none is found
  std::string mode = {};     // of the service
  std::string pool = {};     // of an l4 service
  std::string forward = {};  // of that pool
  int64_t cpu = -1;          // of a local service: where its worker is; -1: nowhere
  // By which rule the backend was chosen: "none", "at-rest", "entry", "retransmission", "new",
  // "old", "taken", "full", "down".
  std::string choice = {};
  bool has_slot = false;
  uint32_t slot = 0;
  uint32_t ring_size = 0;
  uint32_t epoch = 0;
  bool moved = false;
  ExplainedBackend current = {};
  ExplainedBackend previous = {};
  bool has_flow = false;
  uint32_t flow_epoch = 0;
  int64_t flow_used_ms_ago = 0;
  ExplainedBackend flow_backend = {};
  ExplainedBackend backend = {};  // that it goes to
};

std::string EncodeJson(const ExplainOrder& value);
std::string EncodeJson(const ExplainReport& value);

// InvalidArgument with what is missing or of the wrong type.
absl::StatusOr<ExplainOrder> DecodeExplainOrder(absl::string_view json);
absl::StatusOr<ExplainReport> DecodeExplainReport(absl::string_view json);

}  // namespace koi
