// SPDX-License-Identifier: Apache-2.0
// Looking, having it read, taking it over.
#include "manager/certificate_watch.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
// A look takes a few milliseconds: everybody else waits meanwhile.
constexpr size_t kFilesPerLook = 1000;
constexpr size_t kMostExpiries = 1000;
// Of one service at once; more are counted.
constexpr size_t kMostLines = 20;

}  // namespace

void CertificateWatch::Follow(const Config& config, const CertificateSets& certificates) {
  Pause();
  watched_.Follow(config, certificates);
  pools_.Follow(config, workers_.pools());
  Resume();
}

void CertificateWatch::Pause() {
  timer_.Cancel();
  task_.reset();
}

void CertificateWatch::LookAfter(Duration delay) {
  timer_ = loop_.After(delay, [this] { Look(); });
}

void CertificateWatch::Look() {
  TellOfWaiting();
  LookAtPools();
  if (!watched_.Changed(kFilesPerLook)) return LookAfter(kLookInterval);
  const absl::Status begun = ReadInBackground(WatchedCertificates::Which::kChanged,
                                              [this](Reading& reading) { TakeChanged(reading); });
  if (begun.ok()) return;
  LogError("certificates not replaced", {{"why", begun.message()}});
  LookAfter(kPatience);
}

void CertificateWatch::LookAtPools() {
  if (!pools_.Look(loop_.now(), kPatience)) return;
  const absl::Status told = Tell({}, pools_);
  if (told.ok()) return on_change_();
  LogError("files of pools' tls not replaced", {{"why", told.message()}});
}

absl::Status CertificateWatch::ReadInBackground(WatchedCertificates::Which which, Read read) {
  const auto reading = std::make_shared<Reading>(Reading{.watched = watched_, .pools = pools_});
  auto task = BackgroundTask::Start(
      loop_,
      [this, which, reading](const std::atomic<bool>& stopped) {
        const GoOn go_on = [&stopped] { return !stopped; };
        std::vector<std::string> errors;
        if (which == WatchedCertificates::Which::kAll) {
          errors = reading->pools.Reload(FilesWhile(go_on), reading->pools_changed);
        }
        reading->changes = reading->watched.Read(which, reader_, go_on);
        for (std::string& error : errors) reading->changes.errors.push_back(std::move(error));
      },
      [this, reading, read = std::move(read)] {
        task_.reset();
        read(*reading);
      });
  KOI_RETURN_IF_ERROR(task.status());
  task_ = *std::move(task);
  return absl::OkStatus();
}

void CertificateWatch::TakeChanged(Reading& reading) {
  if (!reading.changes.services.empty()) {
    const absl::Status told = Tell(reading.changes, pools_);
    if (!told.ok()) {
      LogError("certificates not replaced", {{"why", told.message()}});
      return LookAfter(kPatience);
    }
  }
  watched_ = std::move(reading.watched);
  LogTaken(reading.changes);
  LookAfter(kLookInterval);
  if (!reading.changes.services.empty()) on_change_();
}

void CertificateWatch::Reload(Reloaded done) {
  Pause();
  const absl::Status begun = ReadInBackground(
      WatchedCertificates::Which::kAll, [this, done](Reading& reading) { TakeAll(reading, done); });
  reloading_ = begun.ok();
  if (begun.ok()) return;
  Resume();
  CertificateList list = List();
  list.errors.emplace_back(begun.message());
  done(list);
}

void CertificateWatch::TakeAll(Reading& reading, const Reloaded& done) {
  reloading_ = false;
  Resume();
  const bool changed = !reading.changes.services.empty() || !reading.pools_changed.empty();
  std::vector<std::string> errors = std::move(reading.changes.errors);
  if (errors.empty() && changed) {
    const absl::Status told = Tell(reading.changes, reading.pools);
    if (!told.ok()) errors.emplace_back(told.message());
  }
  if (errors.empty()) {
    watched_ = std::move(reading.watched);
    pools_ = std::move(reading.pools);
    LogTaken(reading.changes);
    for (const std::string& pool : reading.pools_changed) {
      LogInfo("files of a pool's tls replaced", {{"pool", pool}});
    }
    if (changed) on_change_();
  }
  CertificateList list = List();
  list.changed =
      errors.empty() ? reading.changes.taken.size() + reading.pools_changed.size() : size_t{0};
  list.errors = std::move(errors);
  done(list);
}

