// SPDX-License-Identifier: Apache-2.0
// Between OpenSSL and a non-blocking socket: gathers what is to be sent, asks for no byte in vain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

using BIO = struct bio_st;

namespace koi {

// Records wait here until Send(), so that an event costs one send(2): a ticket goes with the first
// response, and four whole records of a long one together. Reads know from the events of an
// edge-triggered watch when the socket is empty and do not ask it then. Holds memory only while
// something waits.
class GatheringBio {
 public:
  // What may wait: four records of the largest size.
  static constexpr size_t kQueueBytes = size_t{4} * (16'384 + 256);

  // `fd` stays open for as long as this lives.
  explicit GatheringBio(int fd) : fd_(fd) {}
  GatheringBio(const GatheringBio&) = delete;

  // For SSL_set_bio(); this must outlive it.
  BIO* NewBio();

  // What the watch has reported.
  void Ready(uint32_t events);
  // Whether the socket may have something to read.
  bool readable() const { return readable_; }

  enum class Sent { kAll, kSome, kFailed };
  // Sends what waits; kSome: the rest goes with the event that tells of room, in Ready().
  Sent Send();
  size_t waiting() const { return end_ - begin_; }
  // How much the socket has taken in all.
  uint64_t sent() const { return sent_; }
  // Whether nothing more is taken before an event.
  // The socket took no more, and has not said since that it would.
  bool blocked() const { return blocked_; }
  bool full() const { return blocked_ && waiting() == kQueueBytes; }

 private:
  friend struct GatheringBioCalls;
  // As recv(2): 0 at the end, -1 with `again` when there is nothing now.
  int Receive(char* buffer, int size, bool& again);
  // How much it took; -1: the socket is broken. 0: full().
  int Take(absl::string_view bytes);
  void MakeRoom(size_t bytes);

  int fd_;
  bool readable_ = true;
  bool blocked_ = false;  // the socket took no more
  bool failed_ = false;
  bool peer_ended_ = false;   // an event said so
  bool end_reached_ = false;  // and so did a read
  std::unique_ptr<char[]> queue_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace koi
