// SPDX-License-Identifier: Apache-2.0
// Reading the files of pools again.
#include "manager/pool_tls_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "manager/pool_loader.h"

namespace koi {
namespace {

// Of a text that is in use, and so can be read; "" has none.
CertificateFacts FactsOfFirst(const std::string& chain_pem) {
  const absl::StatusOr<std::vector<std::string>> chain = CertificatesDer(chain_pem);
  if (!chain.ok()) return {};
  const auto first = DecodeCertificate(chain->front());
  return first.ok() ? FactsOf(first->get()) : CertificateFacts();
}

std::string LoadedNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

}  // namespace

std::array<FileIdentity, 3> PoolTlsWatch::IdentitiesOf(const PoolTlsFiles& files) {
  return {IdentityOf(files.ca), IdentityOf(files.certificate),
          files.key == files.certificate ? FileIdentity() : IdentityOf(files.key)};
}

void PoolTlsWatch::Follow(const Config& config, const std::vector<WorkerPool>& told) {
  const std::vector<Watched> before = std::exchange(watched_, {});
  for (const PoolConfig& pool : config.pools) {
    if (!pool.has_tls) continue;
    Watched watched{.pool = pool};
    watched.pool.backends.clear();
    for (const WorkerPool& one : told) {
      if (one.number == pool.number) watched.in_use = one.tls;
    }
    watched.facts = FactsOfFirst(watched.in_use.chain_pem);
    watched.loaded = LoadedNow();
    for (const Watched& known : before) {
      if (known.pool.number != pool.number || known.pool.tls_files != pool.tls_files) continue;
      if (known.in_use != watched.in_use) continue;
      watched.seen = known.seen;
      watched.loaded = known.loaded;
      watched.waits = known.waits;
      watched.waits_since = known.waits_since;
      watched.told = known.told;
    }
    watched_.push_back(std::move(watched));
  }
}

absl::StatusOr<bool> PoolTlsWatch::Read(const ConfigFileReader& read, Watched& watched) {
  // Before reading: what is written meanwhile is a change still to be seen.
  watched.seen = IdentitiesOf(watched.pool.tls_files);
  std::map<std::string, std::string> files;
  Config alone;
  alone.pools.push_back(watched.pool);
  LoadedPools loaded =
      LoadPools(alone, [&](const std::string& path) -> absl::StatusOr<std::string> {
        KOI_ASSIGN_OR_RETURN(files[path], read(path));
        return files[path];
      });
  if (!loaded.errors.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(loaded.errors, "; "));
  }
  WorkerPoolTls& tls = loaded.pools[0].tls;
  if (tls == watched.in_use) return false;
  // One that has expired is no replacement; while it is in use, it keeps nobody from changing `ca`.
  if (!loaded.warnings.empty() && tls.chain_pem != watched.in_use.chain_pem) {
    return absl::InvalidArgumentError(absl::StrJoin(loaded.warnings, "; "));
  }
  watched.in_use = std::move(tls);
  watched.facts = FactsOfFirst(watched.in_use.chain_pem);
  watched.loaded = LoadedNow();
  for (auto& [path, text] : files) files_[path] = std::move(text);
  return true;
}

bool PoolTlsWatch::Look(TimePoint now, Duration patience) {
  const ConfigFileReader read_file = [](const std::string& path) { return ReadFile(path); };
  bool changed = false;
  for (Watched& watched : watched_) {
    if (!watched.waits.empty() && !watched.told && now - watched.waits_since >= patience) {
      watched.told = true;
      LogWarn("files of a pool's tls have changed and cannot be used: those in use stay",
              {{"why", watched.waits}});
    }
    if (IdentitiesOf(watched.pool.tls_files) == watched.seen) continue;
    const absl::StatusOr<bool> read = Read(read_file, watched);
    watched.waits = std::string(read.status().message());
    watched.waits_since = now;
    watched.told = false;
    if (!read.ok() || !*read) continue;
    changed = true;
    LogInfo("files of a pool's tls replaced", {{"pool", watched.pool.name}});
  }
  return changed;
}

std::vector<std::string> PoolTlsWatch::Reload(const ConfigFileReader& read_file,
                                              std::vector<std::string>& changed) {
  std::vector<std::string> errors;
  for (Watched& watched : watched_) {
    const absl::StatusOr<bool> read = Read(read_file, watched);
    watched.waits = std::string(read.status().message());
    if (!read.ok()) errors.push_back(watched.waits);
    if (read.ok() && *read) changed.push_back(watched.pool.name);
  }
  return errors;
}

std::vector<CertificateStats> PoolTlsWatch::List() const {
  std::vector<CertificateStats> list;
  for (const Watched& watched : watched_) {
    if (watched.in_use.chain_pem.empty()) continue;
    list.push_back({.pool = watched.pool.name,
                    .subject = watched.facts.subject,
                    .names = watched.facts.names,
                    .until = watched.facts.until,
                    .until_s = watched.facts.until_s,
                    .fingerprint = watched.facts.fingerprint,
                    .chain_file = watched.pool.tls_files.certificate,
                    .key_file = watched.pool.tls_files.key,
                    .loaded = watched.loaded,
                    .waits = watched.waits});
  }
  return list;
}

std::vector<WorkerPool> PoolTlsWatch::With(std::vector<WorkerPool> pools) const {
  for (WorkerPool& pool : pools) {
    for (const Watched& watched : watched_) {
      if (watched.pool.number == pool.number) pool.tls = watched.in_use;
    }
  }
  return pools;
}

}  // namespace koi
