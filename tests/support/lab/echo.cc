// SPDX-License-Identifier: Apache-2.0
// Sending bytes and getting them back.
#include "support/lab/echo.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "support/lab/eventually.h"
#include "support/lab/lab.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr size_t kBufferBytes = 1 << 16;
// A connection that gets nothing back for so long is broken: longer than a failover.
constexpr Duration kSilenceLimit = 40s;

Fd BoundSocket(const Endpoint& endpoint, int type) {
  sockaddr_storage address = {};
  const socklen_t bytes = endpoint.ToSockaddr(address);
  Fd socket(::socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) {
    Die(absl::StrCat("cannot bind ", endpoint.ToString(), ": ", std::strerror(errno)));
  }
  return socket;
}

Fd ConnectedSocket(const Endpoint& endpoint, int type) {
  sockaddr_storage address = {};
  const socklen_t bytes = endpoint.ToSockaddr(address);
  Fd socket(::socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0 &&
      errno != EINPROGRESS) {
    Die(absl::StrCat("cannot connect to ", endpoint.ToString(), ": ", std::strerror(errno)));
  }
  return socket;
}

void Add(int epoll, int fd) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

struct Peer {
  Fd socket;
  std::string owed = {};  // read and not yet sent back
  bool seen = false;
};

// Until it would block. Whether it is still open.
bool Echo(Peer& peer) {
  std::array<char, kBufferBytes> buffer;
  while (true) {
    while (!peer.owed.empty()) {
      const ssize_t sent =
          ::send(peer.socket.get(), peer.owed.data(), peer.owed.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      peer.owed.erase(0, static_cast<size_t>(sent));
    }
    const ssize_t got = ::recv(peer.socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    peer.seen = true;
    peer.owed.assign(buffer.data(), static_cast<size_t>(got));
  }
}

void EchoDatagramsOf(int socket) {
  std::array<char, kBufferBytes> buffer;
  sockaddr_storage from = {};
  socklen_t bytes = sizeof(from);
  ssize_t got = 0;
  while ((got = ::recvfrom(socket, buffer.data(), buffer.size(), 0,
                           reinterpret_cast<sockaddr*>(&from), &bytes)) >= 0) {
    ::sendto(socket, buffer.data(), static_cast<size_t>(got), 0,
             reinterpret_cast<const sockaddr*>(&from), bytes);
    bytes = sizeof(from);
  }
}

// What all connections send, each from a place of its own.
const std::string& Pattern() {
  static const std::string pattern = [] {
    std::mt19937 random(7);
    std::string bytes(1 << 20, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }();
  return pattern;
}

}  // namespace

EchoServer::EchoServer(const Host& host, uint16_t port,
                       const std::vector<std::string>& udp_addresses)
    : stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  host.In([&] {
    sockets_.push_back(BoundSocket({.address = Address(), .port = port}, SOCK_STREAM));
    for (const std::string& address : udp_addresses) {
      sockets_.push_back(
          BoundSocket({.address = *Address::Parse(address), .port = port}, SOCK_DGRAM));
    }
  });
  if (::listen(sockets_[0].get(), 1024) != 0) Die("cannot listen");
  thread_ = std::thread([this] { Serve(); });
}

EchoServer::~EchoServer() {
  const uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void EchoServer::Serve() {
  const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  Add(epoll.get(), stop_.get());
  for (const Fd& socket : sockets_) Add(epoll.get(), socket.get());
  std::map<int, Peer> peers;
  while (true) {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == stop_.get()) {
        if ((events[static_cast<size_t>(i)].events & EPOLLIN) != 0) return;
        continue;
      }
      if (fd == sockets_[0].get()) {
        int accepted = -1;
        while ((accepted = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
          peers[accepted].socket = Fd(accepted);
          Add(epoll.get(), accepted);
        }
        continue;
      }
      const auto peer = peers.find(fd);
      if (peer == peers.end()) {
        EchoDatagramsOf(fd);
        continue;
      }
      const bool was_seen = peer->second.seen;
      const bool open = Echo(peer->second);
      if (!was_seen && peer->second.seen) ++connections_;
      if (open) continue;
      if (peer->second.seen) --connections_;
      peers.erase(peer);
    }
  }
}

struct Transfers::Connection {
  Fd socket;
  size_t shift = 0;  // where in the pattern it begins
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t goal = 0;     // of `sent`, until all of it is back
  TimePoint next = {};   // when it may go on
  TimePoint heard = {};  // when it last got something
};

Transfers::Transfers(const Host& host, const TransferPlan& plan) : plan_(plan) {
  thread_ = std::thread([this, &host] {
    host.EnterNamespace();
    Run();
  });
}

void Transfers::Break(Connection& connection, const std::string& why) {
  if (broken_++ == 0) why_ = absl::StrCat(why, " after ", connection.received, " bytes");
  connection.socket.Close();
}

void Transfers::Step(Connection& connection) {
  const std::string& pattern = Pattern();
  const auto place = [&](uint64_t at) { return (at + connection.shift) % pattern.size(); };
  while (connection.sent < connection.goal) {
    const size_t at = place(connection.sent);
    const size_t size = std::min<size_t>(connection.goal - connection.sent, pattern.size() - at);
    const ssize_t sent = ::send(connection.socket.get(), &pattern[at], size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
    if (sent < 0) return Break(connection, std::strerror(errno));
    connection.sent += static_cast<uint64_t>(sent);
  }
  std::array<char, kBufferBytes> buffer;
  while (connection.received < connection.sent) {
    const size_t at = place(connection.received);
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(),
                               std::min(buffer.size(), pattern.size() - at), 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) return Break(connection, got == 0 ? "closed" : std::strerror(errno));
    const auto size = static_cast<size_t>(got);
    if (std::memcmp(buffer.data(), &pattern[at], size) != 0)
      return Break(connection, "other bytes");
    connection.received += size;
    connection.heard = Now();
    bytes_ += size;
  }
  if (Now() - connection.heard > kSilenceLimit) return Break(connection, "silence");
  if (connection.received < connection.goal) return;
  if (plan_.bytes_each != 0 && connection.received >= plan_.bytes_each) {
    ++finished_;
    connection.socket.Close();
    return;
  }
  connection.goal += plan_.chunk;
  connection.next = Now() + plan_.pause;
}

void Transfers::Run() {
  std::vector<Connection> connections(static_cast<size_t>(plan_.connections));
  for (size_t i = 0; i < connections.size(); ++i) {
    connections[i].socket = ConnectedSocket(plan_.to, SOCK_STREAM);
    connections[i].shift = i * 4099;
    connections[i].goal = plan_.chunk;
    connections[i].heard = Now();
  }
  while (!stopping_ && broken_ + finished_ < plan_.connections) {
    std::vector<pollfd> waits;
    for (const Connection& each : connections) {
      if (!each.socket.valid() || each.next > Now()) continue;
      const short out = each.sent < each.goal ? POLLOUT : 0;
      waits.push_back({each.socket.get(), static_cast<short>(POLLIN | out), 0});
    }
    ::poll(waits.data(), waits.size(), 10);
    for (Connection& each : connections) {
      if (each.socket.valid() && each.next <= Now()) Step(each);
    }
  }
}

TransferReport Transfers::SoFar() const {
  return {.bytes = bytes_, .broken = broken_, .finished = finished_};
}

bool Transfers::Wait(Duration limit) const {
  return Eventually(limit, [this] { return broken_ + finished_ == plan_.connections; });
}

TransferReport Transfers::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  TransferReport report = SoFar();
  report.why = why_;
  return report;
}

int EchoDatagrams(const Host& host, const Endpoint& to, int flows, int each) {
  return host.In([&] {
    constexpr int kLostMax = 10;  // no need to know how many more
    int same = 0;
    int lost = 0;
    for (int flow = 0; flow < flows && lost < kLostMax; ++flow) {
      const Fd socket = ConnectedSocket(to, SOCK_DGRAM);
      for (int i = 0; i < each && lost < kLostMax; ++i) {
        const std::string sent =
            Pattern().substr(static_cast<size_t>(flow * each + i) * 131 % 100000,
                             static_cast<size_t>(i * 37 % 1200 + 1));
        std::string got(2048, '\0');
        for (int attempt = 0; attempt < 2 && got != sent; ++attempt) {
          ::send(socket.get(), sent.data(), sent.size(), 0);
          pollfd wait = {socket.get(), POLLIN, 0};
          if (::poll(&wait, 1, 500) <= 0) continue;
          got.resize(2048);
          const ssize_t bytes = ::recv(socket.get(), got.data(), got.size(), 0);
          got.resize(static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
        }
        (got == sent ? same : lost) += 1;
      }
    }
    return same;
  });
}

}  // namespace koi::lab
