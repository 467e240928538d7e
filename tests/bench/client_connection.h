// SPDX-License-Identifier: Apache-2.0
// One connection of the load client: connect, handshake, ask, read the whole answer, again.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/time.h"
#include "bench/client_tls.h"
#include "bench/load_plan.h"

namespace koi::bench {

// What all connections of a run share.
struct ClientShared {
  const LoadPlan* plan = nullptr;
  ClientTls* tls = nullptr;
  int epoll_fd = -1;
  sockaddr_in server = {};
  std::string upgrade = {};   // the request before WebSocket messages
  std::string request = {};   // one request, or one WebSocket message
  std::string expected = {};  // that message as it must come back
};

enum class Progress {
  kWaiting,   // for the socket, or for the next question
  kAnswered,  // in full: it may be asked again, or closed
  kFailed,
};

// kClosed -> kHandshake -> kUpgrade -> kOpen <-> kAsk -> kAnswer -> kOpen, or kClosed anew.
class ClientConnection {
 public:
  explicit ClientConnection(const ClientShared& shared) : shared_(shared) {}
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Connects and asks once. With `resuming` a TLS session is taken up again.
  Progress Open(bool resuming);
  // One more question on the open connection, due at `due`.
  Progress Ask(TimePoint due);
  // After any event of its socket.
  Progress Advance();
  // Says goodbye as a browser does: close_notify, then FIN.
  void Close();

  TimePoint due() const { return due_; }
  const std::string& error() const { return error_; }

 private:
  enum class State { kClosed, kHandshake, kUpgrade, kOpen, kAsk, kAnswer };

  Progress Fail(const std::string& what);
  Progress Handshake();
  Progress Send(const std::string& bytes, State next);
  Progress ReadUpgrade();
  Progress ReadHttp();
  Progress ReadMessage();
  // Bytes read into the common buffer; 0: wait; negative: failed.
  int64_t Read();
  int64_t Write(const char* data, size_t bytes);
  // Takes the head off what was read; false while it is incomplete.
  bool TakeHead(const char*& data, int64_t& bytes);

  const ClientShared& shared_;
  Fd socket_;
  SslPointer ssl_;
  State state_ = State::kClosed;
  bool resuming_ = false;
  bool asked_ = false;  // a question waits for the connection to be open
  size_t sent_ = 0;     // of the question
  std::string head_;    // of the answer, until it is complete
  bool in_body_ = false;
  uint64_t body_left_ = 0;
  size_t message_read_ = 0;
  TimePoint due_;
  std::string error_;
};

}  // namespace koi::bench
