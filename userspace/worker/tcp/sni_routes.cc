// SPDX-License-Identifier: Apache-2.0
// Exact names, then wildcards.
#include "worker/tcp/sni_routes.h"

#include "absl/strings/strip.h"

namespace koi {

SniRoutes::SniRoutes(const std::vector<WorkerRoute>& routes) {
  for (const WorkerRoute& route : routes) {
    for (const std::string& pattern : route.sni) {
      absl::string_view name = pattern;
      const bool below = absl::ConsumePrefix(&name, "*");
      (below ? below_ : names_).emplace(std::string(name), route.pool);
    }
  }
}

std::optional<uint32_t> SniRoutes::Find(absl::string_view name) const {
  if (const auto found = names_.find(name); found != names_.end()) return found->second;
  if (below_.empty()) return std::nullopt;
  for (size_t dot = name.find('.', 1); dot != absl::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const auto found = below_.find(name.substr(dot));
    if (found != below_.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace koi
