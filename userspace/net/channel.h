// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors between two of koi's processes, over a Unix SOCK_SEQPACKET pair: a
// message arrives whole or not at all, so an end may pass to another process at any time (the
// keeper hands them to each new manager).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "net/event_loop.h"

namespace koi {

constexpr size_t kMaxMessageBytes = 128 * 1024;
constexpr size_t kMaxMessageFds = 16;

// Both ends of a new pair, close-on-exec and non-blocking.
absl::StatusOr<std::pair<Fd, Fd>> MakeChannelPair();

struct ChannelMessage {
  std::string bytes;
  std::vector<Fd> fds;
};

class Channel {
 public:
  // `on_message` is called for each message, in order. `on_closed` once, when the other end is
  // gone; the channel may be destroyed in either.
  using MessageCallback = std::function<void(ChannelMessage)>;
  using ClosedCallback = std::function<void()>;

  ~Channel() { *alive_ = false; }

  // Takes over `fd`. The channel watches it in `loop`, which must outlive it.
  static absl::StatusOr<std::unique_ptr<Channel>> Open(EventLoop& loop, Fd fd,
                                                       MessageCallback on_message,
                                                       ClosedCallback on_closed);

  // Sends, or queues while the other end is slow. `fds` are duplicated by the kernel; the caller
  // keeps its own. InvalidArgument when too large, ResourceExhausted when kMaxQueued messages or
  // kMaxQueuedBytes wait already, Unavailable when the other end is gone.
  absl::Status Send(absl::string_view bytes, const std::vector<int>& fds = {});

  // Whether nothing waits to be sent.
  bool idle() const { return queue_.empty(); }
  int fd() const { return fd_.get(); }

 private:
  // A thousand services with their certificates, several times over.
  static constexpr size_t kMaxQueued = 16'384;
  static constexpr size_t kMaxQueuedBytes = size_t{64} << 20;

  Channel(Fd fd, MessageCallback on_message, ClosedCallback on_closed)
      : fd_(std::move(fd)), on_message_(std::move(on_message)), on_closed_(std::move(on_closed)) {}
  void Ready(uint32_t events);
  void Receive();
  void Flush();

  Fd fd_;
  MessageCallback on_message_;
  ClosedCallback on_closed_;
  std::deque<ChannelMessage> queue_;
  size_t queued_bytes_ = 0;
  EventLoop::Watch watch_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // false once destroyed, seen by callbacks on the stack
};

// One message from a non-blocking or blocking `fd`, for a process that has no loop yet. Unavailable
// when the other end is gone; DeadlineExceeded when nothing is there (non-blocking).
absl::StatusOr<ChannelMessage> ReceiveMessage(int fd);
absl::Status SendMessage(int fd, absl::string_view bytes, const std::vector<int>& fds = {});

}  // namespace koi
