// SPDX-License-Identifier: Apache-2.0
// One run of the load client.
#include "bench/load_run.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/usage.h"

namespace koi::bench {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;

// What a proxy needs to have its connections to the backend, and a client its sessions.
constexpr uint64_t kFreshWarmUp = 64;
constexpr int kIdleAtOnce = 32;
// For memory that is given back a little later, and for connections that are ended at once.
constexpr Duration kIdleSettle = 500ms;
constexpr size_t kMessageBytes = 512;
constexpr std::array<char, 4> kMask = {0x11, 0x22, 0x33, 0x44};

absl::Status RunOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot run on CPU ", cpu));
}

// A binary message (RFC 6455), masked as a client's must be, or as a server sends it.
std::string Message(bool masked) {
  std::string frame = {'\x82', static_cast<char>((masked ? 0x80 : 0) | 126),
                       static_cast<char>(kMessageBytes >> 8),
                       static_cast<char>(kMessageBytes & 0xff)};
  if (masked) frame.append(kMask.data(), kMask.size());
  for (size_t i = 0; i < kMessageBytes; ++i) {
    const char byte = static_cast<char>('a' + i % 26);
    frame += masked ? static_cast<char>(byte ^ kMask[i % kMask.size()]) : byte;
  }
  return frame;
}

std::string RequestFor(const LoadPlan& plan, const std::string& more) {
  return absl::StrCat("GET ", plan.path, " HTTP/1.1\r\nHost: ", plan.address,
                      "\r\nUser-Agent: koi-load\r\nAccept: */*\r\n", more, "\r\n");
}

