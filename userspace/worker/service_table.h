// SPDX-License-Identifier: Apache-2.0
// Which service a connection is for: VIP and port, as getsockname(2) tells them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/address.h"
#include "dataplane/worker_map.h"
#include "protocol/worker_messages.h"
#include "tls/context.h"
#include "tls/ticket_table.h"
#include "worker/tcp/sni_routes.h"

namespace koi {

struct Service {
  WorkerService told;  // as the manager described it
  std::optional<TlsContext> tls;
  SniRoutes routes;
  ServiceCounters counters = {};
};

// All services of one time. Connections share what they need of it, so a table may be replaced by
// another whole, at its own address, while they run.
class ServiceTable {
 public:
  ServiceTable() = default;
  explicit ServiceTable(uint64_t revision) : revision_(revision) {}

  // Of the services; another one says that they may have changed.
  uint64_t revision() const { return revision_; }

  // A service that `before` was told in the same words is shared with it. Session tickets are of
  // `tickets`, which all services share. InvalidArgument when its certificates cannot be used or
  // another service listens there. It is counted in `counters`.
  absl::Status Add(const WorkerService& service, const ServiceTable& before,
                   const std::shared_ptr<TicketTable>& tickets, WorkerCounters& counters);
  // nullptr: none.
  std::shared_ptr<const Service> Find(const Endpoint& endpoint) const;
  size_t size() const { return by_name_.size(); }

 private:
  uint64_t revision_ = 0;
  absl::flat_hash_map<std::string, std::shared_ptr<const Service>> by_name_;
  absl::flat_hash_map<Endpoint, std::shared_ptr<const Service>> by_endpoint_;
};

}  // namespace koi
