// SPDX-License-Identifier: Apache-2.0
// All a worker has to do with backends: the shared table, its pools, its idle connections.
#pragma once

#include <cstdint>

#include "absl/container/node_hash_map.h"
#include "dataplane/backend_map.h"
#include "dataplane/worker_map.h"
#include "net/event_loop.h"
#include "worker/backend/idle_connections.h"
#include "worker/backend/pool_view.h"

namespace koi {

class Backends {
 public:
  Backends(EventLoop& event_loop, WorkerCounters& worker_counters, BackendView view)
      : loop(event_loop), counters(worker_counters), idle(event_loop), view_(std::move(view)) {}

  PoolView& Pool(uint32_t number) {
    return pools_.try_emplace(number, view_, number).first->second;
  }
  // To be called now and then.
  void Sweep() { idle.Sweep(view_); }

  EventLoop& loop;
  WorkerCounters& counters;
  IdleConnections idle;

 private:
  BackendView view_;
  absl::node_hash_map<uint32_t, PoolView> pools_;
};

}  // namespace koi
