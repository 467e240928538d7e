// SPDX-License-Identifier: Apache-2.0
// A connection after its protocol was switched: bytes both ways that koi does not understand.
#pragma once

#include <memory>

#include "worker/backend/backend_connection.h"
#include "worker/client_connection.h"

namespace koi {

// Each side may end its own direction before the other; bounded, as bytes that one side does not
// take are not read from the other.
class Tunnel {
 public:
  enum class Outcome {
    kAgain,          // its owner will be woken
    kMoved,          // something moved, and more may be there: call again
    kEnded,          // both sides have ended, and have been told
    kClientFailed,   // to be cut on both sides
    kBackendFailed,  // likewise
  };

  // What client.in holds is for the backend, and what client.out holds is for the client. Buffers
  // are given back while nothing moves.
  Tunnel(ClientStream& client, std::unique_ptr<BackendConnection> backend)
      : client_(client), backend_(std::move(backend)) {}

  Outcome Advance();
  // Makes the end of the backend's connection an abrupt one.
  void Abort() { backend_->Abort(); }

 private:
  struct Direction {
    bool ended = false;   // its sender has nothing more
    bool passed = false;  // and its receiver knows
  };
  Outcome MoveUp();
  Outcome MoveDown();

  ClientStream& client_;
  std::unique_ptr<BackendConnection> backend_;
  Direction up_;
  Direction down_;
};

}  // namespace koi
