// SPDX-License-Identifier: Apache-2.0
// One backend after the other.
#include "worker/backend/connector.h"

#include "base/check.h"

namespace koi {

Connector::Outcome Connector::Advance() {
  if (times_.asked == TimePoint()) times_.asked = backends_.loop.now();
  const Outcome outcome = Step();
  if (outcome == Outcome::kConnected) times_.connected = backends_.loop.now();
  return outcome;
}

Connector::Outcome Connector::Step() {
  for (;;) {
    if (connection_ == nullptr) {
      const Outcome found = FindPlace();
      if (found != Outcome::kConnected) return found;
      if (!Begin()) continue;
    }
    if (connection_->reused()) return Outcome::kConnected;
    switch (connection_->FinishConnect()) {
      case Io::kDone:
        timer_.Cancel();
        connection_->counters().SetUp(backends_.loop.now() - times_.connecting);
        return Outcome::kConnected;
      case Io::kAgain:
        if (backends_.loop.now() < give_up_) return Outcome::kAgain;
        Fail(Outcome::kTimedOut);
        break;
      case Io::kClosed:
      case Io::kFailed:
        if (connection_->tls_failed()) backends_.TellTlsFault(*connection_);
        Fail(connection_->tls_failed() ? Outcome::kTlsFailed : Outcome::kRefused);
        break;
    }
  }
}

Connector::Outcome Connector::FindPlace() {
  if (tried_.size() == kConnectAttempts) return failure_;
  const bool newcomer = tried_.empty() && !waiter_.waiting();
  if (waiter_.waiting() && backends_.loop.now() >= waiter_.since() + pool_.told().timeouts.queue) {
    LeaveQueue();
    pool_.counters().QueueTimedOut();
    return Outcome::kQueueTimedOut;
  }
  if (waiter_.waiting() && !waiter_.first()) return Outcome::kAgain;
  if (!newcomer || !pool_.MustWait()) {
    switch (pool_.Enter(tried_, place_)) {
      case Pool::Entry::kEntered: LeaveQueue(); return Outcome::kConnected;
      case Pool::Entry::kNoBackend: LeaveQueue(); return failure_;
      case Pool::Entry::kFull: break;
    }
  }
  if (waiter_.waiting()) return Outcome::kAgain;
  return pool_.Join(waiter_) ? Outcome::kAgain : Outcome::kQueueFull;
}

void Connector::LeaveQueue() {
  if (!waiter_.waiting()) return;
  pool_.counters().Queued(backends_.loop.now() - waiter_.since());
  waiter_.Leave();
}

bool Connector::Begin() {
  if (!tried_.empty()) {
    pool_.counters().Retry();
    place_.counters().Retry();
  }
  tried_.push_back(place_.member().number);
  times_.connecting = backends_.loop.now();
  const auto settings = pool_.settings();
  BackendTls tls = backends_.TlsTo(place_.member(), *settings, server_name_, protocol_);
  if (reuse_ == Reuse::kAllowed) connection_ = backends_.idle.Take(place_, tls, preface_, owner_);
  if (connection_ != nullptr) return true;

  const Counters counters = place_.counters();
  auto connecting =
      BackendConnection::Connect(backends_.loop, std::move(place_), std::move(tls), owner_);
  if (!connecting.ok()) {  // no route, or no descriptor left
    counters.Error();
    failure_ = Outcome::kRefused;
    return false;
  }
  connection_ = *std::move(connecting);
  connection_->SetPreface(preface_);
  connection_->SetIdle(settings->told.timeouts.idle, settings->told.limits.idle_connections);
  give_up_ = times_.connecting + pool_.told().timeouts.connect;
  timer_ = backends_.loop.At(give_up_, [this] { owner_.Wake(); });
  return true;
}

void Connector::Fail(Outcome how) {
  connection_->CountError();
  connection_.reset();
  timer_.Cancel();
  failure_ = how;
}

CloseReason ReasonOf(Connector::Outcome outcome) {
  switch (outcome) {
    case Connector::Outcome::kNoBackend: return CloseReason::kNoBackend;
    case Connector::Outcome::kRefused: return CloseReason::kBackendRefused;
    case Connector::Outcome::kTimedOut: return CloseReason::kBackendUnreachable;
    case Connector::Outcome::kQueueFull: return CloseReason::kQueueFull;
    case Connector::Outcome::kQueueTimedOut: return CloseReason::kQueueTimedOut;
    case Connector::Outcome::kTlsFailed: return CloseReason::kBackendTlsFailed;
    case Connector::Outcome::kConnected:
    case Connector::Outcome::kAgain: break;
  }
  KOI_UNREACHABLE();
}

}  // namespace koi
