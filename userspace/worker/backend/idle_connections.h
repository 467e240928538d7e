// SPDX-License-Identifier: Apache-2.0
// Connections to backends between two requests.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "base/time.h"
#include "worker/backend/backend_connection.h"

namespace koi {

// Keeps as many for each backend as its pool says and kIdleBackends in all, each as long as its
// pool says. One that its backend closes, or sends unasked bytes on, is dropped at once.
class IdleConnections {
 public:
  explicit IdleConnections(EventLoop& loop) : loop_(loop) {}
  IdleConnections(const IdleConnections&) = delete;

  // Of those to the backend where `place` is, that speak TLS alike and began with `preface`, the
  // one that was used last, in use by `owner` from now on; nullptr: none, and `place` stays.
  std::unique_ptr<BackendConnection> Take(BackendPlace& place, const BackendTls& tls,
                                          absl::string_view preface, Waker& owner);
  // Closes those that began with `preface`: whoever it names has left.
  void Forget(absl::string_view preface);
  // Keeps `connection`, or closes it where it cannot be used again or there are enough.
  void Park(std::unique_ptr<BackendConnection> connection);
  // Closes what has been idle too long, and what goes to backends that get no more requests.
  void Sweep(const BackendView& backends);

  size_t size() const { return size_; }

 private:
  class Parked final : public Waker {
   public:
    Parked(IdleConnections& all, std::unique_ptr<BackendConnection> connection, TimePoint until)
        : connection(std::move(connection)), until(until), all_(all) {}
    void Wake() override {
      // An event may be of what was read before it was parked, or of room to write.
      if (!connection->Quiet()) all_.Drop(this);
    }

    std::unique_ptr<BackendConnection> connection;
    TimePoint until;

   private:
    IdleConnections& all_;
  };
  void Drop(const Parked* parked);

  EventLoop& loop_;
  absl::flat_hash_map<uint32_t, std::list<Parked>> by_backend_;  // the last used at the back
  size_t size_ = 0;
};

}  // namespace koi
