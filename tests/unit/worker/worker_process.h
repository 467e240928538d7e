// SPDX-License-Identifier: Apache-2.0
// A real koi-worker as a child of the test: another user, sandboxed, driven through its channel.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "dataplane/backend_map.h"
#include "dataplane/worker_map.h"
#include "protocol/worker_messages.h"
#include "support/tls/made_certificate.h"

namespace koi {

// Asks until `condition` holds or `limit` is over.
bool Eventually(Duration limit, const std::function<bool()>& condition);

// A plain http service of pool 0 on these endpoints.
WorkerService ServiceOn(const std::string& name, const std::vector<Endpoint>& listen);

// Its tables are plain shared memory of the maps' shape: a worker maps both alike. Its IPv4
// listener takes every loopback address, so that services may have one each.
class WorkerProcess {
 public:
  // With `first`: of another CPU, reading the same table of backends.
  explicit WorkerProcess(const WorkerProcess* first = nullptr);
  ~WorkerProcess();  // kills it, if it has not ended

  // 127.0.0.`last`, on the listener's port.
  Endpoint At(int last) const;
  Endpoint AtIp6() const { return ip6_; }

  BackendMap& backends() { return *backends_; }
  // Adds one that is up and enabled.
  BackendEntry AddBackend(uint32_t pool, const std::string& name, const Endpoint& endpoint,
                          uint32_t weight = 100);
  void SetHealth(BackendEntry& backend, BackendHealth health);
  void SetAdmin(BackendEntry& backend, BackendAdmin admin);

  // From its start on it reads what `other` counts.
  void Meet(const WorkerProcess& other) { peers_.push_back(other.own_fd_.get()); }

  void Send(const WorkerMessage& message);
  // Welcome, services and pools are sent, for the first time as revision 1; returns the worker's
  // answer to the start.
  WorkerMessage Start(const std::vector<WorkerService>& services,
                      const std::vector<WorkerPool>& pools = {});
  // A start without services: a question.
  WorkerMessage Ask();
  void Drain(Duration limit);

  // The manager's end of the channel goes away, as when the keeper dies.
  void CloseChannel() { channel_.Close(); }

  WorkerFigures Figures() const { return figures_->Total(); }
  WorkerFigures Figures(const BackendEntry& backend) const {
    return figures_->Backend(backend.number, backend.incarnation);
  }
  const WorkerView& View() const { return *figures_; }

  pid_t pid() const { return pid_; }
  // Its resident memory.
  size_t MemoryBytes() const;
  // Its open descriptors, as /proc names them.
  std::vector<std::string> Descriptors() const;
  // The lines of its access log since the last call: what stands between prefix and line feed.
  std::vector<std::string> AccessLines();
  // What it has logged so far.
  std::string Log() const;
  // The exit code once it has ended, or -signal; nullopt when it has not ended within `limit`.
  std::optional<int> Ended(Duration limit);

 private:
  void Spawn(int child_end);

  Fd listener4_;
  Fd listener6_;
  Endpoint ip4_;
  Endpoint ip6_;
  Fd backends_fd_;
  Fd own_fd_;
  Fd access_in_;
  Fd access_out_;
  std::vector<int> peers_;
  std::unique_ptr<BackendMap> backends_;
  std::unique_ptr<WorkerView> figures_;
  Fd channel_;
  uint64_t revision_ = 0;
  Fd log_;
  pid_t pid_ = -1;
  std::optional<int> ended_;
};

}  // namespace koi
