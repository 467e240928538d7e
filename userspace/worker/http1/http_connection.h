// SPDX-License-Identifier: Apache-2.0
// mode = "http": a client's HTTP/1 connection, one request after the other.
#pragma once

#include <memory>
#include <string>

#include "http/error_page.h"
#include "http/request_head.h"
#include "worker/client_connection.h"
#include "worker/deadline.h"
#include "worker/http1/exchange.h"
#include "worker/waker.h"

namespace koi {

// kHandshake -> kRequest -> kExchange or kRespond -> kRequest ... -> kLinger -> kClosed. Any state
// may fall to kLinger or kClosed.
class HttpConnection : public ClientConnection, private ExchangeOwner {
 public:
  // To `service`, which `services` has; that lives longer than the connection and may change.
  HttpConnection(Backends& backends, ClientSet& clients, const ServiceTable& services,
                 std::shared_ptr<const Service> service, const Endpoint& listen, Stream stream,
                 const ClientFacts& facts);
  ~HttpConnection() override;

  void Start() override;
  // Ends between two requests, once no new one has come for a moment; a request that has begun, or
  // the first one, is answered, and its response says that it is the last.
  // What goes on is cut when the service's drain time is over.
  void Reconsider() override;
  void Cut() override;

 private:
  enum class State {
    kHandshake,
    kRequest,   // a head comes in, or nothing for a while
    kExchange,  // the request is with a backend
    kRespond,   // koi's own response goes out; another request may follow
    kLinger,    // the last response has been given; the client is to end its side
    kClosed,
  };

  void Wake() override { Advance(); }
  bool MayGoOn() override;
  const std::string& ProxyHeaderFor(SendProxy version) override;
  // Takes the service as it is now; false: there is none like it any more, and what it was last
  // holds for what has begun.
  bool TakeService();
  const ServiceTimeouts& timeouts() const { return service_->told.timeouts; }
  void Advance();
  State Step();
  State Handshake();
  // Asked for once, and only where the service wants certificates.
  void NoteClientCertificate();
  State Request();
  State Idle();
  State BeginRequest(const RequestHead& head, size_t head_bytes);
  RequestPlan PlanFor(const RequestHead& head);
  bool MayUpgrade(const RequestHead& head) const;
  void ChooseRequestId(const RequestHead& head);
  State Redirect(const RequestHead& head);
  State Welcome(const RequestHead& head);
  State Exchanging();
  State EndExchange(Exchange::Outcome outcome);
  State Respond();
  State Linger();
  State Expire();

  // koi's own response; with keep_alive another request may follow.
  State Answer(CloseReason reason, OwnResponse response);
  // Of a request that is not understood.
  State Refuse(int status, absl::string_view explanation);
  State TooLarge(int status, absl::string_view explanation);
  // Ends this side and waits for the client to end its own: closing at once, with bytes of the
  // client unread, would make the kernel send a reset that destroys the response on its way.
  State BeginLinger(CloseReason reason);
  State Close(CloseReason reason);
  // For the access log: a request's first byte has come; it, or the connection, has ended.
  void NoteBegin();
  void Log(CloseReason reason);
  void BeginIdle();

  Backends& backends_;
  ClientSet& clients_;
  const ServiceTable& services_;
  std::shared_ptr<const Service> service_;  // as it was last
  const Endpoint listen_;                   // where it was found: a PROXY header may name another
  bool offered_ = true;                     // it still is
  uint64_t revision_;                       // of the table that was looked at last
  ClientStream client_;
  const ClientFacts facts_;
  Deadline deadline_;
  State state_ = State::kHandshake;
  CloseReason reason_ = CloseReason::kFinished;

  HeadScanner scanner_;
  uint32_t requests_ = 0;  // begun
  bool answered_any_ = false;
  TimePoint idle_since_;  // the last answer
  bool to_head_ = false;  // of the request at hand, for koi's own responses
  int client_minor_version_ = 1;
  // What backends are told of the client, and for which state of the service that was written.
  std::shared_ptr<const Service> forwarded_for_;
  std::string forwarded_;
  std::string client_certificate_;  // lines, where the client has shown one
  bool trusted_ = false;            // it is a proxy in front of koi
  std::string request_id_;
  std::string default_host_;
  std::unique_ptr<Exchange> exchange_;  // half of a connection, which idle ones go without

  std::string proxy_header_;
  SendProxy proxy_header_version_ = SendProxy::kOff;

  bool ended_own_side_ = false;
  size_t lingered_bytes_ = 0;
  EventLoop::Timer next_turn_;
  EventLoop::Timer drain_limit_;
};

}  // namespace koi
