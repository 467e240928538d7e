// SPDX-License-Identifier: Apache-2.0
// A connection from a proxy that begins each with a PROXY header, until that has come.
#pragma once

#include <functional>
#include <memory>

#include "net/proxy_protocol.h"
#include "worker/acceptor.h"
#include "worker/client_connection.h"
#include "worker/deadline.h"

namespace koi {

class ProxyReception : public ClientConnection {
 public:
  // Makes the connection that goes on where the header ends: not a byte behind it has been read.
  using Next = std::function<std::unique_ptr<ClientConnection>(
      AcceptedConnection, const std::shared_ptr<const Service>&, const ProxyHeader&)>;

  // `next` and the others but `accepted` must outlive it. The time for a handshake is its limit.
  ProxyReception(EventLoop& loop, ClientSet& clients, AcceptedConnection accepted,
                 std::shared_ptr<const Service> service, const Next& next);

  void Start() override;
  void Reconsider() override {}  // it has its limit
  void Cut() override {}         // nothing was said to anybody yet

 private:
  // `ended`: the proxy has ended its side, so that no more will come. May destroy this.
  void Read(bool ended);
  void GoOn(size_t header_bytes, const ProxyHeader& header);
  // Ends it, with a line in the access log: there was somebody who wanted to be served.
  void Refuse(CloseReason reason);

  EventLoop& loop_;
  ClientSet& clients_;
  AcceptedConnection accepted_;
  const std::shared_ptr<const Service> service_;
  const Next& next_;
  TimePoint began_ = {};
  Deadline deadline_;
  EventLoop::Watch watch_;
};

}  // namespace koi
