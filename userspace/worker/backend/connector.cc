// SPDX-License-Identifier: Apache-2.0
// One backend after the other.
#include "worker/backend/connector.h"

#include <optional>

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
    if (connection_ == nullptr && !Begin()) return failure_;
    if (connection_ == nullptr) continue;  // refused before it began
    if (connection_->reused()) return Outcome::kConnected;
    switch (connection_->FinishConnect()) {
      case Io::kDone: timer_.Cancel(); return Outcome::kConnected;
      case Io::kAgain:
        if (backends_.loop.now() < give_up_) return Outcome::kAgain;
        Fail(Outcome::kTimedOut);
        break;
      case Io::kClosed:
      case Io::kFailed: Fail(Outcome::kRefused); break;
    }
  }
}

bool Connector::Begin() {
  if (tried_.size() == kConnectAttempts) return false;
  const std::optional<PoolMember> member = backends_.Pool(pool_).Next(tried_);
  if (!member.has_value()) return false;
  tried_.push_back(member->number);
  times_.connecting = backends_.loop.now();
  if (reuse_ == Reuse::kAllowed) connection_ = backends_.idle.Take(*member, preface_, owner_);
  if (connection_ != nullptr) return true;

  auto connecting = BackendConnection::Connect(backends_.loop, backends_.counters, *member, owner_);
  if (!connecting.ok()) {  // no route, or no descriptor left
    backends_.counters.BackendError(member->number, member->incarnation);
    failure_ = Outcome::kRefused;
    return true;
  }
  connection_ = *std::move(connecting);
  connection_->SetPreface(preface_);
  give_up_ = backends_.loop.now() + backends_.Settings(pool_)->told.timeouts.connect;
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
    case Connector::Outcome::kConnected:
    case Connector::Outcome::kAgain: break;
  }
  KOI_UNREACHABLE();
}

}  // namespace koi
