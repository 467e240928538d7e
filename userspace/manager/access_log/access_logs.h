// SPDX-License-Identifier: Apache-2.0
// The access logs of all services: lines come from workers through a pipe for each CPU, and go to
// each service's file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "config/config.h"
#include "manager/access_log/access_log_file.h"
#include "net/event_loop.h"

namespace koi {

// Both ends of each pipe are also the keeper's: what workers write while there is no manager waits
// for the next one.
class AccessLogs {
 public:
  using Hold = std::function<void(absl::string_view name, int fd)>;

  // `held` are the descriptors that the keeper gave this manager; `hold` gives it one to keep. The
  // loop outlives it.
  AccessLogs(EventLoop& loop, Hold hold) : loop_(loop), hold_(std::move(hold)) {}

  // Takes over the pipe of `cpu` that is among `held`, or makes one. Returns the end to be written
  // to.
  absl::StatusOr<Fd> AddCpu(int cpu, const std::map<std::string, Fd>& held);

  // Lines of the services of `config` go where it says from now on; files are opened anew.
  void Follow(const Config& config);

  uint64_t written() const;
  uint64_t dropped() const;

 private:
  struct Pipe {
    Fd in;
    std::string begun = {};  // of a line
    EventLoop::Watch watch = {};
  };
  void Read(Pipe& pipe);
  void Take(absl::string_view bytes, Pipe& pipe);
  void Write();
  std::shared_ptr<AccessLogFile> FileAt(const std::string& path) const;

  EventLoop& loop_;
  Hold hold_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  std::vector<std::shared_ptr<AccessLogFile>> files_;
  // By the service's number. One that is gone stays: its last lines may still be on their way.
  absl::flat_hash_map<uint32_t, std::shared_ptr<AccessLogFile>> by_service_;
  uint64_t dropped_ = 0;          // by workers
  uint64_t earlier_written_ = 0;  // of files that nobody logs to any more
  uint64_t earlier_dropped_ = 0;
  EventLoop::Timer write_again_;
};

}  // namespace koi
