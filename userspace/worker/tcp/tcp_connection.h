// SPDX-License-Identifier: Apache-2.0
// mode = "tcp": bytes both ways between a client and a backend, each with or without TLS.
#pragma once

#include <memory>
#include <optional>

#include "http/writer.h"
#include "worker/backend/connector.h"
#include "worker/client_connection.h"
#include "worker/deadline.h"
#include "worker/tcp/splice.h"
#include "worker/waker.h"

namespace koi {

// kHandshake -> kHello -> kConnect -> kRelay -> kClosed. Any state may fall to kClosed; none is
// entered twice.
class TcpConnection : public ClientConnection, private Waker {
 public:
  // To `service`, which `services` has at `listen`; that lives longer than the connection and may
  // change.
  TcpConnection(Backends& backends, ClientSet& clients, const ServiceTable& services,
                std::shared_ptr<const Service> service, const Endpoint& listen, Stream stream,
                const ClientFacts& facts);

  void Start() override;
  // A relay has no place in its bytes where it could stop: where it must not go on for ever, it is
  // cut when its service's drain time is over.
  void Reconsider() override;
  void Cut() override;

 private:
  enum class State {
    kHandshake,
    kHello,  // of TLS that is passed on: which server it is for
    kConnect,
    kRelay,
    kClosed,
  };
  // How far one direction has come to its end.
  struct Flow {
    explicit Flow(PipePool& pipes) : splice(pipes) {}
    bool ended = false;   // its source has no more
    bool passed = false;  // and its destination was told so
    bool bulk = false;    // its source had as much as could be read at once
    Splice splice;
  };

  void Wake() override { Advance(); }
  bool Offered() const;
  void Advance();
  State Step();
  State Handshake();
  State Hello();
  State BeginConnect(uint32_t pool, absl::string_view server_name);
  State Connect();
  State Relay();
  State Expire();
  State Close(CloseReason reason);
  // Neither end must take what it got for the whole.
  void Abort();
  void Log(CloseReason reason);

  // Move what can be moved. kDone: something was; kAgain: nothing can be now; kFailed: an end is
  // broken, and `reason_` says which.
  Io MoveUp();
  Io MoveDown();
  Io WriteUp();
  Io SpliceUp();
  Io SpliceDown();
  // Whether both ends are plain.
  bool MaySplice() const;
  Io Broken(CloseReason whose);

  Backends& backends_;
  ClientSet& clients_;
  const ServiceTable& services_;
  const std::shared_ptr<const Service> service_;  // as it was when this began
  const Endpoint listen_;
  const ClientFacts facts_;
  ClientStream client_;
  Deadline deadline_;
  std::optional<Connector> connector_;  // once the pool is known
  std::unique_ptr<BackendConnection> backend_;
  Flow up_;    // from the client
  Flow down_;  // to the client
  TimePoint began_;
  TimePoint connected_;
  EventLoop::Timer next_turn_;
  EventLoop::Timer drain_limit_;
  State state_ = State::kHandshake;
  CloseReason reason_ = CloseReason::kFinished;
};

}  // namespace koi
