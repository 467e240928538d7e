// SPDX-License-Identifier: Apache-2.0
// Other programs, through posix_spawn: safe in a program that has threads.
#include "support/lab/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/fd.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

// What a child of posix_spawn starts with. Signals are as in a fresh login: tests may ignore some.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void Output(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }

  absl::StatusOr<pid_t> Start(const Argv& argv, bool own_session) {
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string& argument : argv)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const int flags =
        POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_session ? POSIX_SPAWN_SETSID : 0);
    posix_spawnattr_setflags(&attributes_, static_cast<int16_t>(flags));
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environ);
    if (error != 0) {
      return absl::InternalError(absl::StrCat("cannot start ", argv[0], ": ", strerror(error)));
    }
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

int ExitCode(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// Reads both pipes to their end; false when `deadline` came first.
bool ReadBoth(int out_fd, int err_fd, TimePoint deadline, ProgramResult& result) {
  std::array<pollfd, 2> waits = {pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&result.out, &result.err};
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    const int64_t left_ms = ToMilliseconds(deadline - Now());
    if (left_ms <= 0) return false;
    if (poll(waits.data(), waits.size(), static_cast<int>(left_ms)) < 0 && errno != EINTR)
      return false;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t count = read(waits[i].fd, buffer, sizeof(buffer));
      if (count > 0)
        texts[i]->append(buffer, static_cast<size_t>(count));
      else
        waits[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

std::string KoiProgram(const std::string& name) {
  const char* folder = getenv("KOI_LAB_PROGRAMS");
  return absl::StrCat(folder == nullptr || *folder == '\0' ? KOI_BINARY_DIR "/bin" : folder, "/",
                      name);
}

std::string ShellText(const Argv& argv) {
  std::string text;
  for (const std::string& word : argv) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789-_./:=,@%+") == std::string::npos;
    absl::StrAppend(
        &text, text.empty() ? "" : " ",
        plain ? word : absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'"));
  }
  return text;
}

std::string ProgramResult::Describe() const {
  std::string text = absl::StrCat(out, err);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (timed_out)
    absl::StrAppend(&text, " [ended: it took too long]");
  else if (exit_code != 0)
    absl::StrAppend(&text, " [exit ", exit_code, "]");
  return text;
}

ProgramResult RunProgram(const Argv& argv, Duration limit) {
  ProgramResult result;
  int out_pipe[2];
  int err_pipe[2];
  if (pipe2(out_pipe, O_CLOEXEC) != 0) return {.exit_code = 127, .err = "no pipe"};
  const Fd out_read(out_pipe[0]);
  Fd out_write(out_pipe[1]);
  if (pipe2(err_pipe, O_CLOEXEC) != 0) return {.exit_code = 127, .err = "no pipe"};
  const Fd err_read(err_pipe[0]);
  Fd err_write(err_pipe[1]);

  SpawnPlan plan;
  plan.Output(out_write.get(), STDOUT_FILENO);
  plan.Output(err_write.get(), STDERR_FILENO);
  const absl::StatusOr<pid_t> pid = plan.Start(argv, /*own_session=*/false);
  if (!pid.ok()) return {.exit_code = 127, .err = std::string(pid.status().message())};
  out_write.Close();
  err_write.Close();

  result.timed_out = !ReadBoth(out_read.get(), err_read.get(), Now() + limit, result);
  if (result.timed_out) kill(*pid, SIGKILL);
  int wait_status = 0;
  while (waitpid(*pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = ExitCode(wait_status);
  return result;
}

absl::StatusOr<Process> Process::Start(const Argv& argv, const std::string& output) {
  const Fd file(open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", output));
  SpawnPlan plan;
  plan.Output(file.get(), STDOUT_FILENO);
  plan.Output(file.get(), STDERR_FILENO);
  const absl::StatusOr<pid_t> pid = plan.Start(argv, /*own_session=*/true);
  if (!pid.ok()) return pid.status();
  Process process;
  process.pid_ = *pid;
  return process;
}

Process& Process::operator=(Process&& other) noexcept {
  Reap();
  pid_ = std::exchange(other.pid_, -1);
  exit_code_ = std::exchange(other.exit_code_, std::nullopt);
  return *this;
}

void Process::Signal(int signal) {
  if (running()) kill(pid_, signal);
}

std::optional<int> Process::Wait(Duration limit) {
  Eventually(limit, [this] { return !running(); });
  return exit_code_;
}

void Process::Reap() {
  if (pid_ <= 0 || exit_code_.has_value()) return;
  int wait_status = 0;
  if (waitpid(pid_, &wait_status, WNOHANG) == pid_) exit_code_ = ExitCode(wait_status);
}

}  // namespace koi::lab
