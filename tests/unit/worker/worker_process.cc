// SPDX-License-Identifier: Apache-2.0
// Starting and watching a koi-worker.
#include "unit/worker/worker_process.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <koi/abi/backend.h>
#include <koi/abi/worker.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "net/channel.h"
#include "net/socket.h"
#include "protocol/access_lines.h"
#include "protocol/keeper_messages.h"

namespace koi {
namespace {

constexpr uid_t kOtherUser = 65534;

Fd Table(const char* name, size_t bytes) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC));
  constexpr size_t kPage = 4096;
  KOI_CHECK(fd.valid() && ::ftruncate(fd.get(), (bytes + kPage - 1) / kPage * kPage) == 0);
  return fd;
}

// Takes every address of the loopback interface, and of no other.
Fd LoopbackListener() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage any;
  const Endpoint everywhere = {Address::Parse("0.0.0.0").value(), 0};
  const socklen_t bytes = everywhere.ToSockaddr(any);
  KOI_CHECK(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0);
  KOI_CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), bytes) == 0);
  KOI_CHECK(::listen(fd.get(), 1024) == 0);
  return fd;
}

int FirstCpu() {
  cpu_set_t set;
  KOI_CHECK(::sched_getaffinity(0, sizeof(set), &set) == 0);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<size_t>(cpu), &set)) ++cpu;
  return cpu;
}

}  // namespace

bool Eventually(Duration limit, const std::function<bool()>& condition) {
  const TimePoint end = Now() + limit;
  for (;;) {
    if (condition()) return true;
    if (Now() >= end) return false;
    ::poll(nullptr, 0, 5);
  }
}

WorkerService ServiceOn(const std::string& name, const std::vector<Endpoint>& listen) {
  WorkerService service;
  service.name = name;
  service.listen = listen;
  return service;
}

