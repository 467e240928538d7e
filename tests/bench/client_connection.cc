// SPDX-License-Identifier: Apache-2.0
// One connection of the load client.
#include "bench/client_connection.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace koi::bench {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
char read_buffer[kReadBytes];

// What the connection's status line and headers say; `error` when it is not what was asked for.
struct AnswerHead {
  std::string error = {};
  int status = 0;
  uint64_t length = 0;
};

AnswerHead ParseHead(absl::string_view text) {
  AnswerHead head;
  const std::vector<absl::string_view> lines = absl::StrSplit(text, "\r\n");
  const std::vector<absl::string_view> words = absl::StrSplit(lines[0], ' ');
  if (words.size() < 2 || !absl::SimpleAtoi(words[1], &head.status)) {
    head.error = absl::StrCat("no status line: ", lines[0]);
  }
  for (const absl::string_view line : lines) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (!absl::EqualsIgnoreCase(field.first, "content-length")) continue;
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(field.second), &head.length)) {
      head.error = absl::StrCat("no length: ", line);
    }
  }
  return head;
}

}  // namespace

Progress ClientConnection::Fail(const std::string& what) {
  error_ = what;
  return Progress::kFailed;
}

Progress ClientConnection::Open(bool resuming) {
  socket_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return Fail(absl::StrCat("no socket: ", strerror(errno)));
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&shared_.server),
              sizeof(shared_.server)) != 0 &&
      errno != EINPROGRESS) {
    return Fail(absl::StrCat("cannot connect: ", strerror(errno)));
  }
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = this;
  epoll_ctl(shared_.epoll_fd, EPOLL_CTL_ADD, socket_.get(), &event);
  if (shared_.plan->tls) {
    ssl_ = shared_.tls->Start(socket_.get(), resuming);
    if (ssl_ == nullptr) return Fail("the server gave no session to resume");
  }
  resuming_ = resuming;
  state_ = State::kHandshake;
  sent_ = 0;
  head_.clear();
  asked_ = true;
  return Advance();
}

Progress ClientConnection::Ask(TimePoint due) {
  due_ = due;
  asked_ = true;
  return Advance();
}

void ClientConnection::Close() {
  if (ssl_ != nullptr && state_ == State::kOpen) SSL_shutdown(ssl_.get());
  ssl_.reset();
  ERR_clear_error();
  socket_.Close();
  state_ = State::kClosed;
  asked_ = false;
}

Progress ClientConnection::Advance() {
  while (true) {
    const State before = state_;
    Progress progress = Progress::kWaiting;
    switch (state_) {
      case State::kClosed: return Progress::kWaiting;
      case State::kHandshake: progress = Handshake(); break;
      case State::kUpgrade:
        progress =
            sent_ < shared_.upgrade.size() ? Send(shared_.upgrade, State::kUpgrade) : ReadUpgrade();
        break;
      case State::kOpen:
        // Nothing was asked: what there is to read are session tickets, or the end.
        if (!asked_) return Read() < 0 ? Progress::kFailed : Progress::kWaiting;
        asked_ = false;
        sent_ = 0;
        state_ = State::kAsk;
        break;
      case State::kAsk: progress = Send(shared_.request, State::kAnswer); break;
      case State::kAnswer: progress = shared_.plan->websocket ? ReadMessage() : ReadHttp(); break;
    }
    if (progress != Progress::kWaiting) return progress;
    if (state_ == before) return Progress::kWaiting;
  }
}

Progress ClientConnection::Handshake() {
  if (ssl_ != nullptr) {
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Progress::kWaiting;
      return Fail(absl::StrCat(
          "handshake: ", error == SSL_ERROR_SYSCALL && errno != 0 ? strerror(errno) : TlsError()));
    }
    const std::string wrong = ClientTls::Wrong(ssl_.get(), resuming_);
    if (!wrong.empty()) return Fail(wrong);
  }
  state_ = shared_.plan->websocket ? State::kUpgrade : State::kOpen;
  return Progress::kWaiting;
}

