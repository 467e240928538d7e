// SPDX-License-Identifier: Apache-2.0
// A BIO_METHOD over recv(2) and a queue.
#include "tls/bio.h"

#include <openssl/bio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace koi {

// What OpenSSL calls.
struct GatheringBioCalls {
  static GatheringBio& Of(BIO* bio) { return *static_cast<GatheringBio*>(::BIO_get_data(bio)); }

  static int Write(BIO* bio, const char* bytes, int size) {
    ::BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    const int taken = Of(bio).Take({bytes, static_cast<size_t>(size)});
    if (taken != 0) return taken;
    BIO_set_retry_write(bio);
    return -1;
  }

  static int Read(BIO* bio, char* buffer, int size) {
    ::BIO_clear_retry_flags(bio);
    bool again = false;
    const int got = Of(bio).Receive(buffer, size, again);
    if (again) BIO_set_retry_read(bio);
    return got;
  }

  // Flushing is Send()'s, once an event.
  static long Control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return Of(bio).end_reached_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  // One for the process, and never freed.
  static const BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = ::BIO_meth_new(BIO_TYPE_SOURCE_SINK | ::BIO_get_new_index(), "koi");
      KOI_CHECK(made != nullptr);
      ::BIO_meth_set_write(made, Write);
      ::BIO_meth_set_read(made, Read);
      ::BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

BIO* GatheringBio::NewBio() {
  BIO* bio = ::BIO_new(GatheringBioCalls::Method());
  KOI_CHECK(bio != nullptr);  // out of memory
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  return bio;
}

void GatheringBio::Ready(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_ended_ = true;
  if (blocked_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    blocked_ = false;
    (void)Send();  // a failure shows in the next call too
  }
}

GatheringBio::Sent GatheringBio::Send() {
  while (begin_ < end_ && !blocked_ && !failed_) {
    const ssize_t sent = ::send(fd_, queue_.get() + begin_, end_ - begin_, MSG_NOSIGNAL);
    if (sent >= 0) {
      begin_ += static_cast<size_t>(sent);
      sent_ += static_cast<uint64_t>(sent);
    } else if (errno == EAGAIN) {
      blocked_ = true;
    } else if (errno != EINTR) {
      failed_ = true;
    }
  }
  if (failed_) return Sent::kFailed;
  if (begin_ < end_) return Sent::kSome;
  queue_.reset();
  capacity_ = begin_ = end_ = 0;
  return Sent::kAll;
}

int GatheringBio::Take(absl::string_view bytes) {
  if (failed_) return -1;
  if (waiting() + bytes.size() > kQueueBytes && Send() == Sent::kFailed) return -1;
  const size_t taken = std::min(bytes.size(), kQueueBytes - waiting());
  if (taken == 0) return 0;
  if (capacity_ - end_ < taken) MakeRoom(taken);
  std::memcpy(queue_.get() + end_, bytes.data(), taken);
  end_ += taken;
  return static_cast<int>(taken);
}

void GatheringBio::MakeRoom(size_t bytes) {
  constexpr size_t kSmall = 4096;  // a flight of a handshake, a short response
  const size_t kept = waiting();
  const size_t wanted = kept + bytes <= kSmall ? kSmall : kQueueBytes;
  if (capacity_ >= wanted) {
    std::memmove(queue_.get(), queue_.get() + begin_, kept);
  } else {
    std::unique_ptr<char[]> larger(new char[wanted]);
    if (kept > 0) std::memcpy(larger.get(), queue_.get() + begin_, kept);
    queue_ = std::move(larger);
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = kept;
}

int GatheringBio::Receive(char* buffer, int size, bool& again) {
  while (readable_) {
    const ssize_t got = ::recv(fd_, buffer, static_cast<size_t>(size), 0);
    if (got > 0) {
      // A short read has emptied the socket: what arrives later is a new edge. Only an end that
      // has been told already is not.
      readable_ = got == size || peer_ended_;
      return static_cast<int>(got);
    }
    if (got == 0) {
      end_reached_ = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return -1;
    readable_ = false;
  }
  again = true;
  return -1;
}

}  // namespace koi
