// SPDX-License-Identifier: Apache-2.0
// A non-blocking connect(2) and its time limit.
#include "manager/health/tcp_probe.h"

#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "net/socket.h"

namespace koi {

std::unique_ptr<TcpProbe> TcpProbe::Start(EventLoop& loop, const Endpoint& endpoint,
                                          Duration timeout, std::string greeting,
                                          ResultCallback on_result) {
  std::unique_ptr<TcpProbe> probe(new TcpProbe(std::move(greeting), std::move(on_result)));
  TcpProbe* raw = probe.get();
  absl::StatusOr<Fd> fd = ConnectTcp(endpoint);
  absl::Status started = fd.status();
  if (started.ok()) {
    probe->fd_ = *std::move(fd);
    absl::StatusOr<EventLoop::Watch> watch =
        loop.Add(probe->fd_.get(), EPOLLOUT, [raw](uint32_t) { raw->Connected(); });
    started = watch.status();
    if (started.ok()) probe->watch_ = *std::move(watch);
  }
  // A connect that failed at once is reported from the loop too: the caller does not hold the probe
  // yet.
  probe->timer_ = loop.After(started.ok() ? timeout : Duration::zero(), [raw, started, timeout] {
    raw->Finish(started.ok() ? absl::DeadlineExceededError(
                                   absl::StrCat("no answer in ", FormatDuration(timeout)))
                             : started);
  });
  return probe;
}

void TcpProbe::Connected() {
  absl::Status result = ConnectResult(fd_.get());
  // What matters is that the connection was taken: whether this arrives does not.
  if (result.ok() && !greeting_.empty()) {
    (void)::send(fd_.get(), greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
  }
  Finish(std::move(result));
}

void TcpProbe::Finish(absl::Status result) {
  watch_.Stop();
  timer_.Cancel();
  fd_.Close();
  const ResultCallback report = std::move(on_result_);
  report(std::move(result));
}

}  // namespace koi
