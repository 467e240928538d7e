// SPDX-License-Identifier: Apache-2.0
// Pools' settings by number.
#include "worker/backend/pool_settings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace koi {

absl::Status PoolSettingsTable::Add(const WorkerPool& pool, const PoolSettingsTable& before) {
  const auto same = before.by_number_.find(pool.number);
  std::shared_ptr<const PoolSettings> settings =
      same != before.by_number_.end() && same->second->told == pool
          ? same->second
          : std::make_shared<const PoolSettings>(PoolSettings{.told = pool});
  if (by_number_.emplace(pool.number, std::move(settings)).second) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("pool ", pool.name, " was told twice"));
}

std::shared_ptr<const PoolSettings> PoolSettingsTable::Find(uint32_t pool) const {
  static const auto* const kDefaults =
      new std::shared_ptr<const PoolSettings>(std::make_shared<const PoolSettings>());
  const auto found = by_number_.find(pool);
  return found == by_number_.end() ? *kDefaults : found->second;
}

}  // namespace koi
