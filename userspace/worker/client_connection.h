// SPDX-License-Identifier: Apache-2.0
// A client's connection, whatever is spoken on it, and the set of all of them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/address.h"
#include "dataplane/worker_map.h"
#include "net/event_loop.h"
#include "tls/stream.h"
#include "worker/access/access_log.h"
#include "worker/buffer.h"
#include "worker/close_reason.h"
#include "worker/service_table.h"
#include "worker/waker.h"

namespace koi {

class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  // Begins, in the set that owns it.
  virtual void Start() = 0;
  // The worker is about to end, or its services have changed: ends what must not go on.
  virtual void Reconsider() = 0;
  // The worker ends now: neither end must take what it got for the whole.
  virtual void Cut() = 0;

 private:
  friend class ClientSet;
  std::list<std::unique_ptr<ClientConnection>>::iterator place_;
};

// Owns the connections, counts why they end.
class ClientSet {
 public:
  explicit ClientSet(WorkerCounters& counters) : counters_(counters) {}

  // Called whenever one has ended.
  void OnEnd(std::function<void()> callback) { on_end_ = std::move(callback); }

  void Start(std::unique_ptr<ClientConnection> connection);
  // Destroys `connection`, which must touch nothing of itself afterwards.
  void End(ClientConnection& connection, CloseReason reason);
  // `connection` has become `next`, which begins: nothing ends. Destroys `connection` like End().
  void Replace(ClientConnection& connection, std::unique_ptr<ClientConnection> next);
  // One that ended before anything could be done with it.
  void CountEnd(CloseReason reason);

  // No connection may go on beyond what it has begun.
  void Drain();
  // The services have changed.
  void Reconsider();
  // Ends all of them.
  void Cut();
  bool draining() const { return draining_; }
  size_t size() const { return connections_.size(); }

  // Where services that log have their lines written; nullptr until it is set. It outlives the set.
  void SetAccessLog(AccessLog* log) { access_log_ = log; }
  AccessLog* access_log() const { return access_log_; }
  // "finished=12 drained=1": how many ended for each reason that occurred.
  std::string Reasons() const;

 private:
  WorkerCounters& counters_;
  std::function<void()> on_end_ = [] {};
  std::list<std::unique_ptr<ClientConnection>> connections_;
  std::array<uint64_t, kCloseReasons> ended_ = {};
  bool draining_ = false;
  AccessLog* access_log_ = nullptr;
};

// The client's end of a connection: what came and is not used yet, what is to go.
class ClientStream {
 public:
  // A connection to the service that `counters` are of, one of its open ones as long as this lives.
  ClientStream(Stream stream, const ServiceCounters& counters)
      : stream(std::move(stream)), counters_(counters) {
    counters_.ConnectionBegins();
  }
  ClientStream(const ClientStream&) = delete;
  ~ClientStream() { counters_.ConnectionEnds(); }

  // From now on `owner` is woken after each event, of which `stream` knows already.
  absl::Status Watch(EventLoop& loop, Waker& owner);
  // Reads once into `in`; kAgain also when it is full.
  Io Fill();
  // Writes until `out` is empty and the kernel has it all: kDone. Sets `moved` when anything went
  // since the last call.
  Io Flush(bool& moved);
  Io Flush() {
    bool moved = false;
    return Flush(moved);
  }
  // For those who move bytes past `in` and `out`.
  void CountIn(size_t bytes) { counters_.FromClient(bytes); }
  void CountOut(size_t bytes) { counters_.ToClient(bytes); }
  // TLS or not, counted when it has an outcome.
  Io Handshake();
  // It took too long.
  void GiveUpHandshake();
  // Why it failed.
  CloseReason HandshakeReason() const;

  const ServiceCounters& counters() const { return counters_; }

  Stream stream;
  Buffer in;
  Buffer out;
  std::unique_ptr<AccessRecord> access;  // where the service logs

 private:
  const ServiceCounters counters_;
  EventLoop* loop_ = nullptr;
  TimePoint began_;
  uint64_t flushed_ = 0;  // of the stream, at the last Flush()
  EventLoop::Watch watch_;
};

}  // namespace koi
