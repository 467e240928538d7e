// SPDX-License-Identifier: Apache-2.0
// The keeper's decisions: what to start, when to start again, how to end. What it and its children
// say to each other is in keeper_channels.cc.
#include "keeper/keeper.h"

#include <sched.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "keeper/one_koi.h"
#include "keeper/privileges.h"
#include "protocol/arguments.h"

namespace koi {
namespace {

constexpr Duration kPingInterval = std::chrono::milliseconds(500);
// A manager or carp that does not answer for this long has crashed.
constexpr Duration kAnswerLimit = std::chrono::seconds(2);
// The first answer may take longer: the manager loads programs before it serves its loop.
constexpr Duration kFirstAnswerLimit = std::chrono::seconds(20);
// A ping that comes so late was held up with this process, which was stopped or starved: how long
// the others were silent says nothing then.
constexpr Duration kLatePing = std::chrono::seconds(1);
// From SIGTERM to the end, inside the 10 s that container engines give.
constexpr Duration kStopLimit = std::chrono::seconds(8);

std::vector<int> UsableCpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string HowItEnded(int wait_status) {
  if (WIFSIGNALED(wait_status)) return absl::StrCat("signal ", WTERMSIG(wait_status));
  return absl::StrCat("exit ", WEXITSTATUS(wait_status));
}

}  // namespace

Keeper::Keeper(EventLoop& loop, KeeperOptions options, NamespaceLock lock, Descriptors descriptors,
               Fd arguments)
    : loop_(loop),
      options_(std::move(options)),
      lock_(std::move(lock)),
      descriptors_(std::move(descriptors)),
      arguments_(std::move(arguments)) {
  const auto program = [this](ChildRole role, int cpu) {
    return ChildProgram{
        role, cpu, absl::StrCat(options_.program_directory, "/", PrivilegesOf(role).program), {}};
  };
  manager_.program = program(ChildRole::kManager, -1);
  manager_.program.arguments = {"--config", options_.config};
  carp_.program = program(ChildRole::kCarp, -1);
  for (const int cpu : descriptors_.cpus()) {
    workers_.push_back(std::make_unique<Child>());
    workers_.back()->program = program(ChildRole::kWorker, cpu);
  }
}

absl::StatusOr<std::unique_ptr<Keeper>> Keeper::Create(EventLoop& loop, KeeperOptions options) {
  const std::vector<int> cpus = UsableCpus();
  if (cpus.empty()) return absl::InternalError("cannot tell which CPUs this process may use");
  KOI_ASSIGN_OR_RETURN(NamespaceLock lock, LockNode());
  EndOrphans();
  KOI_ASSIGN_OR_RETURN(Descriptors descriptors, Descriptors::Open(cpus));
  KOI_ASSIGN_OR_RETURN(Fd arguments, PackArguments(options.arguments));
  std::unique_ptr<Keeper> keeper(new Keeper(loop, std::move(options), std::move(lock),
                                            std::move(descriptors), std::move(arguments)));
  KOI_RETURN_IF_ERROR(keeper->WatchLock());
  KOI_RETURN_IF_ERROR(keeper->WatchSignals());
  return keeper;
}

int Keeper::Run() {
  LogInfo("starting", {{"cpus", workers_.size()}, {"config", options_.config}});
  Start(manager_);
  pinged_ = Now();
  Ping();
  loop_.Run();
  LogInfo("stopped", {{"exit", exit_code_}});
  return exit_code_;
}

absl::Status Keeper::WatchLock() {
  KOI_ASSIGN_OR_RETURN(lock_watch_,
                       loop_.Add(lock_.fd(), EPOLLIN, [this](uint32_t) { lock_.AnswerAll(); }));
  return absl::OkStatus();
}

absl::Status Keeper::WatchSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGHUP}) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd_.valid()) return absl::ErrnoToStatus(errno, "cannot watch signals");
  KOI_ASSIGN_OR_RETURN(signal_watch_,
                       loop_.Add(signal_fd_.get(), EPOLLIN, [this](uint32_t) { OnSignal(); }));
  return absl::OkStatus();
}

