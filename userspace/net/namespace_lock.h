// SPDX-License-Identifier: Apache-2.0
// A name that one process at a time holds in a network namespace: an abstract Unix socket. The
// kernel frees it with its holder, however that ended; no file is left.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace koi {

class NamespaceLock {
 public:
  // AlreadyExists when `name` is held, and the message is who holds it: "koid --config /etc/koi
  // (pid 12)", or that it is "a process in another PID namespace", which has no pid here.
  static absl::StatusOr<NamespaceLock> Take(absl::string_view name);

  // Readable when somebody asked who holds it: then AnswerAll() is to be called, or those who ask
  // later may not be told.
  int fd() const { return socket_.get(); }
  void AnswerAll();

 private:
  explicit NamespaceLock(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace koi
