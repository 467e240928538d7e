// SPDX-License-Identifier: Apache-2.0
// stat(2), again and again: symbolic links are swapped far from the paths that are configured,
// where no watch of a folder would notice.
#include "manager/certificate_watch.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kLookInterval = std::chrono::seconds(1);
constexpr Duration kPatience = std::chrono::seconds(5);
// A look takes a few milliseconds: everybody else waits meanwhile.
constexpr int kReadsPerLook = 64;
constexpr size_t kFilesPerLook = 1000;
constexpr size_t kMostExpiries = 1000;

std::array<FileIdentity, 3> IdentitiesOf(const CertificateConfig& files) {
  return {IdentityOf(files.chain_file),
          files.key_file == files.chain_file ? FileIdentity() : IdentityOf(files.key_file),
          IdentityOf(files.ocsp_file)};
}

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

// What is watched already, by service and files.
using WatchedKey = std::pair<std::string, std::string>;

}  // namespace

void CertificateWatch::Follow(const Config& config, const CertificateSets& certificates) {
  std::map<WatchedKey, Watched> before;
  for (Watched& watched : std::exchange(watched_, {})) {
    before[{watched.service, watched.files.chain_file}] = std::move(watched);
  }
  const std::string now = UtcNow();
  folders_.clear();
  changed_.clear();
  next_ = 0;
  for (const ServiceConfig& service : config.services) {
    const auto in_use = certificates.find(service.name);
    if (in_use == certificates.end()) continue;
    for (const auto& certificate : in_use->second) {
      Watched watched{.service = service.name,
                      .files = certificate->files,
                      .in_use = certificate,
                      .loaded = now};
      const auto known = before.find({service.name, certificate->files.chain_file});
      if (known != before.end() && known->second.in_use == certificate) watched = known->second;
      watched_.push_back(std::move(watched));
    }
    if (!service.certificates_folder.empty()) {
      folders_.push_back({.service = service.name, .path = service.certificates_folder});
    }
  }
  pools_.Follow(config, workers_.pools());
  timer_ = loop_.After(kLookInterval, [this] { Look(); });
}

bool CertificateWatch::Changed(const Watched& watched) {
  return IdentitiesOf(watched.files) != watched.seen;
}

absl::StatusOr<bool> CertificateWatch::Read(Watched& watched) {
  // Before reading: what is written meanwhile is a change still to be seen.
  watched.seen = IdentitiesOf(watched.files);
  KOI_ASSIGN_OR_RETURN(
      auto certificate,
      reader_.Load(
          watched.files, [](const std::string& path) { return ReadFile(path); }, watched.in_use));
  if (watched.in_use != nullptr && certificate->digest == watched.in_use->digest) return false;
  if (certificate->facts.until_s <= absl::ToUnixSeconds(absl::Now())) {
    return absl::InvalidArgumentError(absl::StrJoin(certificate->warnings, "; "));
  }
  watched.in_use = std::move(certificate);
  watched.loaded = UtcNow();
  return true;
}

int CertificateWatch::ReadChanged() {
  int reads = 0;
  const size_t files = std::min(watched_.size(), kFilesPerLook);
  for (size_t looked = 0; looked < files && reads < kReadsPerLook; ++looked) {
    next_ = next_ + 1 < watched_.size() ? next_ + 1 : 0;
    Watched& watched = watched_[next_];
    TellIfWaiting(watched);
    if (!Changed(watched)) continue;
    ++reads;
    const absl::StatusOr<bool> read = Read(watched);
    if (!read.ok()) {
      watched.waits = std::string(read.status().message());
      watched.waits_since = loop_.now();
      watched.told = false;
      continue;
    }
    watched.waits.clear();
    if (!*read) continue;
    changed_.insert(watched.service);
    LogTaken(watched);
  }
  return reads;
}

void CertificateWatch::Look() {
  LookAtFolders();
  const bool more = ReadChanged() == kReadsPerLook;
  timer_ = loop_.After(more ? Duration::zero() : kLookInterval, [this] { Look(); });
  // Many that change at once are told at once.
  if (more) return;
  const bool pools_changed = pools_.Look(loop_.now(), kPatience);
  if (!pools_changed && changed_.empty()) return;
  const absl::Status told = Tell();
  if (!told.ok()) {
    LogError("certificates not replaced", {{"why", told.message()}});
    return;
  }
  on_change_();
}

void CertificateWatch::LookAtFolders() {
  for (Folder& folder : folders_) {
    const FileIdentity identity = IdentityOf(folder.path);
    if (identity == folder.seen) continue;
    folder.seen = identity;
    ListFolder(folder, watched_);
  }
}

