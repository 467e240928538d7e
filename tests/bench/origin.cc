// SPDX-License-Identifier: Apache-2.0
// koi-origin: the cheapest possible HTTP/1.1 backend, one thread: GET /N answers N bytes; a request
// to upgrade becomes a WebSocket that sends every message back.
//
//   koi-origin PORT [CPU]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace koi::bench {
namespace {

constexpr size_t kBodyChunk = size_t{1} << 20;
constexpr size_t kPendingMax = size_t{64} << 10;  // of bytes that are no whole request yet
const std::string& Body() {
  static const std::string body(kBodyChunk, 'k');
  return body;
}

// The value of a header field, by its name in lower case.
std::string Field(absl::string_view head, absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(head);
  const size_t at = lower.find(absl::StrCat("\r\n", name, ":"));
  if (at == std::string::npos) return "";
  const size_t from = at + name.size() + 3;
  const size_t end = head.find("\r\n", from);
  return std::string(absl::StripAsciiWhitespace(head.substr(from, end - from)));
}

// RFC 6455, 4.2.2.
std::string AcceptFor(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int bytes = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &bytes, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> base64 = {};
  EVP_EncodeBlock(base64.data(), hash.data(), static_cast<int>(bytes));
  return reinterpret_cast<const char*>(base64.data());
}

class OriginConnection {
 public:
  explicit OriginConnection(Fd socket) : socket_(std::move(socket)) {}

  // After any event; false when it is over.
  bool Advance() {
    while (true) {
      if (!Flush()) return false;
      if (body_left_ > 0 || !out_.empty()) return true;  // the peer reads no faster
      if (TakeRequest()) continue;
      if (in_.size() > kPendingMax) return false;
      const ssize_t count = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (count < 0 && errno == EAGAIN) return true;
      if (count <= 0) return false;
      in_.append(buffer_.data(), static_cast<size_t>(count));
    }
  }

 private:
  // Sends what there is; false when the peer is gone.
  bool Flush() {
    while (!out_.empty() || body_left_ > 0) {
      iovec parts[2] = {{out_.data(), out_.size()},
                        {const_cast<char*>(Body().data()), std::min(body_left_, kBodyChunk)}};
      msghdr message = {};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      const ssize_t count = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN;
      const size_t of_head = std::min(static_cast<size_t>(count), out_.size());
      out_.erase(0, of_head);
      body_left_ -= static_cast<size_t>(count) - of_head;
    }
    return true;
  }

  // Turns the next request or message into an answer; false: it is not complete.
  bool TakeRequest() {
    if (websocket_) return TakeMessage();
    const size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const absl::string_view head = absl::string_view(in_).substr(0, end + 2);
    const std::string key = Field(head, "sec-websocket-key");
    if (!key.empty()) {
      websocket_ = true;
      out_ = absl::StrCat(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: ",
          AcceptFor(key), "\r\n\r\n");
    } else {
      const size_t path = head.find('/') + 1;
      if (!absl::SimpleAtoi(head.substr(path, head.find(' ', path) - path), &body_left_)) {
        body_left_ = 0;
      }
      out_ = absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ",
                          body_left_, "\r\n\r\n");
    }
    in_.erase(0, end + 4);
    return true;
  }

  // A message of 126 bytes to 64 KiB in one frame, as koi-load sends them.
  bool TakeMessage() {
    constexpr size_t kHeadBytes = 8;
    if (in_.size() < kHeadBytes) return false;
    const size_t bytes = static_cast<uint8_t>(in_[2]) << 8 | static_cast<uint8_t>(in_[3]);
    if (in_.size() < kHeadBytes + bytes) return false;
    out_ = {in_[0], static_cast<char>(in_[1] & 0x7f), in_[2], in_[3]};
    for (size_t i = 0; i < bytes; ++i) {
      out_ += static_cast<char>(in_[kHeadBytes + i] ^ in_[4 + i % 4]);
    }
    in_.erase(0, kHeadBytes + bytes);
    return true;
  }

  static inline std::array<char, 65536> buffer_;

  Fd socket_;
  bool websocket_ = false;
  std::string in_;
  std::string out_;
  size_t body_left_ = 0;
};

Fd Listen(int port) {
  Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), 4096) != 0) {
    std::cerr << "koi-origin: cannot listen at port " << port << ": " << strerror(errno) << '\n';
    listener.Close();
  }
  return listener;
}

void Watch(int epoll_fd, int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int Serve(int port) {
  const Fd listener = Listen(port);
  if (!listener.valid()) return 1;
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Watch(epoll.get(), listener.get(), EPOLLIN);
  std::unordered_map<int, std::unique_ptr<OriginConnection>> connections;
  while (true) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd != listener.get()) {
        const auto found = connections.find(fd);
        if (found != connections.end() && !found->second->Advance()) connections.erase(found);
        continue;
      }
      Fd socket(accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.valid()) continue;
      const int on = 1;
      setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      const int number = socket.get();
      connections[number] = std::make_unique<OriginConnection>(std::move(socket));
      Watch(epoll.get(), number, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }
}

}  // namespace
}  // namespace koi::bench

int main(int argc, char** argv) {
  int port = 0;
  int cpu = -1;
  if (argc < 2 || argc > 3 || !absl::SimpleAtoi(argv[1], &port) ||
      (argc == 3 && !absl::SimpleAtoi(argv[2], &cpu))) {
    std::cerr << "usage: koi-origin PORT [CPU]\n";
    return 2;
  }
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
  }
  signal(SIGPIPE, SIG_IGN);
  return koi::bench::Serve(port);
}
