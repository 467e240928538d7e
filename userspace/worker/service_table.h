// SPDX-License-Identifier: Apache-2.0
// Which service a connection is for: VIP and port, as getsockname(2) tells them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/address.h"
#include "config/config.h"
#include "protocol/worker_messages.h"
#include "tls/context.h"

namespace koi {

struct Service {
  std::string name;
  ServiceMode mode = ServiceMode::kHttp;
  std::optional<TlsContext> tls;
  bool redirect_to_https = false;
  uint32_t pool = 0;
};

class ServiceTable {
 public:
  // InvalidArgument when its certificate cannot be used or another service listens there.
  absl::Status Add(const WorkerService& service);
  // nullptr: none. Valid as long as the table.
  const Service* Find(const Endpoint& endpoint) const;

 private:
  std::vector<std::unique_ptr<Service>> services_;
  absl::flat_hash_map<Endpoint, const Service*> by_endpoint_;
};

}  // namespace koi
