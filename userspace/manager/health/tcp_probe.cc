// SPDX-License-Identifier: Apache-2.0
// A non-blocking connect(2) and its time limit.
#include "manager/health/tcp_probe.h"

#include "absl/strings/str_cat.h"
#include "net/socket.h"

namespace koi {

std::unique_ptr<TcpProbe> TcpProbe::Start(EventLoop& loop, const Endpoint& endpoint,
                                          Duration timeout, ResultCallback on_result) {
  std::unique_ptr<TcpProbe> probe(new TcpProbe(std::move(on_result)));
  TcpProbe* raw = probe.get();
  absl::StatusOr<Fd> fd = ConnectTcp(endpoint);
  absl::Status started = fd.status();
  if (started.ok()) {
    probe->fd_ = *std::move(fd);
    absl::StatusOr<EventLoop::Watch> watch = loop.Add(probe->fd_.get(), EPOLLOUT, [raw](uint32_t) {
      raw->Finish(ConnectResult(raw->fd_.get()));
    });
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

void TcpProbe::Finish(absl::Status result) {
  watch_.Stop();
  timer_.Cancel();
  fd_.Close();
  const ResultCallback report = std::move(on_result_);
  report(std::move(result));
}

}  // namespace koi