WorkerProcess::WorkerProcess(const WorkerProcess* first) {
  listener4_ = LoopbackListener();
  listener6_ = ListenTcp({Address::Parse("::1").value(), 0}).value();
  ip4_ = LocalEndpoint(listener4_.get()).value();
  ip6_ = LocalEndpoint(listener6_.get()).value();
  backends_fd_ = first != nullptr ? first->backends_fd_.Duplicate().value()
                                  : Table("backends", sizeof(koi_backend) * KOI_BACKENDS_MAX);
  own_fd_ = Table("worker", sizeof(koi_worker) * KOI_WORKER_ENTRIES * KOI_WORKER_SEATS);
  backends_ =
      std::make_unique<BackendMap>(BackendMap::Open(backends_fd_.Duplicate().value()).value());
  figures_ = std::make_unique<WorkerView>(WorkerView::Open(own_fd_.get()).value());

  int ends[2];
  KOI_CHECK(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  access_in_ = Fd(ends[0]);
  access_out_ = Fd(ends[1]);
  auto [ours, theirs] = MakeChannelPair().value();
  channel_ = std::move(ours);
  Spawn(theirs.get());
}

WorkerProcess::~WorkerProcess() {
  if (::testing::Test::HasFailure()) std::fputs(Log().c_str(), stderr);
  if (ended_.has_value()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::Spawn(int child_end) {
  // Opened here: the other user may not be able to reach the build's folder.
  const std::string path = absl::StrCat(KOI_BINARY_DIR, "/bin/koi-worker");
  const Fd program(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  KOI_CHECK(program.valid());
  log_ = Fd(::memfd_create("log", MFD_CLOEXEC));
  char name[] = "koi-worker";
  char* const arguments[] = {name, nullptr};
  // In a sanitized build: the leak checker attaches to its own process, which the sandbox forbids;
  // and memory kept from reuse would hide how much the worker itself needs.
  char options[] = "ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1";
  char* const environment[] = {options, nullptr};

  pid_ = ::fork();
  KOI_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  // Only system calls from here on: other threads of the test may hold locks.
  if (::geteuid() == 0) {
    const bool dropped =
        ::setgroups(0, nullptr) == 0 && ::setgid(kOtherUser) == 0 && ::setuid(kOtherUser) == 0;
    if (!dropped) ::_exit(100);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(log_.get(), STDERR_FILENO);
  if (child_end == kChildChannelFd) {
    ::fcntl(child_end, F_SETFD, 0);
  } else {
    ::dup2(child_end, kChildChannelFd);
  }
  ::fexecve(program.get(), arguments, environment);
  ::_exit(101);
}

Endpoint WorkerProcess::At(int last) const {
  return {Address::Parse(absl::StrCat("127.0.0.", last)).value(), ip4_.port};
}

BackendEntry WorkerProcess::AddBackend(uint32_t pool, const std::string& name,
                                       const Endpoint& endpoint, uint32_t weight) {
  BackendEntry entry;
  entry.pool = pool;
  entry.name = name;
  entry.endpoint = endpoint;
  entry.weight = weight;
  entry.health = BackendHealth::kUp;
  return backends_->Add(entry, [](uint32_t) { return true; }).value();
}

void WorkerProcess::SetHealth(BackendEntry& backend, BackendHealth health) {
  backend.health = health;
  backends_->Update(backend);
}

void WorkerProcess::SetAdmin(BackendEntry& backend, BackendAdmin admin) {
  backend.admin = admin;
  backends_->Update(backend);
}

void WorkerProcess::Send(const WorkerMessage& message) {
  std::vector<int> fds;
  if (std::holds_alternative<WorkerWelcome>(message)) {
    fds = {listener4_.get(), listener6_.get(), backends_fd_.get(), own_fd_.get(),
           access_out_.get()};
  }
  if (std::holds_alternative<WorkerPeers>(message)) fds = peers_;
  if (const auto* service = std::get_if<WorkerService>(&message)) fds = DescriptorsOf(*service);
  KOI_CHECK(SendMessage(channel_.get(), EncodeWorkerMessage(message), fds).ok());
}

WorkerMessage WorkerProcess::Start(const std::vector<WorkerService>& services,
                                   const std::vector<WorkerPool>& pools) {
  Send(WorkerWelcome{.cpu = FirstCpu(), .node_name = "test", .revision = ++revision_});
  if (!peers_.empty()) Send(WorkerPeers{});
  for (const WorkerService& service : services) Send(service);
  for (const WorkerPool& pool : pools) {
    const TrustedText& trusted = pool.tls.trust;
    if (trusted.pem != nullptr) Send(WorkerTrust{.digest = trusted.digest, .pem = *trusted.pem});
    Send(pool);
  }
  return Ask();
}

WorkerMessage WorkerProcess::Ask() {
  Send(WorkerStart{});
  pollfd ready = {channel_.get(), POLLIN, 0};
  if (::poll(&ready, 1, 10'000) != 1) return WorkerFailed{"no answer in 10 s"};
  const auto message = ReceiveMessage(channel_.get());
  if (!message.ok()) return WorkerFailed{std::string(message.status().message())};
  return DecodeWorkerMessage(message->bytes).value();
}

void WorkerProcess::Drain(Duration limit) { Send(WorkerDrain{ToMilliseconds(limit)}); }

size_t WorkerProcess::MemoryBytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/statm"));
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

std::vector<std::string> WorkerProcess::Descriptors() const {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid_, "/fd"))) {
    names.push_back(std::filesystem::read_symlink(entry.path()).string());
  }
  return names;
}

std::vector<std::string> WorkerProcess::AccessLines() {
  char bytes[1 << 16];
  const ssize_t got = ::read(access_in_.get(), bytes, sizeof(bytes));
  std::vector<std::string> lines;
  absl::string_view left(bytes, got > 0 ? static_cast<size_t>(got) : 0);
  while (const auto line = TakeAccessLine(left)) {
    lines.emplace_back(absl::StripSuffix(line->text, "\n"));
  }
  return lines;
}

std::string WorkerProcess::Log() const {
  std::string text(1 << 16, '\0');
  const ssize_t got = ::pread(log_.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

std::optional<int> WorkerProcess::Ended(Duration limit) {
  Eventually(limit, [&] {
    int status = 0;
    if (!ended_.has_value() && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return ended_.has_value();
  });
  return ended_;
}

}  // namespace koi