void Keeper::OnSignal() {
  signalfd_siginfo info;
  while (::read(signal_fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) ReapChildren();
    if (signal == SIGTERM || signal == SIGINT) BeginStop();
    if (signal != SIGHUP) continue;
    if (manager_.channel == nullptr) LogWarn("no manager now: not reloaded");
    Tell(manager_, {KeeperMessageType::kReload});
  }
}

void Keeper::ReapChildren() {
  int wait_status;
  // All of them: as PID 1 of a container the keeper also inherits orphans that are none of its
  // children.
  for (pid_t pid = ::waitpid(-1, &wait_status, WNOHANG); pid > 0;
       pid = ::waitpid(-1, &wait_status, WNOHANG)) {
    if (Child* child = ByPid(pid); child != nullptr) OnEnded(*child, wait_status);
  }
}

Keeper::Child* Keeper::ByPid(pid_t pid) {
  if (manager_.pid == pid) return &manager_;
  if (carp_.pid == pid) return &carp_;
  for (const auto* workers : {&workers_, &others_}) {
    for (const auto& worker : *workers) {
      if (worker->pid == pid) return worker.get();
    }
  }
  return nullptr;
}

void Keeper::Start(Child& child) {
  if (phase_ == Phase::kReleasing || phase_ == Phase::kEnding) return;
  const absl::Status spawned = Spawn(child);
  if (spawned.ok()) return;
  LogError("cannot start", {{"program", child.program.path}, {"why", spawned.message()}});
  child.restart =
      loop_.After(child.back_off.AfterEnd(Now(), Now()), [this, &child] { Start(child); });
}

// Gives the child fresh channels: what an earlier one left unread in the old ones must not reach
// it.
absl::Status Keeper::Spawn(Child& child) {
  const ChildRole role = child.program.role;
  std::vector<Fd> child_ends;
  Fd keeper_end;
  if (role != ChildRole::kWorker) {
    KOI_ASSIGN_OR_RETURN(auto pair, MakeChannelPair());
    keeper_end = std::move(pair.first);
    child_ends.push_back(std::move(pair.second));
  }
  Fd manager_end;
  if (role != ChildRole::kManager) {
    KOI_ASSIGN_OR_RETURN(auto pair, MakeChannelPair());
    manager_end = std::move(pair.first);
    child_ends.push_back(std::move(pair.second));
  }
  std::vector<int> inherited;
  for (const Fd& end : child_ends) inherited.push_back(end.get());
  if (role == ChildRole::kManager) inherited.push_back(arguments_.get());
  KOI_ASSIGN_OR_RETURN(child.pid, StartChild(child.program, inherited));
  ++child.starts;
  child.started = Now();
  child.answered = child.started;
  child.ever_answered = false;
  child.manager_end = std::move(manager_end);
  LogInfo("started",
          {{"program", PrivilegesOf(role).program}, {"pid", child.pid}, {"starts", child.starts}});

  if (keeper_end.valid()) OpenKeeperChannel(child, std::move(keeper_end));
  if (role == ChildRole::kManager) {
    BriefManager();
  } else {
    if (role == ChildRole::kCarp) BriefCarp(child);
    Tell(manager_,
         {KeeperMessageType::kChildStarted, role, child.program.cpu, child.pid, child.starts},
         child.manager_end.get());
  }
  // At once: its first answer ends the patience with a beginning.
  if (child.channel != nullptr) Ask(child);
  return absl::OkStatus();
}

