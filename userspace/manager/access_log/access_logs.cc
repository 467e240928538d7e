// SPDX-License-Identifier: Apache-2.0
// From pipes to files.
#include "manager/access_log/access_logs.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "protocol/access_lines.h"

namespace koi {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 4;  // then the manager's other work has its turn
constexpr Duration kWriteAgain = std::chrono::milliseconds(20);
// Far more than a line: what is longer is none.
constexpr size_t kMaxBegunBytes = 16 * 1024;

absl::StatusOr<Fd> Held(const std::map<std::string, Fd>& held, const std::string& name) {
  const auto found = held.find(name);
  if (found == held.end()) return absl::NotFoundError(name);
  return Fd::DuplicateOf(found->second.get());
}

}  // namespace

absl::StatusOr<Fd> AccessLogs::AddCpu(int cpu, const std::map<std::string, Fd>& held) {
  const std::string in_name = absl::StrCat("access-log-", cpu, "-in");
  const std::string out_name = absl::StrCat("access-log-", cpu, "-out");
  absl::StatusOr<Fd> in = Held(held, in_name);
  absl::StatusOr<Fd> out = Held(held, out_name);
  if (!in.ok() || !out.ok()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
      return absl::ErrnoToStatus(errno, "cannot make the access log's pipe");
    }
    in = Fd(ends[0]);
    out = Fd(ends[1]);
    (void)::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);  // less where the host allows no more
    hold_(in_name, in->get());
    hold_(out_name, out->get());
  }
  pipes_.push_back(std::make_unique<Pipe>(Pipe{.in = *std::move(in)}));
  Pipe* const pipe = pipes_.back().get();
  KOI_ASSIGN_OR_RETURN(pipe->watch,
                       loop_.Add(pipe->in.get(), EPOLLIN, [this, pipe](uint32_t) { Read(*pipe); }));
  return *std::move(out);
}

std::shared_ptr<AccessLogFile> AccessLogs::FileAt(const std::string& path) const {
  for (const auto& file : files_) {
    if (file->path() == path) return file;
  }
  return nullptr;
}

void AccessLogs::Follow(const Config& config) {
  for (const ServiceConfig& service : config.services) {
    if (service.access_log.empty()) continue;
    const std::string path = service.access_log == kAccessLogStdout ? "" : service.access_log;
    std::shared_ptr<AccessLogFile> file = FileAt(path);
    if (file == nullptr) {
      file = std::make_shared<AccessLogFile>(path);
      files_.push_back(file);
    }
    by_service_[service.number] = std::move(file);
  }
  // A file that no service has belongs to this list alone.
  const auto unused = std::remove_if(files_.begin(), files_.end(), [this](const auto& file) {
    if (file.use_count() > 1) return false;
    earlier_written_ += file->written();
    earlier_dropped_ += file->dropped();
    return true;
  });
  files_.erase(unused, files_.end());
  for (const auto& file : files_) file->Reopen();
}

void AccessLogs::Read(Pipe& pipe) {
  char bytes[kReadBytes];
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t got = ::read(pipe.in.get(), bytes, sizeof(bytes));
    if (got <= 0) break;
    Take({bytes, static_cast<size_t>(got)}, pipe);
    if (static_cast<size_t>(got) < sizeof(bytes)) break;
  }
  Write();
}

void AccessLogs::Take(absl::string_view bytes, Pipe& pipe) {
  std::string joined;
  if (!pipe.begun.empty()) {
    joined = absl::StrCat(pipe.begun, bytes);
    bytes = joined;
  }
  while (const std::optional<AccessLine> line = TakeAccessLine(bytes)) {
    if (line->service == kAccessLinesLost) {
      uint64_t lost = 0;
      if (absl::SimpleAtoi(absl::StripSuffix(line->text, "\n"), &lost)) dropped_ += lost;
      continue;
    }
    const auto file = by_service_.find(line->service);
    if (file == by_service_.end()) {
      ++dropped_;
    } else {
      file->second->Add(line->text);
    }
  }
  if (bytes.size() > kMaxBegunBytes) bytes = "";
  pipe.begun = std::string(bytes);
}

void AccessLogs::Write() {
  bool waiting = false;
  for (const auto& file : files_) waiting |= file->Write(loop_.now());
  if (waiting && !write_again_.pending()) {
    write_again_ = loop_.After(kWriteAgain, [this] { Write(); });
  }
}

uint64_t AccessLogs::written() const {
  uint64_t sum = earlier_written_;
  for (const auto& file : files_) sum += file->written();
  return sum;
}

uint64_t AccessLogs::dropped() const {
  uint64_t sum = dropped_ + earlier_dropped_;
  for (const auto& file : files_) sum += file->dropped();
  return sum;
}

}  // namespace koi
