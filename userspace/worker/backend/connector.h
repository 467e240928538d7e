// SPDX-License-Identifier: Apache-2.0
// Finds a backend of a pool that takes a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/inlined_vector.h"
#include "worker/backend/backends.h"
#include "worker/close_reason.h"
#include "worker/limits.h"

namespace koi {

// Where all backends have as many connections as they may have, it waits in the pool's queue. One
// that refuses or does not answer in the pool's timeouts.connect is followed by the pool's next:
// nothing was sent, so nothing can be done twice.
class Connector {
 public:
  enum class Outcome {
    kConnected,      // Take() it
    kAgain,          // the owner will be woken
    kNoBackend,      // none of the pool is usable
    kRefused,        // every one tried refused
    kTimedOut,       // the last one tried did not answer
    kTlsFailed,      // TLS with the last one tried failed
    kQueueFull,      // as many wait for a backend as may
    kQueueTimedOut,  // none was free in time
  };
  enum class Reuse { kAllowed, kForbidden };

  // `owner` is woken when it is worth asking again; both must outlive the connector.
  Connector(Backends& backends, Waker& owner, uint32_t pool, Reuse reuse)
      : backends_(backends),
        owner_(owner),
        pool_(backends.Pool(pool)),
        reuse_(reuse),
        waiter_(owner) {}

  // Where backends speak TLS: what they are asked for (Backends::AskedName), and what is spoken
  // inside. Before the first Advance().
  void SetServer(std::string name, TlsProtocol protocol) {
    server_name_ = std::move(name);
    protocol_ = protocol;
  }
  Outcome Advance();
  // Whether it waits in the queue: who asked for it may still take that back.
  bool queued() const { return waiter_.waiting(); }
  // What has come to pass so far: the rest is TimePoint().
  struct Times {
    TimePoint asked = {};       // the first Advance()
    TimePoint connecting = {};  // to the last one tried
    TimePoint connected = {};
  };
  const Times& times() const { return times_; }
  // Backends tried, the last one included.
  uint32_t attempts() const { return static_cast<uint32_t>(tried_.size()); }
  // The number of the last one tried; 0: none.
  uint32_t last_tried() const { return tried_.empty() ? 0 : tried_.back(); }
  // What the connection must begin with, before Advance(): a PROXY header. Only one that began with
  // the same is used again.
  void SetPreface(std::string preface) { preface_ = std::move(preface); }
  std::unique_ptr<BackendConnection> Take() { return std::move(connection_); }

 private:
  Outcome Step();
  // kConnected: `place_` is held. kAgain: in the queue.
  Outcome FindPlace();
  void LeaveQueue();
  // Takes a connection to where `place_` is, or begins one; false when that failed at once.
  bool Begin();
  void Fail(Outcome how);

  Backends& backends_;
  Waker& owner_;
  Pool& pool_;
  Reuse reuse_;
  std::string preface_;
  PoolQueue::Waiter waiter_;
  std::string server_name_;
  TlsProtocol protocol_ = TlsProtocol::kAny;
  absl::InlinedVector<uint32_t, kConnectAttempts> tried_;
  BackendPlace place_;
  std::unique_ptr<BackendConnection> connection_;
  Times times_;
  TimePoint give_up_;
  EventLoop::Timer timer_;
  Outcome failure_ = Outcome::kNoBackend;  // the last one
};

// Of an outcome without a connection.
CloseReason ReasonOf(Connector::Outcome outcome);

}  // namespace koi
