// SPDX-License-Identifier: Apache-2.0
// How each pool's backends are used, as the manager told it.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/worker_messages.h"
#include "tls/client_context.h"

namespace koi {

struct PoolSettings {
  WorkerPool told = {};                                   // as the manager described it
  std::shared_ptr<const ClientTlsContext> tls = nullptr;  // with told.has_tls
};

// Of all pools at one time. Whoever uses a pool shares its settings, so a table may be replaced by
// another whole, at its own address, meanwhile.
class PoolSettingsTable {
 public:
  // A pool that `before` was told in the same words is shared with it. InvalidArgument when it is
  // told twice, or what it was told of TLS cannot be used.
  absl::Status Add(WorkerPool pool, const PoolSettingsTable& before);
  // What a pool that was not told has are the defaults; never nullptr.
  std::shared_ptr<const PoolSettings> Find(uint32_t pool) const;

 private:
  // Of a pool with the same words about TLS, or a new one.
  absl::StatusOr<std::shared_ptr<const ClientTlsContext>> ContextOf(const WorkerPoolTls& tls) const;

  absl::flat_hash_map<uint32_t, std::shared_ptr<const PoolSettings>> by_number_;
};

}  // namespace koi
