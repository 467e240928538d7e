// SPDX-License-Identifier: Apache-2.0
// Reading /proc, and pidfds to end what was found there.
#include "net/namespace_processes.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/fd.h"
#include "base/file.h"

namespace koi {
namespace {

constexpr size_t kMaxCommandBytes = 200;

std::string FileOf(pid_t pid, absl::string_view file) {
  return absl::StrCat("/proc/", pid, "/", file);
}

std::string NameOf(pid_t pid) {
  std::string name = ReadFile(FileOf(pid, "comm")).value_or("");
  return std::string(absl::StripSuffix(name, "\n"));
}

// 0 when it is gone.
pid_t ParentOf(pid_t pid) {
  // "PID (NAME) STATE PARENT ...", and the name may hold anything.
  const std::string text = ReadFile(FileOf(pid, "stat")).value_or("");
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos || text.size() < end_of_name + 4) return 0;
  const absl::string_view rest = absl::string_view(text).substr(end_of_name + 4);
  pid_t parent = 0;
  return absl::SimpleAtoi(rest.substr(0, rest.find(' ')), &parent) ? parent : 0;
}

// A file below /proc/PID/net is another one in each network namespace, and may be looked at by
// everybody, unlike /proc/PID/ns/net. 0 when the process is gone or only its body is left.
ino_t NamespaceOf(const std::string& process) {
  struct stat info = {};
  return ::stat(absl::StrCat("/proc/", process, "/net/dev").c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

std::vector<NamespaceProcess> OrphansOfNamespace(const std::vector<std::string>& names,
                                                 absl::string_view parent) {
  std::vector<NamespaceProcess> orphans;
  const ino_t own = NamespaceOf("self");
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->path().filename().string(), &pid)) continue;
    std::string name = NameOf(pid);
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    if (NamespaceOf(absl::StrCat(pid)) != own || NameOf(ParentOf(pid)) == parent) continue;
    orphans.push_back({pid, std::move(name)});
  }
  return orphans;
}

absl::Status EndProcess(const NamespaceProcess& process, Duration limit) {
  // libc has no functions for pidfds yet. From here on the pid cannot become another's unseen.
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!handle.valid() || NameOf(process.pid) != process.name) return absl::OkStatus();
  const std::string what = absl::StrCat("cannot end ", process.name, " ", process.pid);
  if (::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) != 0) {
    return errno == ESRCH ? absl::OkStatus() : absl::ErrnoToStatus(errno, what);
  }
  pollfd gone = {.fd = handle.get(), .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, static_cast<int>(ToMilliseconds(limit))) > 0) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat(what, ": it is still there after ", FormatDuration(limit)));
}

std::string CommandOf(pid_t pid) {
  std::string command = ReadFile(FileOf(pid, "cmdline")).value_or("");
  absl::StrReplaceAll({{absl::string_view("\0", 1), " "}, {"\n", " "}}, &command);
  if (command.size() > kMaxCommandBytes) command.resize(kMaxCommandBytes);
  const absl::string_view trimmed = absl::StripSuffix(command, " ");
  return trimmed.empty() ? NameOf(pid) : std::string(trimmed);
}

}  // namespace koi
