// SPDX-License-Identifier: Apache-2.0
// Bytes up, bytes down, and the end of each.
#include "worker/http1/tunnel.h"

namespace koi {

Tunnel::Outcome Tunnel::Advance() {
  const Outcome up = MoveUp();
  if (up == Outcome::kClientFailed || up == Outcome::kBackendFailed) return up;
  const Outcome down = MoveDown();
  if (down == Outcome::kClientFailed || down == Outcome::kBackendFailed) return down;
  if (up_.passed && down_.passed) return Outcome::kEnded;
  if (up == Outcome::kMoved || down == Outcome::kMoved) return Outcome::kMoved;
  client_.in.Release();
  client_.out.Release();
  return Outcome::kAgain;
}

Tunnel::Outcome Tunnel::MoveUp() {
  Outcome outcome = Outcome::kAgain;
  if (!up_.ended) {
    const size_t before = client_.in.size();
    const Io read = client_.Fill();
    if (client_.access != nullptr) client_.access->bytes_in += client_.in.size() - before;
    if (read == Io::kFailed) return Outcome::kClientFailed;
    if (read == Io::kClosed) up_.ended = true;
    if (read != Io::kAgain) outcome = Outcome::kMoved;
  }
  while (!client_.in.empty()) {
    size_t written = 0;
    const Io io = backend_->Write(client_.in.bytes(), written);
    if (io == Io::kAgain) return outcome;
    if (io != Io::kDone) return Outcome::kBackendFailed;
    client_.in.Take(written);
    outcome = Outcome::kMoved;
  }
  if (up_.ended && !up_.passed && backend_->Shutdown() != Io::kAgain) {
    up_.passed = true;
    outcome = Outcome::kMoved;
  }
  return outcome;
}

Tunnel::Outcome Tunnel::MoveDown() {
  Outcome outcome = Outcome::kAgain;
  if (!down_.ended && !client_.out.full()) {
    size_t room = 0;
    char* at = client_.out.Room(room);
    size_t got = 0;
    const Io read = backend_->Read(at, room, got);
    client_.out.Added(got);
    if (read == Io::kFailed) return Outcome::kBackendFailed;
    if (read == Io::kClosed) down_.ended = true;
    if (read != Io::kAgain) outcome = Outcome::kMoved;
  }
  bool moved = false;
  const Io flushed = client_.Flush(moved);
  if (flushed == Io::kFailed || flushed == Io::kClosed) return Outcome::kClientFailed;
  if (moved) outcome = Outcome::kMoved;
  if (down_.ended && !down_.passed && flushed == Io::kDone &&
      client_.stream.Shutdown() != Io::kAgain) {
    down_.passed = true;
    outcome = Outcome::kMoved;
  }
  return outcome;
}

}  // namespace koi
