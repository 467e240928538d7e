// SPDX-License-Identifier: Apache-2.0
// Which pool is for the server that a client asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "protocol/worker_messages.h"

namespace koi {

class SniRoutes {
 public:
  explicit SniRoutes(const std::vector<WorkerRoute>& routes);

  // The pool for `name`, which is in lower case: that of the name itself, else that of the longest
  // wildcard. "*.b.example" is every name below b.example, however far.
  std::optional<uint32_t> Find(absl::string_view name) const;

 private:
  absl::flat_hash_map<std::string, uint32_t> names_;
  absl::flat_hash_map<std::string, uint32_t> below_;  // by ".b.example"
};

}  // namespace koi
