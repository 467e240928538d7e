// SPDX-License-Identifier: Apache-2.0
// stat(2), again and again: symbolic links are swapped far from the paths that are configured,
// where no watch of a folder would notice.
#include "manager/watched_certificates.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// What is known already of a service's certificates, by their chain files.
using KnownCertificates = absl::flat_hash_map<std::string, WatchedCertificate>;

std::array<FileIdentity, 3> IdentitiesOf(const CertificateConfig& files) {
  return {IdentityOf(files.chain_file),
          files.key_file == files.chain_file ? FileIdentity() : IdentityOf(files.key_file),
          IdentityOf(files.ocsp_file)};
}

bool HasChanged(const WatchedCertificate& one) { return IdentitiesOf(one.files) != one.seen; }

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

bool IsIn(absl::string_view folder, absl::string_view file) {
  return absl::StartsWith(file, folder) && file.size() > folder.size() &&
         file[folder.size()] == '/' && file.find('/', folder.size() + 1) == file.npos;
}

// True: it has another certificate now.
absl::StatusOr<bool> ReadOne(WatchedCertificate& one, CertificateReader& reader,
                             const PemReader& files) {
  // Before reading: what is written meanwhile is a change still to be seen.
  one.seen = IdentitiesOf(one.files);
  KOI_ASSIGN_OR_RETURN(auto certificate, reader.Load(one.files, files, one.in_use));
  if (one.in_use != nullptr && certificate->digest == one.in_use->digest) return false;
  if (certificate->facts.until_s <= absl::ToUnixSeconds(absl::Now())) {
    return absl::InvalidArgumentError(absl::StrJoin(certificate->warnings, "; "));
  }
  one.in_use = std::move(certificate);
  one.loaded = UtcNow();
  return true;
}

}  // namespace

void WatchedCertificates::Follow(const Config& config, const CertificateSets& certificates) {
  // Of ten thousand nothing is copied: the event loop does this.
  std::vector<WatchedCertificate> before = std::exchange(all_, {});
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, WatchedCertificate*> places;
  places.reserve(before.size());
  for (WatchedCertificate& one : before) places[{one.service, one.files.chain_file}] = &one;
  all_.reserve(before.size());
  const std::string now = UtcNow();
  folders_.clear();
  next_ = 0;
  for (const ServiceConfig& service : config.services) {
    const auto in_use = certificates.find(service.name);
    if (in_use == certificates.end()) continue;
    for (const auto& certificate : in_use->second) {
      const auto known = places.find({service.name, certificate->files.chain_file});
      if (known != places.end() && known->second->in_use == certificate) {
        all_.push_back(std::move(*known->second));
        places.erase(known);
        continue;
      }
      all_.push_back({.service = service.name,
                      .files = certificate->files,
                      .in_use = certificate,
                      .loaded = now});
    }
    if (!service.certificates_folder.empty()) {
      folders_.push_back({.service = service.name, .path = service.certificates_folder});
    }
  }
}

bool WatchedCertificates::Changed(size_t most) {
  for (const Folder& folder : folders_) {
    if (IdentityOf(folder.path) != folder.seen) return true;
  }
  for (size_t left = std::min(all_.size(), most); left > 0; --left) {
    next_ = next_ + 1 < all_.size() ? next_ + 1 : 0;
    if (HasChanged(all_[next_])) return true;
  }
  return false;
}

WatchedCertificates::Changes WatchedCertificates::Read(Which which, CertificateReader& reader,
                                                       const GoOn& go_on) {
  Changes changes;
  std::set<std::string> services;
  for (Folder& folder : folders_) {
    const FileIdentity identity = IdentityOf(folder.path);
    if (which == Which::kChanged && identity == folder.seen) continue;
    folder.seen = identity;
    if (ListFolder(folder)) services.insert(folder.service);
  }
  const PemReader files = FilesWhile(go_on);
  for (size_t i = 0; i < all_.size() && go_on(); ++i) {
    WatchedCertificate& one = all_[i];
    if (which == Which::kChanged && !HasChanged(one)) continue;
    const absl::StatusOr<bool> read = ReadOne(one, reader, files);
    one.waits = std::string(read.status().message());
    one.waits_since = Now();
    one.told = false;
    if (!read.ok()) {
      if (one.in_use == nullptr) continue;
      changes.errors.push_back(absl::StrCat("service \"", one.service, "\": ", one.waits));
      continue;
    }
    if (!*read) continue;
    services.insert(one.service);
    changes.taken.push_back(i);
  }
  if (!go_on()) return changes;
  const absl::Status made = MakeFiles(services, changes);
  if (!made.ok()) changes.errors.emplace_back(made.message());
  return changes;
}

bool WatchedCertificates::ListFolder(const Folder& folder) {
  const auto files = FilesIn(folder.path);
  if (!files.ok()) return false;  // what is in use stays
  KnownCertificates before;
  std::vector<WatchedCertificate> after;
  size_t place = 0;  // behind the others of the service
  for (WatchedCertificate& one : all_) {
    if (one.service == folder.service && IsIn(folder.path, one.files.chain_file)) {
      std::string chain_file = one.files.chain_file;
      before.emplace(std::move(chain_file), std::move(one));
      continue;
    }
    const bool is_last = one.service == folder.service;
    after.push_back(std::move(one));
    if (is_last) place = after.size();
  }
  std::vector<WatchedCertificate> listed;
  for (const CertificateConfig& one : *files) {
    const auto known = before.find(one.chain_file);
    if (known == before.end()) {
      listed.push_back({.service = folder.service, .files = one});
      continue;
    }
    listed.push_back(std::move(known->second));
    before.erase(known);
    if (listed.back().files == one) continue;
    listed.back().files = one;  // a key or response file has come or gone
    listed.back().seen = {};
  }
  after.insert(after.begin() + static_cast<ptrdiff_t>(place),
               std::make_move_iterator(listed.begin()), std::make_move_iterator(listed.end()));
  all_ = std::move(after);
  return !before.empty();
}

absl::Status WatchedCertificates::MakeFiles(const std::set<std::string>& services,
                                            Changes& changes) const {
  if (services.empty()) return absl::OkStatus();
  const CertificateSets all = sets();
  for (const std::string& service : services) {
    const auto set = all.find(service);
    if (set == all.end()) continue;  // its last one was taken out of the folder: it stays in use
    KOI_ASSIGN_OR_RETURN(changes.services[service], FileOf(set->second));
  }
  return absl::OkStatus();
}

CertificateSets WatchedCertificates::sets() const {
  CertificateSets sets;
  for (const WatchedCertificate& one : all_) {
    if (one.in_use != nullptr) sets[one.service].push_back(one.in_use);
  }
  return sets;
}

}  // namespace koi
