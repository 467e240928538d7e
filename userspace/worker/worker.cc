// SPDX-License-Identifier: Apache-2.0
// From the first message to the last connection.
#include "worker/worker.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "protocol/keeper_messages.h"
#include "worker/http1/http_connection.h"
#include "worker/sandbox.h"
#include "worker/tcp/tcp_connection.h"

namespace koi {
namespace {

// The keeper pins its children where it may; doing it here too keeps a worker that was started by
// hand on the CPU that its packets come to.
absl::Status PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof(set), &set) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot run on CPU ", cpu));
}

// Raises the limit on descriptors as far as it goes and says how many clients that is enough for:
// each may need a second descriptor, towards its backend.
size_t ClientsThatFit() {
  constexpr size_t kOwnDescriptors = 64;
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr size_t kReserved = kOwnDescriptors + kIdleBackends + 2 * kMaxPipes;
  if (limit.rlim_cur < kReserved + 2) return std::max<size_t>(1, limit.rlim_cur / 4);
  return std::min<size_t>(kMaxClients, (limit.rlim_cur - kReserved) / 2);
}

}  // namespace

int Worker::Run(Fd channel_fd) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  auto loop = EventLoop::Create();
  if (!loop.ok()) {
    LogError("cannot start", {{"why", loop.status().message()}});
    return kExitFailure;
  }
  Worker worker(**loop);
  auto channel = Channel::Open(
      **loop, std::move(channel_fd),
      [&worker](ChannelMessage message) { worker.Receive(std::move(message)); },
      [&worker] { worker.Stop(kExitFailure); });
  if (!channel.ok()) {
    LogError("no channel to the manager", {{"why", channel.status().message()}});
    return kExitFailure;
  }
  worker.channel_ = *std::move(channel);
  if (const absl::Status watched = worker.WatchStop(); !watched.ok()) {
    LogError("cannot start", {{"why", watched.message()}});
    return kExitFailure;
  }
  (*loop)->Run();
  return worker.exit_code_;
}

absl::Status Worker::WatchStop() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd_.valid()) return absl::ErrnoToStatus(errno, "cannot watch signals");
  KOI_ASSIGN_OR_RETURN(signal_watch_, loop_.Add(signal_fd_.get(), EPOLLIN, [this](uint32_t) {
    signalfd_siginfo info;
    if (::read(signal_fd_.get(), &info, sizeof(info)) == sizeof(info)) Drain(kStopLimit);
  }));
  return absl::OkStatus();
}

void Worker::Receive(ChannelMessage message) {
  absl::StatusOr<WorkerMessage> decoded = DecodeWorkerMessage(message.bytes);
  const absl::Status status =
      decoded.ok() ? Handle(*decoded, std::move(message.fds)) : decoded.status();
  if (status.ok()) return;
  if (state_ != State::kStarting) {
    LogWarn("message ignored", {{"why", status.message()}});
    return;
  }
  Send(WorkerFailed{.why = std::string(status.message()), .revision = welcome_.revision});
  LogError("cannot serve", {{"why", status.message()}});
  Stop(kExitFailure);
}

