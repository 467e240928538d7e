// SPDX-License-Identifier: Apache-2.0
// Sending, receiving and taking apart messages of rtnetlink(7): for this folder alone.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace koi::netlink {

constexpr size_t kReceiveBytes = 64 * 1024;  // more than the kernel puts in one datagram
constexpr size_t kRequestBytes = 256;        // room for any single request below

// One request under construction.
class Request {
 public:
  Request(uint16_t type, uint16_t flags, uint32_t sequence) {
    header_ = mnl_nlmsg_put_header(bytes_.data());
    header_->nlmsg_type = type;
    header_->nlmsg_flags = NLM_F_REQUEST | flags;
    header_->nlmsg_seq = sequence;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  template <typename T>
  T* Body() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header_, sizeof(T)));
  }
  nlmsghdr* header() { return header_; }
  absl::string_view bytes() const { return {bytes_.data(), header_->nlmsg_len}; }

 private:
  alignas(nlmsghdr) std::array<char, kRequestBytes> bytes_ = {};
  nlmsghdr* header_;
};

// A socket that also hears `groups`, a mask of RTMGRP_*; `flags` as of socket(2).
absl::StatusOr<Fd> OpenSocket(uint32_t groups, int flags);
absl::Status SendRequest(int fd, absl::string_view request);
// One datagram. DeadlineExceeded where there is none, DataLoss where the kernel dropped some.
absl::StatusOr<absl::string_view> ReceiveInto(int fd, std::vector<char>& buffer);

// Sends `request`, numbered `sequence`, and calls `on_reply` with each message of the answer. The
// value is the kernel's errno, 0 for none.
absl::StatusOr<int> Ask(int fd, absl::string_view request, uint32_t sequence,
                        const std::function<void(absl::string_view message)>& on_reply);

// Of a message of type NLMSG_ERROR; 0: it says that all went well.
int ErrorOf(const nlmsghdr* message);

// Calls `visit` with each message of a datagram.
template <typename Visit>
void ForEachMessage(absl::string_view datagram, const Visit& visit) {
  int rest = static_cast<int>(datagram.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  while (mnl_nlmsg_ok(message, rest)) {
    visit(message);
    message = mnl_nlmsg_next(message, &rest);
  }
}

// Calls `visit` with each attribute behind the message's fixed part of `offset` bytes.
template <typename Visit>
void ForEachAttribute(const nlmsghdr* message, size_t offset, Visit visit) {
  const auto call = [](const nlattr* attribute, void* data) -> int {
    (*static_cast<Visit*>(data))(attribute);
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, static_cast<unsigned int>(offset), call, &visit);
}

template <typename Visit>
void ForEachNestedAttribute(const nlattr* outer, Visit visit) {
  const auto call = [](const nlattr* attribute, void* data) -> int {
    (*static_cast<Visit*>(data))(attribute);
    return MNL_CB_OK;
  };
  mnl_attr_parse_nested(outer, call, &visit);
}

}  // namespace koi::netlink
