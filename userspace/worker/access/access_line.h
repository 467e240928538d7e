// SPDX-License-Identifier: Apache-2.0
// A line of the access log: one JSON object, ASCII alone, whatever a client has sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/time.h"
#include "tls/facts.h"
#include "worker/access/access_record.h"
#include "worker/close_reason.h"

namespace koi {

// A write of no more than this many bytes into a pipe is whole or does not happen (PIPE_BUF).
constexpr size_t kAccessLineBytes = 4096;

// Who the connection is from and to: the same for all of its lines.
struct AccessConnection {
  Endpoint client = {};
  Endpoint vip = {};
  absl::string_view service = {};
  absl::string_view pool = {};    // "": none
  const TlsFacts* tls = nullptr;  // nullptr: no TLS, or no handshake that was done
};
// AccessRecord::members of it.
std::string AccessMembers(const AccessConnection& connection);

// When it is, by the wall clock.
class AccessClock {
 public:
  // `wall` is CLOCK_REALTIME's time at `now`.
  void Set(TimePoint now, Duration wall) { offset_ = wall - now.time_since_epoch(); }
  // "2026-11-24T12:08:18.123456Z", 27 bytes, to `out`.
  void Write(TimePoint time, char* out);

 private:
  Duration offset_ = {};
  int64_t second_ = -1;  // that text_ is of
  char text_[20] = {};
};

struct AccessEnd {
  TimePoint now = {};
  CloseReason reason = CloseReason::kFinished;
  absl::string_view backend = {};  // its name; "": none
};

// Writes the line of `record` with its line feed to `out`, which has kAccessLineBytes; returns its
// size.
size_t WriteAccessLine(const AccessRecord& record, const AccessEnd& end, AccessClock& clock,
                       char* out);

}  // namespace koi
