// SPDX-License-Identifier: Apache-2.0
// sendmsg(2) and recvmsg(2) with SCM_RIGHTS.
#include "net/channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// Room for the largest message in either direction, beyond the default of some systems.
constexpr int kSocketBufferBytes = 512 * 1024;

struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
};

std::vector<Fd> TakeFds(msghdr& message) {
  std::vector<Fd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

absl::StatusOr<std::pair<Fd, Fd>> MakeChannelPair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot create a channel");
  }
  for (const int end : ends) {
    // Refused above net.core.wmem_max: then large messages fail when sent, and say so.
    (void)::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(kSocketBufferBytes));
  }
  return std::make_pair(Fd(ends[0]), Fd(ends[1]));
}

absl::Status SendMessage(int fd, absl::string_view bytes, const std::vector<int>& fds) {
  if (bytes.empty() || bytes.size() > kMaxMessageBytes || fds.size() > kMaxMessageFds) {
    return absl::InvalidArgumentError(absl::StrCat("a message of ", bytes.size(), " bytes and ",
                                                   fds.size(), " descriptors cannot be sent"));
  }
  iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control = {};
  if (!fds.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  for (;;) {
    if (::sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) return absl::OkStatus();
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return absl::DeadlineExceededError("the other end is not reading");
    if (errno == EPIPE || errno == ECONNRESET)
      return absl::UnavailableError("the other end is gone");
    return absl::ErrnoToStatus(errno, "cannot send a message");
  }
}

absl::StatusOr<ChannelMessage> ReceiveMessage(int fd) {
  ChannelMessage received;
  received.bytes.resize(kMaxMessageBytes);
  iovec part = {received.bytes.data(), received.bytes.size()};
  ControlBuffer control;
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t got;
  do {
    got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return absl::DeadlineExceededError("no message yet");
  if (got < 0)
    return absl::UnavailableError(absl::StrCat("the other end is gone: ", std::strerror(errno)));
  received.fds = TakeFds(message);
  if (got == 0) return absl::UnavailableError("the other end is gone");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return absl::InvalidArgumentError("a message larger than any koi sends was dropped");
  }
  received.bytes.resize(static_cast<size_t>(got));
  return received;
}

absl::StatusOr<std::unique_ptr<Channel>> Channel::Open(EventLoop& loop, Fd fd,
                                                       MessageCallback on_message,
                                                       ClosedCallback on_closed) {
  std::unique_ptr<Channel> channel(
      new Channel(std::move(fd), std::move(on_message), std::move(on_closed)));
  KOI_ASSIGN_OR_RETURN(channel->watch_,
                       loop.Add(channel->fd_.get(), EPOLLIN,
                                [raw = channel.get()](uint32_t events) { raw->Ready(events); }));
  return channel;
}

absl::Status Channel::Send(absl::string_view bytes, const std::vector<int>& fds) {
  if (queue_.empty()) {
    const absl::Status sent = SendMessage(fd_.get(), bytes, fds);
    if (!absl::IsDeadlineExceeded(sent)) return sent;
  }
  if (queue_.size() >= kMaxQueued || queued_bytes_ + bytes.size() > kMaxQueuedBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(queue_.size(), " messages wait for a process that does not read"));
  }
  ChannelMessage waiting{std::string(bytes), {}};
  for (const int fd : fds) {
    KOI_ASSIGN_OR_RETURN(Fd copy, Fd::DuplicateOf(fd));
    waiting.fds.push_back(std::move(copy));
  }
  queue_.push_back(std::move(waiting));
  queued_bytes_ += bytes.size();
  watch_.SetEvents(EPOLLIN | EPOLLOUT);
  return absl::OkStatus();
}

void Channel::Ready(uint32_t events) {
  const std::shared_ptr<bool> alive = alive_;
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && *alive) Receive();
}

void Channel::Flush() {
  while (!queue_.empty()) {
    std::vector<int> fds;
    for (const Fd& fd : queue_.front().fds) fds.push_back(fd.get());
    const absl::Status sent = SendMessage(fd_.get(), queue_.front().bytes, fds);
    if (absl::IsDeadlineExceeded(sent)) return;
    queued_bytes_ -= queue_.front().bytes.size();
    queue_.pop_front();  // sent, or never to be: a dead other end is reported by Receive()
  }
  watch_.SetEvents(EPOLLIN);
}

void Channel::Receive() {
  // A few at a time: a talkative peer must not starve the rest of the loop.
  constexpr int kMessagesPerTurn = 16;
  const std::shared_ptr<bool> alive = alive_;
  for (int i = 0; i < kMessagesPerTurn && *alive; ++i) {
    absl::StatusOr<ChannelMessage> message = ReceiveMessage(fd_.get());
    if (absl::IsDeadlineExceeded(message.status())) return;
    if (absl::IsInvalidArgument(message.status())) continue;
    if (!message.ok()) {
      watch_.Stop();
      // Called from a copy: the callback may destroy this channel, and itself with it.
      const ClosedCallback closed = on_closed_;
      closed();
      return;
    }
    const MessageCallback deliver = on_message_;
    deliver(*std::move(message));
  }
}

}  // namespace koi