int64_t Percentile(std::vector<int64_t>& values, double share) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<int64_t>(share * (values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

LoadRun::LoadRun(const LoadPlan& plan)
    : plan_(plan), end_(Now() + std::chrono::seconds(plan.limit_s)), tls_(plan.resume) {}

absl::Status LoadRun::Prepare() {
  if (plan_.cpu >= 0) KOI_RETURN_IF_ERROR(RunOn(plan_.cpu));
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  shared_.plan = &plan_;
  shared_.tls = &tls_;
  shared_.epoll_fd = epoll_.get();
  shared_.server.sin_family = AF_INET;
  shared_.server.sin_port = htons(static_cast<uint16_t>(plan_.port));
  if (inet_pton(AF_INET, plan_.address.c_str(), &shared_.server.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("no IPv4 address: ", plan_.address));
  }
  shared_.request = plan_.websocket ? Message(/*masked=*/true) : RequestFor(plan_, "");
  shared_.expected = Message(/*masked=*/false);
  shared_.upgrade = RequestFor(plan_,
                               "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                               "Sec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  return absl::OkStatus();
}

LoadReport LoadRun::Run() {
  const absl::Status status = [this] {
    KOI_RETURN_IF_ERROR(Prepare());
    KOI_RETURN_IF_ERROR(WarmUp());
    KOI_ASSIGN_OR_RETURN(const auto before, CpuNanoseconds(plan_.watch));
    const TimePoint start = Now();
    if (plan_.idle > 0) {
      KOI_RETURN_IF_ERROR(OpenIdle());
    } else if (plan_.rate > 0) {
      KOI_RETURN_IF_ERROR(Pace());
    } else {
      KOI_RETURN_IF_ERROR(Saturate());
    }
    report_.seconds = std::chrono::duration<double>(Now() - start).count();
    KOI_ASSIGN_OR_RETURN(const auto after, CpuNanoseconds(plan_.watch));
    for (size_t i = 0; i < after.size(); ++i) {
      report_.cpu_ns += report_.cpu_ns_each.emplace_back(after[i] - before[i]);
    }
    report_.requests = done_;
    return absl::OkStatus();
  }();
  if (!status.ok()) report_ = {.error = std::string(status.message())};
  report_.p50_us = Percentile(latencies_us_, 0.5);
  report_.p99_us = Percentile(latencies_us_, 0.99);
  return report_;
}

absl::Status LoadRun::WarmUp() {
  phase_ = Phase::kWarmUp;
  for (int i = 0; i < plan_.connections; ++i) {
    connections_.push_back(std::make_unique<ClientConnection>(shared_));
    ++asked_;
    KOI_RETURN_IF_ERROR(Handle(*connections_.back(), connections_.back()->Open(false)));
  }
  return Until(std::max<uint64_t>(plan_.connections, plan_.fresh ? kFreshWarmUp : 0));
}

absl::Status LoadRun::Saturate() {
  phase_ = Phase::kSaturate;
  asked_ = done_ = 0;
  for (const auto& connection : connections_) {
    KOI_RETURN_IF_ERROR(Handle(*connection, Next(*connection)));
  }
  return Until(plan_.requests);
}

absl::Status LoadRun::Pace() {
  phase_ = Phase::kPace;
  asked_ = done_ = 0;
  for (const auto& connection : connections_) free_.push(connection.get());
  const Duration interval = Duration(std::chrono::seconds(1)) / plan_.rate;
  TimePoint due = Now();
  while (done_ < plan_.requests) {
    for (; asked_ < plan_.requests && due <= Now(); due += interval) {
      ++asked_;
      if (free_.empty()) {
        late_.push(due);
        continue;
      }
      ClientConnection& connection = *free_.front();
      free_.pop();
      KOI_RETURN_IF_ERROR(Handle(connection, connection.Ask(due)));
    }
    KOI_RETURN_IF_ERROR(HandleEvents(asked_ < plan_.requests ? due : end_));
  }
  return absl::OkStatus();
}

absl::Status LoadRun::OpenIdle() {
  for (const auto& connection : connections_) connection->Close();
  connections_.clear();
  KOI_RETURN_IF_ERROR(Settle());
  KOI_ASSIGN_OR_RETURN(report_.pss_before, PssBytes(plan_.watch));

  phase_ = Phase::kIdle;
  asked_ = done_ = 0;
  for (int i = 0; i < plan_.idle; ++i) {
    connections_.push_back(std::make_unique<ClientConnection>(shared_));
  }
  for (int i = 0; i < std::min(kIdleAtOnce, plan_.idle); ++i) {
    ClientConnection& connection = *connections_[opened_++];
    KOI_RETURN_IF_ERROR(Handle(connection, connection.Open(false)));
  }
  KOI_RETURN_IF_ERROR(Until(static_cast<uint64_t>(plan_.idle)));
  KOI_RETURN_IF_ERROR(Settle());
  KOI_ASSIGN_OR_RETURN(report_.pss_after, PssBytes(plan_.watch));
  return absl::OkStatus();
}

// Whoever ends a connection meanwhile fails the run.
absl::Status LoadRun::Settle() {
  for (const TimePoint settled = Now() + kIdleSettle; Now() < settled;) {
    KOI_RETURN_IF_ERROR(HandleEvents(settled));
  }
  return absl::OkStatus();
}

bool LoadRun::Hold() {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  const Fd signals(signalfd(-1, &term, SFD_CLOEXEC));
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals.get(), &event);
  while (true) {
    epoll_event ready = {};
    const int count = epoll_wait(epoll_.get(), &ready, 1, -1);
    if (count < 1) continue;
    if (ready.data.ptr == nullptr) return true;
    auto& connection = *static_cast<ClientConnection*>(ready.data.ptr);
    if (connection.Advance() == Progress::kFailed) return false;
  }
}

absl::Status LoadRun::Until(uint64_t answers) {
  while (done_ < answers) KOI_RETURN_IF_ERROR(HandleEvents(end_));
  return absl::OkStatus();
}

absl::Status LoadRun::HandleEvents(TimePoint until) {
  const TimePoint now = Now();
  if (now >= end_) {
    return absl::DeadlineExceededError(
        absl::StrCat(done_, " of ", asked_, " answers after ", plan_.limit_s, " s"));
  }
  const auto wait_ns = std::max<int64_t>((std::min(until, end_) - now).count(), 0);
  const timespec wait = {wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
  std::array<epoll_event, 64> events;
  const int count = epoll_pwait2(epoll_.get(), events.data(), events.size(), &wait, nullptr);
  for (int i = 0; i < count; ++i) {
    auto& connection = *static_cast<ClientConnection*>(events[i].data.ptr);
    KOI_RETURN_IF_ERROR(Handle(connection, connection.Advance()));
  }
  return absl::OkStatus();
}

absl::Status LoadRun::Handle(ClientConnection& connection, Progress progress) {
  while (progress == Progress::kAnswered) {
    ++done_;
    progress = Next(connection);
  }
  if (progress == Progress::kWaiting) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(connection.error(), ", after ", done_, " of ", asked_, " answers"));
}

Progress LoadRun::Next(ClientConnection& connection) {
  switch (phase_) {
    case Phase::kWarmUp:
      if (!plan_.fresh) return Progress::kWaiting;
      if (asked_ >= kFreshWarmUp) {
        connection.Close();
        return Progress::kWaiting;
      }
      ++asked_;
      return OpenAnew(connection);
    case Phase::kSaturate:
      if (asked_ >= plan_.requests) return Progress::kWaiting;
      ++asked_;
      return plan_.fresh ? OpenAnew(connection) : connection.Ask(Now());
    case Phase::kPace: {
      const Duration latency = Now() - connection.due();
      latencies_us_.push_back(latency / 1us);
      if (late_.empty()) {
        free_.push(&connection);
        return Progress::kWaiting;
      }
      const TimePoint due = late_.front();
      late_.pop();
      return connection.Ask(due);
    }
    case Phase::kIdle:
      if (opened_ == connections_.size()) return Progress::kWaiting;
      // Another connection, whose first events are handled by the loop.
      return connections_[opened_++]->Open(false);
  }
  return Progress::kFailed;
}

Progress LoadRun::OpenAnew(ClientConnection& connection) {
  connection.Close();
  return connection.Open(plan_.resume && phase_ != Phase::kWarmUp);
}

}  // namespace koi::bench
