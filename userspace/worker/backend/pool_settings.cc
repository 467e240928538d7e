// SPDX-License-Identifier: Apache-2.0
// Pools' settings by number.
#include "worker/backend/pool_settings.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {

absl::StatusOr<std::shared_ptr<const ClientTlsContext>> PoolSettingsTable::ContextOf(
    const WorkerPoolTls& tls) const {
  for (const auto& [number, other] : by_number_) {
    if (other->tls != nullptr && other->told.tls == tls) return other->tls;
  }
  KOI_ASSIGN_OR_RETURN(
      ClientTlsContext context,
      ClientTlsContext::Create({.verify = tls.verify,
                                .ca_pem = tls.trust.pem != nullptr ? *tls.trust.pem : "",
                                .chain_pem = tls.chain_pem,
                                .key_pem = tls.key_pem,
                                .tls12 = tls.tls12,
                                .tls13 = tls.tls13}));
  return std::make_shared<const ClientTlsContext>(std::move(context));
}

absl::Status PoolSettingsTable::Add(WorkerPool pool, const PoolSettingsTable& before) {
  const uint32_t number = pool.number;
  const auto same = before.by_number_.find(number);
  std::shared_ptr<const PoolSettings> settings;
  if (same != before.by_number_.end() && same->second->told == pool) {
    settings = same->second;
  } else {
    PoolSettings made;
    const bool same_tls = same != before.by_number_.end() && same->second->tls != nullptr &&
                          same->second->told.tls == pool.tls;
    if (pool.has_tls && same_tls) {
      made.tls = same->second->tls;  // sessions go with it
    } else if (pool.has_tls) {
      auto context = ContextOf(pool.tls);
      if (!context.ok()) {
        return Annotate(context.status(), absl::StrCat("TLS of pool ", pool.name));
      }
      made.tls = *std::move(context);
    }
    pool.tls.trust.pem = nullptr;  // it is in the context
    made.told = std::move(pool);
    settings = std::make_shared<const PoolSettings>(std::move(made));
  }
  const std::string& name = settings->told.name;
  if (by_number_.emplace(number, settings).second) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("pool ", name, " was told twice"));
}

std::shared_ptr<const PoolSettings> PoolSettingsTable::Find(uint32_t pool) const {
  static const auto* const kDefaults =
      new std::shared_ptr<const PoolSettings>(std::make_shared<const PoolSettings>());
  const auto found = by_number_.find(pool);
  return found == by_number_.end() ? *kDefaults : found->second;
}

}  // namespace koi
