// SPDX-License-Identifier: Apache-2.0
// rtnetlink(7): the sockets.
#include "net/netlink_message.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "base/status_macros.h"

namespace koi::netlink {

absl::StatusOr<Fd> OpenSocket(uint32_t groups, int flags) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a netlink socket");
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot bind a netlink socket");
  }
  return fd;
}

absl::Status SendRequest(int fd, absl::string_view request) {
  ssize_t sent;
  do {
    sent = ::send(fd, request.data(), request.size(), 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return absl::ErrnoToStatus(errno, "cannot send a netlink request");
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> ReceiveInto(int fd, std::vector<char>& buffer) {
  ssize_t got;
  do {
    got = ::recv(fd, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return absl::DeadlineExceededError("no netlink message yet");
  if (got < 0 && errno == ENOBUFS) return absl::DataLossError("netlink messages were dropped");
  if (got < 0) return absl::ErrnoToStatus(errno, "cannot receive a netlink message");
  return absl::string_view(buffer.data(), static_cast<size_t>(got));
}

absl::StatusOr<int> Ask(int fd, absl::string_view request, uint32_t sequence,
                        const std::function<void(absl::string_view message)>& on_reply) {
  KOI_RETURN_IF_ERROR(SendRequest(fd, request));
  std::vector<char> buffer(kReceiveBytes);
  std::optional<int> error;
  while (!error.has_value()) {
    KOI_ASSIGN_OR_RETURN(const absl::string_view datagram, ReceiveInto(fd, buffer));
    ForEachMessage(datagram, [&](const nlmsghdr* message) {
      if (message->nlmsg_seq != sequence || error.has_value()) return;
      if (message->nlmsg_type == NLMSG_DONE) {
        error = 0;
      } else if (message->nlmsg_type == NLMSG_ERROR) {
        error = ErrorOf(message);
      } else {
        on_reply({reinterpret_cast<const char*>(message), message->nlmsg_len});
      }
    });
  }
  return *error;
}

int ErrorOf(const nlmsghdr* message) {
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
}

}  // namespace koi::netlink
