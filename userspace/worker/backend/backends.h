// SPDX-License-Identifier: Apache-2.0
// All a worker has to do with backends: the shared table, its pools, its idle connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "dataplane/backend_map.h"
#include "dataplane/worker_map.h"
#include "net/event_loop.h"
#include "worker/backend/all_workers.h"
#include "worker/backend/idle_connections.h"
#include "worker/backend/pool.h"
#include "worker/backend/pool_settings.h"
#include "worker/pipe_pool.h"

namespace koi {

class Backends {
 public:
  // `settings` and `others` must outlive it, and may change.
  Backends(EventLoop& event_loop, WorkerCounters& worker_counters, BackendView view,
           const PoolSettingsTable& settings, const AllWorkers& others)
      : loop(event_loop),
        counters(worker_counters),
        idle(event_loop),
        view_(std::move(view)),
        settings_(settings),
        others_(others) {}

  // As long as this is there, whatever becomes of the pool.
  koi::Pool& Pool(uint32_t number) {
    return pools_.try_emplace(number, loop, view_, counters, others_, settings_, number)
        .first->second;
  }
  // As they are now: whoever must not see them change keeps what it got.
  std::shared_ptr<const PoolSettings> Settings(uint32_t pool) const { return settings_.Find(pool); }
  // Its name, in `out`; "" of 0 or one that is gone.
  absl::string_view NameOf(uint32_t backend, char (&out)[kBackendNameBytes]) const {
    return view_.NameOf(backend, out);
  }
  // The settings have changed.
  void Reconsider() {
    for (auto& [number, pool] : pools_) pool.Reconsider();
  }
  // The name that a connection of `client` to a backend of `pool` asks for; "": none.
  std::string AskedName(uint32_t pool, const Stream& client, absl::string_view host) const;
  // How TLS is spoken to `member`, which is asked for `name`.
  BackendTls TlsTo(const PoolMember& member, const PoolSettings& settings, const std::string& name,
                   TlsProtocol protocol);
  // Says why a handshake failed: not more often than somebody can read.
  void TellTlsFault(const BackendConnection& connection);
  // To be called now and then.
  void Sweep();

  EventLoop& loop;
  WorkerCounters& counters;
  IdleConnections idle;
  PipePool pipes;

 private:
  BackendView view_;
  const PoolSettingsTable& settings_;
  const AllWorkers& others_;
  absl::node_hash_map<uint32_t, koi::Pool> pools_;
  // It stands for what was verified and shown under `context`, and is of no use under another.
  struct Session {
    uint32_t incarnation = 0;
    std::shared_ptr<const ClientTlsContext> context = nullptr;
    std::shared_ptr<ClientSession> session = nullptr;
  };
  absl::flat_hash_map<uint32_t, Session> sessions_;  // by backend
  TimePoint fault_told_ = {};
};

}  // namespace koi