void Keeper::OnEnded(Child& child, int wait_status) {
  const char* program = PrivilegesOf(child.program.role).program;
  const bool all_end = phase_ == Phase::kReleasing || phase_ == Phase::kEnding;
  // Said already, by itself.
  const bool refused = &child == &manager_ && !ever_ready_ && WIFEXITED(wait_status);
  if (all_end || refused || (child.retired && wait_status == 0)) {
    LogInfo("ended", {{"program", program}, {"pid", child.pid}, {"how", HowItEnded(wait_status)}});
  } else {
    LogWarn("ended unexpectedly",
            {{"program", program}, {"pid", child.pid}, {"how", HowItEnded(wait_status)}});
  }
  KeeperMessage ended{KeeperMessageType::kChildExited, child.program.role, child.program.cpu,
                      child.pid, wait_status};
  child.pid = -1;
  child.channel.reset();
  child.manager_end.Close();
  if (&child == &manager_) {
    OnManagerEnded(wait_status);
  } else {
    Tell(manager_, ended);
  }
  if (&child == &carp_ && phase_ == Phase::kReleasing) BeginEnd();
  if (phase_ == Phase::kReleasing || phase_ == Phase::kEnding) {
    ForgetOther(child);
    return FinishIfAllEnded();
  }
  for (auto& place : workers_) {
    if (place.get() == &child) PutSecond(place);  // then this one is beside it now
  }
  if (ForgetOther(child)) return;
  child.restart =
      loop_.After(child.back_off.AfterEnd(child.started, Now()), [this, &child] { Start(child); });
}

// A first manager that ends before it was ready has said why on standard error: its exit code is
// the keeper's. Later ones are started again for ever: clients are served meanwhile.
void Keeper::OnManagerEnded(int wait_status) {
  if (ever_ready_ || phase_ != Phase::kStarting) return;
  exit_code_ = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0 ? WEXITSTATUS(wait_status)
                                                                       : kExitFailure;
  BeginEnd();
}

void Keeper::Ping() {
  const TimePoint now = Now();
  const bool late = now - std::exchange(pinged_, now) > kLatePing;
  for (Child* child : {&manager_, &carp_}) {
    if (child->pid < 0) continue;
    if (late) child->answered = now;
    const Duration limit = child->ever_answered ? kAnswerLimit : kFirstAnswerLimit;
    if (now - child->answered > limit) {
      LogWarn("does not answer: killing", {{"program", PrivilegesOf(child->program.role).program},
                                           {"pid", child->pid},
                                           {"silent", FormatDuration(now - child->answered)}});
      ::kill(child->pid, SIGKILL);
      continue;
    }
    Ask(*child);
  }
  ping_timer_ = loop_.After(kPingInterval, [this] { Ping(); });
}

void Keeper::BeginStop() {
  if (phase_ == Phase::kReleasing || phase_ == Phase::kEnding) return;
  LogInfo("stopping: releasing the VIPs");
  const bool carp_runs = carp_.pid >= 0;
  phase_ = Phase::kReleasing;
  stop_limit_ = loop_.After(kStopLimit, [this] {
    LogWarn("children did not end in time: killing");
    phase_ = Phase::kEnding;
    if (manager_.pid >= 0) ::kill(manager_.pid, SIGKILL);
    if (carp_.pid >= 0) ::kill(carp_.pid, SIGKILL);
    SignalWorkers(SIGKILL);
    FinishIfAllEnded();
  });
  if (carp_runs) {
    Tell(carp_, {KeeperMessageType::kStop});
  } else {
    BeginEnd();
  }
}

void Keeper::BeginEnd() {
  phase_ = Phase::kEnding;
  SignalWorkers(SIGTERM);
  Tell(manager_, {KeeperMessageType::kStop});
  FinishIfAllEnded();
}

void Keeper::SignalWorkers(int signal) {
  for (const auto* workers : {&workers_, &others_}) {
    for (const auto& worker : *workers) {
      if (worker->pid >= 0) ::kill(worker->pid, signal);
    }
  }
}

void Keeper::FinishIfAllEnded() {
  if (phase_ != Phase::kEnding || manager_.pid >= 0 || carp_.pid >= 0) return;
  if (!others_.empty()) return;
  for (const auto& worker : workers_) {
    if (worker->pid >= 0) return;
  }
  loop_.Stop();
}

}  // namespace koi
