// SPDX-License-Identifier: Apache-2.0
// One HTTP/1 request, carried to a backend, and its response, carried back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/body.h"
#include "http/writer.h"
#include "worker/backend/connector.h"
#include "worker/client_connection.h"
#include "worker/http1/pace.h"
#include "worker/http1/tunnel.h"
#include "worker/waker.h"

namespace koi {

// Whose request it is.
class ExchangeOwner : public Waker {
 public:
  // Whether another request may follow on this connection; else the response says that it is the
  // last one.
  virtual bool MayGoOn() = 0;
  // What connections to backends that expect a PROXY header begin with; not for kOff.
  virtual const std::string& ProxyHeaderFor(SendProxy version) = 0;

 protected:
  ~ExchangeOwner() = default;
};

// Both bodies flow at once and are bounded: a side that does not take its bytes stops the other
// from being read. "Expect: 100-continue" is the backend's to answer: it goes there, and its 100 or
// refusal comes back, so a client never sends a body that its server would have refused.
class Exchange {
 public:
  enum class Outcome {
    kAgain,         // the owner will be woken
    kDone,          // the response has gone to the client
    kEnded,         // so have the bytes that followed an upgrade, and each side knows of its end
    kUnanswered,    // failed, and nothing has gone to the client: answer status()
    kBrokenOff,     // failed inside the response: only an abrupt end tells the client
    kClientFailed,  // the client is gone, or sends what is no body
  };

  // The request `head`, already taken from client.in, where its body follows. `owner` is woken when
  // it is worth going on; `backends`, `client` and `owner` must outlive the exchange.
  Exchange(Backends& backends, ClientStream& client, ExchangeOwner& owner,
           const WorkerService& service, const RequestHead& head, const RequestPlan& plan);

  Outcome Advance();
  // After kAgain: Expire() is due if nothing happens until then.
  TimePoint due() const;
  // Somebody was waited for too long: the outcome, never kAgain.
  Outcome Expire();
  // Whoever still reads must not take what it got for the whole.
  void Abort();
  // Of any outcome but kAgain.
  CloseReason reason() const { return reason_; }
  // Of kUnanswered.
  int status() const { return status_; }
  absl::string_view explanation() const { return explanation_; }
  // Whether the client's next request follows in client.in: it wishes to go on and this one's body
  // has been read to its end.
  bool client_can_go_on() const { return keep_alive_ && request_body_.done(); }

 private:
  enum class Party { kConnector, kClient, kBackend, kTunnel };

  Outcome Step();
  Outcome Connect();
  Outcome Transfer();
  Outcome Relay();
  // Who keeps the exchange from going on.
  Party WaitsFor() const;
  void NoteWaiting(bool moved);
  void BeginConnect(Connector::Reuse reuse);
  void Reconnect();

  // Each moves what it can and returns kAgain, or what the exchange has come to.
  Outcome MoveRequest();
  Outcome DecodeRequest();
  void WriteRequest();
  Outcome MoveResponse();
  Outcome DecodeResponse();
  Outcome TakeHead();
  Outcome TakeInterim(const ResponseHead& head);
  Outcome SwitchProtocols(const ResponseHead& head, size_t head_bytes);
  void TakeFinal(const ResponseHead& head);
  void CountResponse(int status);
  Outcome TakeBody();
  Outcome ReadBody();
  Outcome ReadResponse();
  Outcome ResponseEnded(Io how);
  void ReleaseBackend();

  bool MayRetry() const;
  Outcome BodyTooLarge();
  // No backend was found that takes the request.
  Outcome Unreached(Connector::Outcome how, int status, absl::string_view explanation);
  Outcome Unanswered(int status, CloseReason reason, absl::string_view explanation);
  Outcome ClientFailed();
  // The backend's fault: 502, or an abrupt end.
  Outcome BackendFailed(CloseReason reason, absl::string_view explanation);

  Backends& backends_;
  ClientStream& client_;
  ExchangeOwner& owner_;
  const uint32_t pool_;
  const HeadLimits head_limits_;
  const uint64_t body_limit_;  // 0: none
  const Duration response_timeout_;
  const Duration tunnel_timeout_;

  // The request.
  std::string request_head_;  // as it is written; kept until it cannot be needed again
  bool idempotent_;
  bool to_head_;
  int client_minor_version_;
  bool chunked_request_;
  bool awaits_continue_;           // the client does, before it sends its body
  bool trailers_to_client_;        // it wishes to have them
  std::string upgrade_;            // the protocol that it asks for and may have; "": none
  const std::string server_name_;  // what backends that speak TLS are asked for
  std::string request_id_;         // "": the client is not told any
  BodyDecoder request_body_;
  uint64_t body_bytes_ = 0;        // of its data
  bool body_consumed_ = false;     // some of it: the request cannot be sent again
  bool request_passed_ = false;    // all of it is in to_backend_ or beyond
  bool request_given_up_ = false;  // the backend takes no more of it

  // The backend.
  std::optional<Connector> connector_;  // while connecting
  std::unique_ptr<BackendConnection> backend_;
  Buffer to_backend_;
  Buffer from_backend_;
  bool anything_received_ = false;

  // The response.
  HeadScanner scanner_;
  int interim_responses_ = 0;
  bool head_taken_ = false;
  bool backend_keep_alive_ = false;
  Framing framing_ = Framing::kNone;  // towards the client
  BodyDecoder response_body_;
  bool response_passed_ = false;  // all of it is in client_.out or beyond
  bool keep_alive_;

  const TimePoint began_;
  TimePoint connected_;

  std::optional<Tunnel> tunnel_;  // after an upgrade

  // Who is waited for, and until when.
  bool moved_ = false;
  Party party_ = Party::kConnector;
  bool client_takes_ = true;   // all that there is for it
  Pace pace_;                  // of the client
  uint64_t client_bytes_ = 0;  // of its body, and of the response that it has taken
  TimePoint due_;              // if it is not the client

  CloseReason reason_ = CloseReason::kFinished;
  int status_ = 0;
  absl::string_view explanation_;
  EventLoop::Timer next_turn_;
};

}  // namespace koi