absl::Status Worker::Handle(const WorkerMessage& message, std::vector<Fd> fds) {
  if (const auto* drain = std::get_if<WorkerDrain>(&message)) {
    if (state_ != State::kDraining) Drain(std::chrono::milliseconds(drain->limit_ms));
    return absl::OkStatus();
  }
  if (state_ == State::kDraining) {
    if (std::holds_alternative<WorkerStart>(message)) Send(Ready());
    return absl::OkStatus();
  }
  if (const auto* welcome = std::get_if<WorkerWelcome>(&message)) {
    return Welcome(*welcome, std::move(fds));
  }
  if (const auto* service = std::get_if<WorkerService>(&message)) {
    WorkerService told = *service;
    if (!told.certificates.digest.empty()) {
      if (fds.size() != 1) return absl::InvalidArgumentError("certificates without their file");
      told.certificates.file = std::make_shared<const Fd>(std::move(fds[0]));
    }
    Add(told);
    return absl::OkStatus();
  }
  if (std::holds_alternative<WorkerPeers>(message)) return MapPeers(fds);
  if (const auto* trust = std::get_if<WorkerTrust>(&message)) {
    if (told_.has_value()) absl::StrAppend(&told_->trusts[trust->digest], trust->pem);
    return absl::OkStatus();
  }
  if (const auto* pool = std::get_if<WorkerPool>(&message)) {
    Add(*pool);
    return absl::OkStatus();
  }
  if (const auto* keys = std::get_if<WorkerTicketKeys>(&message)) return Take(*keys);
  if (std::holds_alternative<WorkerStart>(message)) {
    if (state_ == State::kStarting) return Start();
    const absl::Status taken = TakeServices();
    if (taken.ok()) {
      Send(Ready());
    } else {
      Send(WorkerFailed{
          .why = std::string(taken.message()), .revision = welcome_.revision, .serving = true});
    }
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("a message that is not for workers");
}

absl::Status Worker::Welcome(const WorkerWelcome& welcome, std::vector<Fd> fds) {
  if (fds.size() != kWorkerFdCount) {
    return absl::InvalidArgumentError(
        absl::StrCat("a welcome with ", fds.size(), " descriptors, not ", int{kWorkerFdCount}));
  }
  if (welcome.cpu < 0 || welcome.cpu >= CPU_SETSIZE) {
    return absl::InvalidArgumentError(absl::StrCat("there is no CPU ", welcome.cpu));
  }
  if (welcome.seat >= kWorkerSeats) {
    return absl::InvalidArgumentError(absl::StrCat("there is no seat ", welcome.seat));
  }
  told_ = Told{.services = ServiceTable(welcome.revision),
               .pools = {},
               .trusts = {},
               .status = absl::OkStatus()};
  welcome_ = welcome;
  return state_ == State::kStarting ? MapTables(std::move(fds)) : absl::OkStatus();
}

void Worker::Add(const WorkerService& service) {
  if (!told_.has_value() || !told_->status.ok()) return;
  told_->status = told_->services.Add(service, services_, tickets_, *counters_);
}

void Worker::Add(WorkerPool pool) {
  if (!told_.has_value() || !told_->status.ok()) return;
  const auto trusted = told_->trusts.find(pool.tls.trust.digest);
  if (trusted != told_->trusts.end()) {
    pool.tls.trust.pem = std::make_shared<const std::string>(trusted->second);
  }
  told_->status = told_->pools.Add(std::move(pool), pools_);
}

absl::Status Worker::Take(const WorkerTicketKeys& told) {
  KOI_ASSIGN_OR_RETURN(const TicketKeys keys, DecodeTicketKeys(absl::HexStringToBytes(told.keys)));
  tickets_->Set(keys);
  return absl::OkStatus();
}

absl::Status Worker::TakeServices() {
  if (!told_.has_value()) return absl::OkStatus();  // a question
  Told told = *std::move(told_);
  told_.reset();
  KOI_RETURN_IF_ERROR(told.status);
  services_ = std::move(told.services);
  pools_ = std::move(told.pools);
  backends_->Reconsider();
  if (clients_.has_value()) clients_->Reconsider();
  return absl::OkStatus();
}

absl::Status Worker::MapTables(std::vector<Fd> fds) {
  KOI_ASSIGN_OR_RETURN(BackendView view, BackendView::Open(fds[kWorkerBackendsMapFd].get()));
  KOI_ASSIGN_OR_RETURN(WorkerView own_cpu, WorkerView::Open(fds[kWorkerOwnMapFd].get()));
  seat_ = welcome_.seat;
  auto counters = WorkerCounters::Open(fds[kWorkerOwnMapFd].get(), seat_);
  if (!counters.ok()) return counters.status();
  counters_.emplace(*std::move(counters));
  others_ = AllWorkers();
  others_.AddOwnCpu(std::move(own_cpu), seat_);
  backends_.emplace(loop_, *counters_, std::move(view), pools_, others_);
  clients_.emplace(*counters_);
  access_log_.emplace(loop_, std::move(fds[kWorkerAccessLogFd]));
  clients_->SetAccessLog(&*access_log_);
  clients_->OnEnd([this] { Ended(); });
  listeners_.clear();
  listeners_.push_back(std::move(fds[kWorkerListener4Fd]));
  listeners_.push_back(std::move(fds[kWorkerListener6Fd]));
  // What is mapped stays; a descriptor, which could be mapped writable or updated through, goes.
  return absl::OkStatus();
}

// Nothing of it changes later: a worker that serves has them all.
absl::Status Worker::MapPeers(const std::vector<Fd>& fds) {
  if (state_ != State::kStarting) return absl::OkStatus();
  for (const Fd& fd : fds) {
    KOI_ASSIGN_OR_RETURN(WorkerView view, WorkerView::Open(fd.get()));
    others_.AddCpu(std::move(view));
  }
  return absl::OkStatus();
}

absl::Status Worker::Start() {
  if (!told_.has_value()) return absl::InvalidArgumentError("start before welcome");
  KOI_RETURN_IF_ERROR(CheckUnprivileged());
  KOI_RETURN_IF_ERROR(PinTo(welcome_.cpu));
  KOI_RETURN_IF_ERROR(TakeServices());
  max_clients_ = ClientsThatFit();
  KOI_ASSIGN_OR_RETURN(acceptor_, Acceptor::Open(loop_, std::move(listeners_), welcome_.cpu,
                                                 [this](AcceptedConnection accepted) {
                                                   Accepted(std::move(accepted));
                                                 }));
  // Before the sandbox: the first line of a process makes its C library read the time zone.
  LogInfo("worker serves", {{"cpu", welcome_.cpu}, {"clients_max", max_clients_}});
  // Likewise: a certificate may come later, when no file can be read any more.
  TlsContext::Prepare();
  counters_->Begin(static_cast<uint32_t>(::getpid()));
  KOI_RETURN_IF_ERROR(EnterSandbox());

  state_ = State::kServing;
  Heartbeat();
  Send(Ready());
  return absl::OkStatus();
}

WorkerReady Worker::Ready() const {
  return {.revision = services_.revision(), .seat = seat_, .draining = state_ == State::kDraining};
}

void Worker::Accepted(AcceptedConnection accepted) {
  counters_->Accepted(accepted.misplaced);
  const std::shared_ptr<const Service> service = services_.Find(accepted.local);
  if (service == nullptr) return clients_->CountEnd(CloseReason::kNoService);

  if (AnyContains(service->told.accept_proxy, accepted.peer.address)) {
    clients_->Start(std::make_unique<ProxyReception>(loop_, *clients_, std::move(accepted), service,
                                                     after_proxy_header_));
  } else {
    clients_->Start(Serve(std::move(accepted), service, {}));
  }
  if (clients_->size() >= max_clients_) acceptor_->SetPaused(true);
}

std::unique_ptr<ClientConnection> Worker::Serve(AcceptedConnection accepted,
                                                const std::shared_ptr<const Service>& service,
                                                const ProxyHeader& header) {
  ClientFacts facts = {.client = accepted.peer,
                       .service = accepted.local,
                       .tls = service->tls.has_value(),
                       .unique_id = header.unique_id};
  if (header.endpoints.has_value()) {
    facts.client = header.endpoints->client;
    facts.service = header.endpoints->service;
  }
  Stream stream =
      facts.tls ? Stream(std::move(accepted.fd), *service->tls) : Stream(std::move(accepted.fd));
  switch (service->told.mode) {
    case ServiceMode::kHttp:
      return std::make_unique<HttpConnection>(*backends_, *clients_, services_, service,
                                              accepted.local, std::move(stream), facts);
    case ServiceMode::kTcp:
      return std::make_unique<TcpConnection>(*backends_, *clients_, services_, service,
                                             accepted.local, std::move(stream), facts);
    case ServiceMode::kL4: break;  // no worker is told of one
  }
  KOI_UNREACHABLE();
}

void Worker::Ended() {
  if (state_ == State::kDraining) {
    if (clients_->size() == 0) Stop(kExitOk);
  } else {
    acceptor_->SetPaused(false);
  }
}

// A shorter limit than the one that runs replaces it.
void Worker::Drain(Duration limit) {
  if (state_ == State::kStarting) return Stop(kExitOk);
  if (state_ == State::kServing) {
    state_ = State::kDraining;
    LogInfo("worker drains", {{"connections", clients_->size()}, {"limit", FormatDuration(limit)}});
    acceptor_->SetPaused(true);
  }
  const TimePoint end = Now() + limit;
  if (!drain_limit_.pending() || end < drain_end_) {
    drain_end_ = end;
    drain_limit_ = loop_.At(end, [this] { CutRest(); });
  }
  if (clients_->draining()) return;
  if (clients_->size() == 0) return Stop(kExitOk);
  clients_->Drain();
}

void Worker::CutRest() {
  LogWarn("drain limit is over: connections cut", {{"cut", clients_->size()}});
  clients_->Cut();  // the last one's end is this process's
}

void Worker::Heartbeat() {
  counters_->Heartbeat(Now());
  backends_->Sweep();
  heartbeat_ = loop_.After(kHeartbeatInterval, [this] { Heartbeat(); });
}

void Worker::Stop(int exit_code) {
  if (clients_.has_value()) {
    LogInfo("worker ends", {{"connections", clients_->size()}, {"ended", clients_->Reasons()}});
  }
  exit_code_ = exit_code;
  loop_.Stop();
}

void Worker::Send(const WorkerMessage& message) {
  // A manager that is gone is followed by another, which asks again.
  const absl::Status sent = channel_->Send(EncodeWorkerMessage(message));
  if (!sent.ok()) LogWarn("no answer to the manager", {{"why", sent.message()}});
}

}  // namespace koi