Progress ClientConnection::Send(const std::string& bytes, State next) {
  while (sent_ < bytes.size()) {
    const int64_t count = Write(bytes.data() + sent_, bytes.size() - sent_);
    if (count < 0) return Progress::kFailed;
    if (count == 0) return Progress::kWaiting;
    sent_ += static_cast<size_t>(count);
  }
  if (next == State::kUpgrade) return ReadUpgrade();
  state_ = next;
  in_body_ = false;
  message_read_ = 0;
  return Progress::kWaiting;
}

bool ClientConnection::TakeHead(const char*& data, int64_t& bytes) {
  const size_t before = head_.size();
  head_.append(data, static_cast<size_t>(bytes));
  const size_t end = head_.find("\r\n\r\n");
  if (end == head_.npos) return false;
  const size_t of_this = end + 4 - before;
  data += of_this;
  bytes -= static_cast<int64_t>(of_this);
  head_.resize(end);
  return true;
}

Progress ClientConnection::ReadUpgrade() {
  const int64_t count = Read();
  if (count < 0) return Progress::kFailed;
  const char* data = read_buffer;
  int64_t left = count;
  if (count == 0 || !TakeHead(data, left)) return Progress::kWaiting;
  const AnswerHead head = ParseHead(head_);
  head_.clear();
  if (head.status != 101 || left != 0) return Fail(absl::StrCat("upgrade: status ", head.status));
  state_ = State::kOpen;
  return Progress::kWaiting;
}

Progress ClientConnection::ReadHttp() {
  while (true) {
    int64_t count = Read();
    if (count < 0) return Progress::kFailed;
    if (count == 0) return Progress::kWaiting;
    const char* data = read_buffer;
    if (!in_body_) {
      if (!TakeHead(data, count)) continue;
      const AnswerHead head = ParseHead(head_);
      head_.clear();
      if (!head.error.empty()) return Fail(head.error);
      if (head.status != 200) return Fail(absl::StrCat("status ", head.status));
      if (head.length != shared_.plan->body_bytes) {
        return Fail(absl::StrCat("an answer of ", head.length, " bytes"));
      }
      in_body_ = true;
      body_left_ = head.length;
    }
    if (static_cast<uint64_t>(count) > body_left_) return Fail("more than the answer");
    body_left_ -= static_cast<uint64_t>(count);
    if (body_left_ > 0) continue;
    state_ = State::kOpen;
    return Progress::kAnswered;
  }
}

Progress ClientConnection::ReadMessage() {
  const std::string& expected = shared_.expected;
  while (message_read_ < expected.size()) {
    const int64_t count = Read();
    if (count < 0) return Progress::kFailed;
    if (count == 0) return Progress::kWaiting;
    const auto bytes = static_cast<size_t>(count);
    if (bytes > expected.size() - message_read_ ||
        memcmp(read_buffer, expected.data() + message_read_, bytes) != 0) {
      return Fail("another message came back");
    }
    message_read_ += bytes;
  }
  state_ = State::kOpen;
  return Progress::kAnswered;
}

int64_t ClientConnection::Read() {
  if (ssl_ != nullptr) {
    const int count = SSL_read(ssl_.get(), read_buffer, kReadBytes);
    if (count > 0) return count;
    const int error = SSL_get_error(ssl_.get(), count);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    error_ = error == SSL_ERROR_ZERO_RETURN ? "the server closed the connection"
                                            : absl::StrCat("read: ", TlsError());
    return -1;
  }
  const ssize_t count = recv(socket_.get(), read_buffer, kReadBytes, 0);
  if (count > 0) return count;
  if (count < 0 && errno == EAGAIN) return 0;
  error_ =
      count == 0 ? "the server closed the connection" : absl::StrCat("read: ", strerror(errno));
  return -1;
}

int64_t ClientConnection::Write(const char* data, size_t bytes) {
  if (ssl_ != nullptr) {
    const int count = SSL_write(ssl_.get(), data, static_cast<int>(bytes));
    if (count > 0) return count;
    const int error = SSL_get_error(ssl_.get(), count);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    error_ = absl::StrCat("write: ", TlsError());
    return -1;
  }
  const ssize_t count = send(socket_.get(), data, bytes, MSG_NOSIGNAL);
  if (count > 0) return count;
  if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) return 0;
  error_ = absl::StrCat("write: ", strerror(errno));
  return -1;
}

}  // namespace koi::bench