absl::Status CertificateWatch::Tell(const WatchedCertificates::Changes& changes,
                                    const PoolTlsWatch& pools) {
  std::vector<WorkerService> services = workers_.services();
  for (WorkerService& service : services) {
    const auto changed = changes.services.find(service.name);
    if (changed != changes.services.end()) service.certificates = changed->second;
  }
  return workers_.Update(std::move(services), pools.With(workers_.pools()));
}

void CertificateWatch::LogTaken(const WatchedCertificates::Changes& changes) const {
  std::map<std::string, std::vector<const WatchedCertificate*>> taken;
  for (const size_t i : changes.taken) {
    taken[watched_.all()[i].service].push_back(&watched_.all()[i]);
  }
  for (const auto& [service, certificates] : taken) {
    if (certificates.size() > kMostLines) {
      LogInfo("certificates replaced", {{"service", service}, {"count", certificates.size()}});
      continue;
    }
    for (const WatchedCertificate* one : certificates) {
      const CertificateFacts& facts = one->in_use->facts;
      LogInfo("certificate replaced",
              {{"service", service},
               {"for", facts.names.empty() ? facts.subject : absl::StrJoin(facts.names, ",")},
               {"until", facts.until},
               {"sha256", facts.fingerprint}});
    }
  }
}

void CertificateWatch::TellOfWaiting() {
  for (WatchedCertificate& one : watched_.all()) {
    if (one.waits.empty() || one.told || loop_.now() - one.waits_since < kPatience) continue;
    one.told = true;
    LogWarn("certificate files have changed and cannot be used: the one in use stays",
            {{"service", one.service}, {"why", one.waits}});
  }
}

std::vector<CertificateExpiry> CertificateWatch::Expiries() const {
  using Key = std::pair<absl::string_view, absl::string_view>;
  absl::flat_hash_map<Key, int64_t> first;
  first.reserve(watched_.all().size());
  for (const WatchedCertificate& watched : watched_.all()) {
    if (watched.in_use == nullptr) continue;
    const Certificate& one = *watched.in_use;
    const std::string& name = one.names.empty() ? one.facts.subject : one.names[0];
    const auto [place, is_new] = first.try_emplace(Key(watched.service, name), one.facts.until_s);
    if (!is_new) place->second = std::min(place->second, one.facts.until_s);
  }
  std::vector<std::pair<int64_t, Key>> next;
  next.reserve(first.size());
  for (const auto& [key, until_s] : first) next.emplace_back(until_s, key);
  const size_t most = std::min(next.size(), kMostExpiries);
  std::partial_sort(next.begin(), next.begin() + static_cast<ptrdiff_t>(most), next.end());
  next.resize(most);
  std::vector<CertificateExpiry> expiries;
  for (const auto& [until_s, key] : next) {
    expiries.push_back(
        {.service = std::string(key.first), .name = std::string(key.second), .until_s = until_s});
  }
  for (const CertificateStats& one : pools_.List()) {
    expiries.push_back({.pool = one.pool,
                        .name = one.names.empty() ? one.subject : one.names[0],
                        .until_s = one.until_s});
  }
  std::stable_sort(expiries.begin(), expiries.end(),
                   [](const CertificateExpiry& one, const CertificateExpiry& other) {
                     return one.until_s < other.until_s;
                   });
  if (expiries.size() > kMostExpiries) expiries.resize(kMostExpiries);
  return expiries;
}

CertificateList CertificateWatch::List() const {
  CertificateList list;
  for (const WatchedCertificate& watched : watched_.all()) {
    const CertificateFacts facts =
        watched.in_use == nullptr ? CertificateFacts() : watched.in_use->facts;
    list.certificates.push_back({.service = watched.service,
                                 .subject = facts.subject,
                                 .names = facts.names,
                                 .until = facts.until,
                                 .until_s = facts.until_s,
                                 .fingerprint = facts.fingerprint,
                                 .chain_file = watched.files.chain_file,
                                 .key_file = watched.files.key_file,
                                 .ocsp_file = watched.files.ocsp_file,
                                 .loaded = watched.loaded,
                                 .waits = watched.waits});
  }
  for (CertificateStats& one : pools_.List()) list.certificates.push_back(std::move(one));
  return list;
}

}  // namespace koi
