// SPDX-License-Identifier: Apache-2.0
// stat(2), again and again: symbolic links are swapped far from the paths that are configured,
// where no watch of a folder would notice.
#include "manager/certificate_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kLookInterval = std::chrono::seconds(1);
constexpr Duration kPatience = std::chrono::seconds(5);
// Parsing takes a millisecond or so: a thousand at once would keep everybody else waiting.
constexpr int kReadsPerLook = 64;

FileIdentity IdentityOf(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return {};
  const auto nanoseconds = [](const timespec& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return {.there = true,
          .device = found.st_dev,
          .inode = found.st_ino,
          .bytes = found.st_size,
          .modified_ns = nanoseconds(found.st_mtim),
          .changed_ns = nanoseconds(found.st_ctim)};
}

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

void LogTaken(const std::string& service, const CertificateFacts& facts) {
  LogInfo("certificate replaced",
          {{"service", service},
           {"for", facts.names.empty() ? facts.subject : absl::StrJoin(facts.names, ",")},
           {"until", facts.until},
           {"sha256", facts.fingerprint}});
}

}  // namespace

void CertificateWatch::Follow(const Config& config) {
  const std::vector<Watched> before = std::exchange(watched_, {});
  for (const ServiceConfig& service : config.services) {
    for (const CertificateConfig& files : service.certificates) {
      Watched watched{.service = service.name, .files = files, .loaded = UtcNow()};
      for (const WorkerService& running : workers_.services()) {
        if (running.name != service.name) continue;
        const auto parsed = ParseCertificate(running.chain_pem, running.key_pem);
        if (parsed.ok()) watched.facts = FactsOf(*parsed);
      }
      for (const Watched& known : before) {
        if (known.service == watched.service && known.files.chain_file == files.chain_file &&
            known.files.key_file == files.key_file &&
            known.facts.fingerprint == watched.facts.fingerprint) {
          watched = known;
        }
      }
      watched_.push_back(std::move(watched));
    }
  }
  timer_ = loop_.After(kLookInterval, [this] { Look(); });
}

bool CertificateWatch::Changed(const Watched& watched) {
  return IdentityOf(watched.files.chain_file) != watched.chain ||
         IdentityOf(watched.files.key_file) != watched.key;
}

absl::StatusOr<bool> CertificateWatch::Read(Watched& watched,
                                            std::vector<WorkerService>& services) {
  // Before reading: what is written meanwhile is a change still to be seen.
  watched.chain = IdentityOf(watched.files.chain_file);
  watched.key = IdentityOf(watched.files.key_file);
  KOI_ASSIGN_OR_RETURN(CertificatePair pair,
                       LoadCertificate(watched.files.chain_file, watched.files.key_file));
  const auto service = std::find_if(
      services.begin(), services.end(),
      [&](const WorkerService& candidate) { return candidate.name == watched.service; });
  if (service == services.end()) return false;
  if (service->chain_pem == pair.chain_pem && service->key_pem == pair.key_pem) return false;
  if (!pair.warning.empty()) return absl::InvalidArgumentError(pair.warning);
  WorkerService changed = *service;
  changed.chain_pem = std::move(pair.chain_pem);
  changed.key_pem = std::move(pair.key_pem);
  KOI_RETURN_IF_ERROR(CheckFits(changed));
  *service = std::move(changed);
  watched.facts = std::move(pair.facts);
  return true;
}

void CertificateWatch::Look() {
  int reads = 0;
  std::vector<WorkerService> services;
  std::vector<Watched> taken;
  for (Watched& watched : watched_) {
    TellIfWaiting(watched);
    if (reads == kReadsPerLook || !Changed(watched)) continue;
    if (reads++ == 0) services = workers_.services();
    Watched next = watched;
    const absl::StatusOr<bool> read = Read(next, services);
    watched.chain = next.chain;
    watched.key = next.key;
    if (!read.ok()) {
      watched.waits = std::string(read.status().message());
      watched.waits_since = loop_.now();
      watched.told = false;
      continue;
    }
    watched.waits.clear();
    if (!*read) continue;
    watched.facts = next.facts;
    watched.loaded = UtcNow();
    taken.push_back(watched);
  }
  timer_ =
      loop_.After(reads == kReadsPerLook ? Duration::zero() : kLookInterval, [this] { Look(); });
  if (taken.empty()) return;
  const absl::Status updated = workers_.Update(std::move(services), workers_.pools());
  if (!updated.ok()) {
    LogError("certificates not replaced", {{"why", updated.message()}});
    return;
  }
  for (const Watched& watched : taken) LogTaken(watched.service, watched.facts);
  on_change_();
}

void CertificateWatch::TellIfWaiting(Watched& watched) {
  if (watched.waits.empty() || watched.told || loop_.now() - watched.waits_since < kPatience)
    return;
  watched.told = true;
  LogWarn("certificate files have changed and cannot be used: the one in use stays",
          {{"service", watched.service}, {"why", watched.waits}});
}

CertificateList CertificateWatch::Reload() {
  std::vector<Watched> next = watched_;
  std::vector<WorkerService> services = workers_.services();
  std::vector<std::string> errors;
  std::vector<const Watched*> taken;
  for (Watched& watched : next) {
    const absl::StatusOr<bool> read = Read(watched, services);
    if (!read.ok()) {
      errors.push_back(
          absl::StrCat("service \"", watched.service, "\": ", read.status().message()));
      continue;
    }
    watched.waits.clear();
    if (!*read) continue;
    watched.loaded = UtcNow();
    taken.push_back(&watched);
  }
  if (errors.empty() && !taken.empty()) {
    const absl::Status updated = workers_.Update(std::move(services), workers_.pools());
    if (!updated.ok()) errors.emplace_back(updated.message());
  }
  if (errors.empty()) {
    for (const Watched* watched : taken) LogTaken(watched->service, watched->facts);
    watched_ = std::move(next);  // keeps its elements where they are
    if (!taken.empty()) on_change_();
  }
  CertificateList list = List();
  list.changed = errors.empty() ? taken.size() : 0;
  list.errors = std::move(errors);
  return list;
}

CertificateList CertificateWatch::List() const {
  CertificateList list;
  for (const Watched& watched : watched_) {
    list.certificates.push_back({.service = watched.service,
                                 .subject = watched.facts.subject,
                                 .names = watched.facts.names,
                                 .until = watched.facts.until,
                                 .fingerprint = watched.facts.fingerprint,
                                 .chain_file = watched.files.chain_file,
                                 .key_file = watched.files.key_file,
                                 .loaded = watched.loaded,
                                 .waits = watched.waits});
  }
  return list;
}

}  // namespace koi
