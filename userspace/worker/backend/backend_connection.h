// SPDX-License-Identifier: Apache-2.0
// A connection to a backend.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "net/event_loop.h"
#include "tls/stream.h"
#include "worker/backend/pool.h"
#include "worker/waker.h"

namespace koi {

// How a connection speaks TLS.
struct BackendTls {
  std::shared_ptr<const ClientTlsContext> context = nullptr;  // nullptr: it does not
  TlsServer server = {};
  std::shared_ptr<ClientSession> session = nullptr;

  // Whether what was agreed on for one may be used for the other.
  bool Alike(const BackendTls& other) const {
    return context == other.context && server.server_name == other.server.server_name &&
           server.expected_name == other.server.expected_name;
  }
};

// In use by one owner at a time, and counted as such; or parked between two.
class BackendConnection {
 public:
  // Begins to connect to the backend where `place` is, in use by `owner`, which is woken on each
  // event. `loop` must outlive the connection, an owner its use.
  static absl::StatusOr<std::unique_ptr<BackendConnection>> Connect(EventLoop& loop,
                                                                    BackendPlace place,
                                                                    BackendTls tls, Waker& owner);

  const PoolMember& member() const { return place_.member(); }
  const Counters& counters() const { return place_.counters(); }
  // Whether it has served another owner before: then the backend may have closed it just now.
  bool reused() const { return reused_; }
  // Whether anything was written since the present owner has it.
  bool written() const { return written_; }

  // What it begins with, before anything else, TLS included; before FinishConnect() is kDone.
  void SetPreface(std::string preface) { preface_ = std::move(preface); }
  const std::string& preface() const { return preface_; }

  // How long it may lie idle between two owners, and beside how many others to its backend.
  void SetIdle(Duration time, size_t places) {
    idle_time_ = time;
    idle_places_ = places;
  }
  Duration idle_time() const { return idle_time_; }
  size_t idle_places() const { return idle_places_; }

  // kAgain until connect(2), and the TLS handshake where there is one, have an outcome.
  Io FinishConnect();
  const BackendTls& tls() const { return tls_; }
  // After kFailed: whether it was TLS, and why its certificate was refused, if that was it.
  bool tls_failed() const { return connected_; }
  absl::string_view CertificateFault() const { return stream_.CertificateFault(); }
  Io Read(char* buffer, size_t size, size_t& got);
  Io Write(absl::string_view bytes, size_t& written);
  // Its stream, where that is plain: for those who move bytes without reading them and count them.
  // Else nullptr.
  Stream* plain() { return stream_.is_tls() ? nullptr : &stream_; }
  void CountIn(size_t bytes) { counters().BytesIn(bytes); }
  void CountOut(size_t bytes) {
    written_ = true;
    counters().BytesOut(bytes);
  }
  Io Shutdown() { return stream_.Shutdown(); }
  void Abort() { stream_.Abort(); }

  // Counted at the backend: a request answered, a failure.
  void CountRequest() { counters().Request(0); }
  void CountError() { counters().Error(); }

  // False when bytes or an end have come that nobody asked for: then it cannot be parked.
  bool Quiet();
  void Park(Waker& keeper);
  void Use(BackendPlace place, Waker& owner);

 private:
  BackendConnection(BackendPlace place, BackendTls tls, Fd fd, Waker& owner);
  void Ready(uint32_t events);
  bool SendPreface();

  BackendPlace place_;  // left while it is parked, and last of all when it is closed
  BackendTls tls_;
  Stream stream_;
  Waker* owner_;
  std::string preface_;
  Duration idle_time_ = PoolTimeouts().idle;
  size_t idle_places_ = PoolLimits().idle_connections;
  bool reused_ = false;
  bool written_ = false;
  bool has_outcome_ = false;  // of connect(2)
  bool connected_ = false;    // that outcome was a good one
  EventLoop::Watch watch_;
};

}  // namespace koi
