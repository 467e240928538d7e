// SPDX-License-Identifier: Apache-2.0
// Checks every backend at its pool's interval and reports changes of health. One checker a node,
// whatever the number of workers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "config/config.h"
#include "dataplane/backend_map.h"
#include "manager/health/rise_fall.h"
#include "manager/health/tcp_probe.h"
#include "net/event_loop.h"

namespace koi {

class HealthChecker {
 public:
  // `number` is the backend's. Called for each change of health, from the loop, with the reason as
  // a sentence.
  using ChangeCallback =
      std::function<void(uint32_t number, BackendHealth health, const std::string& why)>;

  HealthChecker(EventLoop& loop, ChangeCallback on_change)
      : loop_(loop), on_change_(std::move(on_change)) {}

  // Checks `backend` from now on: at once when its health is unknown, else after a part of the
  // interval that differs from backend to backend, so that checks spread. A watch of the same
  // backend that is the same already goes on; another one of the same number is replaced.
  void Watch(const BackendEntry& backend, const CheckConfig& check);
  void Forget(uint32_t number);
  // Why the backend has its health, or "" before the first result.
  std::string Why(uint32_t number) const;

 private:
  struct Target {
    uint32_t number;
    uint32_t incarnation;
    Endpoint endpoint;
    CheckConfig check;
    RiseFall rise_fall;
    std::string why;
    std::unique_ptr<TcpProbe> probe;
    EventLoop::Timer timer;
  };
  void Probe(Target& target);
  void OnResult(Target& target, const absl::Status& result);

  EventLoop& loop_;
  ChangeCallback on_change_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Target>> targets_;
};

}  // namespace koi