void CertificateWatch::ListFolder(const Folder& folder, std::vector<Watched>& watched) {
  const auto files = FilesIn(folder.path);
  if (!files.ok()) return;  // what is in use stays
  const std::string inside = absl::StrCat(folder.path, "/");
  const auto is_of_folder = [&](const Watched& one) {
    return one.service == folder.service && one.files.chain_file.rfind(inside, 0) == 0 &&
           one.files.chain_file.find('/', inside.size()) == std::string::npos;
  };
  std::map<std::string, Watched> before;
  std::vector<Watched> after;
  size_t place = 0;  // behind the others of the service
  for (Watched& one : watched) {
    if (is_of_folder(one)) {
      before[one.files.chain_file] = std::move(one);
      continue;
    }
    const bool is_last = one.service == folder.service;
    after.push_back(std::move(one));
    if (is_last) place = after.size();
  }
  std::vector<Watched> listed;
  for (const CertificateConfig& one : *files) {
    const auto known = before.find(one.chain_file);
    Watched next{.service = folder.service, .files = one};
    if (known != before.end()) {
      next = std::move(known->second);
      if (next.files != one) {  // a key or response file has come or gone
        next.files = one;
        next.seen = {};
      }
      before.erase(known);
    }
    listed.push_back(std::move(next));
  }
  if (!before.empty()) changed_.insert(folder.service);
  after.insert(after.begin() + static_cast<ptrdiff_t>(place),
               std::make_move_iterator(listed.begin()), std::make_move_iterator(listed.end()));
  watched = std::move(after);
  next_ = 0;
}

absl::Status CertificateWatch::Tell() {
  const CertificateSets sets = certificates();
  std::vector<WorkerService> services = workers_.services();
  for (WorkerService& service : services) {
    if (changed_.count(service.name) == 0) continue;
    const auto set = sets.find(service.name);
    if (set == sets.end()) continue;  // its last one was taken out of the folder: it stays in use
    KOI_ASSIGN_OR_RETURN(service.certificates, FileOf(set->second));
  }
  changed_.clear();
  return workers_.Update(std::move(services), pools_.With(workers_.pools()));
}

void CertificateWatch::LogTaken(const Watched& watched) const {
  const CertificateFacts& facts = watched.in_use->facts;
  LogInfo("certificate replaced",
          {{"service", watched.service},
           {"for", facts.names.empty() ? facts.subject : absl::StrJoin(facts.names, ",")},
           {"until", facts.until},
           {"sha256", facts.fingerprint}});
}

void CertificateWatch::TellIfWaiting(Watched& watched) {
  if (watched.waits.empty() || watched.told || loop_.now() - watched.waits_since < kPatience)
    return;
  watched.told = true;
  LogWarn("certificate files have changed and cannot be used: the one in use stays",
          {{"service", watched.service}, {"why", watched.waits}});
}

CertificateList CertificateWatch::Reload() {
  std::vector<Watched> before = watched_;
  const PoolTlsWatch pools_before = pools_;
  for (const Folder& folder : folders_) ListFolder(folder, watched_);
  std::vector<std::string> pools;
  std::vector<std::string> errors = pools_.Reload(pools);
  std::vector<size_t> taken;
  for (size_t i = 0; i < watched_.size(); ++i) {
    const absl::StatusOr<bool> read = Read(watched_[i]);
    watched_[i].waits = std::string(read.status().message());
    if (!read.ok()) {
      // One of a folder that could never be used keeps nobody from replacing others.
      if (watched_[i].in_use == nullptr) continue;
      errors.push_back(absl::StrCat("service \"", watched_[i].service, "\": ", watched_[i].waits));
      continue;
    }
    if (!*read) continue;
    changed_.insert(watched_[i].service);
    taken.push_back(i);
  }
  if (errors.empty() && (!changed_.empty() || !pools.empty())) {
    const absl::Status told = Tell();
    if (!told.ok()) errors.emplace_back(told.message());
    if (told.ok()) on_change_();
  }
  if (errors.empty()) {
    for (const size_t i : taken) LogTaken(watched_[i]);
    for (const std::string& pool : pools) {
      LogInfo("files of a pool's tls replaced", {{"pool", pool}});
    }
  } else {
    watched_ = std::move(before);
    pools_ = pools_before;
    changed_.clear();
    next_ = 0;
  }
  CertificateList list = List();
  list.changed = errors.empty() ? taken.size() + pools.size() : 0;
  list.errors = std::move(errors);
  return list;
}

std::vector<CertificateExpiry> CertificateWatch::Expiries() const {
  std::map<WatchedKey, int64_t> first;
  for (const Watched& watched : watched_) {
    if (watched.in_use == nullptr) continue;
    const Certificate& one = *watched.in_use;
    const std::string& name = one.names.empty() ? one.facts.subject : one.names[0];
    const auto [place, is_new] = first.try_emplace({watched.service, name}, one.facts.until_s);
    if (!is_new) place->second = std::min(place->second, one.facts.until_s);
  }
  std::vector<CertificateExpiry> expiries;
  for (const auto& [key, until_s] : first) expiries.push_back({key.first, key.second, until_s});
  std::stable_sort(expiries.begin(), expiries.end(),
                   [](const CertificateExpiry& one, const CertificateExpiry& other) {
                     return one.until_s < other.until_s;
                   });
  if (expiries.size() > kMostExpiries) expiries.resize(kMostExpiries);
  return expiries;
}

CertificateSets CertificateWatch::certificates() const {
  CertificateSets sets;
  for (const Watched& watched : watched_) {
    if (watched.in_use != nullptr) sets[watched.service].push_back(watched.in_use);
  }
  return sets;
}

CertificateList CertificateWatch::List() const {
  CertificateList list;
  for (const Watched& watched : watched_) {
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
  return list;
}

}  // namespace koi
