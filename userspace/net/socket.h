// SPDX-License-Identifier: Apache-2.0
// TCP sockets, non-blocking and close-on-exec.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"

namespace koi {

// A listening TCP socket. AlreadyExists when the endpoint is taken. IPv6 sockets take IPv6 only.
absl::StatusOr<Fd> ListenTcp(const Endpoint& endpoint, int backlog = 4096);

// A TCP socket whose connect(2) is under way: writable when it has an outcome, which
// ConnectResult() tells.
absl::StatusOr<Fd> ConnectTcp(const Endpoint& endpoint);
absl::Status ConnectResult(int fd);

// A listening Unix socket at `path`, mode 0660. A socket file left by a dead process is replaced;
// one that answers is AlreadyExists.
absl::StatusOr<Fd> ListenUnix(const std::string& path);

// Whether somebody listens on the Unix socket at `path`.
bool UnixSocketAnswers(const std::string& path);

// Where an accepted or connected socket ends, here and there.
absl::StatusOr<Endpoint> LocalEndpoint(int fd);
absl::StatusOr<Endpoint> PeerEndpoint(int fd);

}  // namespace koi
