// SPDX-License-Identifier: Apache-2.0
// The bounds of a worker that no configuration changes: how long it waits, how much it keeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/time.h"
#include "config/config.h"
#include "http/head.h"

namespace koi {

// Clients.
constexpr Duration kQuietBeforeEnd = std::chrono::seconds(1);  // of a kept one that must not go on
constexpr Duration kLingerTimeout = std::chrono::seconds(5);   // for the client to end its side
constexpr size_t kLingerBytes = size_t{16} << 20;              // read and dropped meanwhile
constexpr size_t kMaxClients = 65'536;                         // less where RLIMIT_NOFILE is lower
constexpr int kAcceptBatch = 64;  // then the connections have their turn
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // when descriptors ran out

// Backends.
constexpr size_t kConnectAttempts = 3;  // different backends
// A queue for a backend looks this often whether another worker has left a place.
constexpr Duration kQueueLookInterval = std::chrono::milliseconds(10);
constexpr uint32_t kPlacesInRow = 8;    // taken while others wait; then those look first
constexpr size_t kIdleBackends = 1024;  // connections that wait for the next request

// Pipes for splice(2), of a worker: 64 KiB each, and two descriptors.
constexpr size_t kMaxPipes = 256;
constexpr size_t kSparePipes = 32;
constexpr size_t kSpliceBytes = size_t{64} << 10;       // a round
constexpr size_t kSpliceWorthwhile = size_t{16} << 10;  // a wake-up

// Memory: a connection has at most four buffers, two each way, and none while it is idle.
constexpr size_t kBufferBytes = 32'768;
constexpr size_t kBulkBytes = 65'536;  // while a body of known length flows: four whole TLS records
// A whole head must fit, whatever the manager says.
inline HeadLimits HeadLimitsOf(const ServiceLimits& limits) {
  return {.bytes = std::min<size_t>(limits.head_bytes, kBufferBytes - 1),
          .headers = limits.headers};
}
constexpr int kInterimResponses = 16;  // 1xx before the response
// Rounds of moving bytes before the other connections have their turn.
constexpr int kRoundsPerWakeup = 16;

// The process.
// All of koi ends: the VIPs are gone by then, so little can be finished any more.
constexpr Duration kStopLimit = std::chrono::seconds(2);
constexpr Duration kHeartbeatInterval = std::chrono::milliseconds(200);

}  // namespace koi
