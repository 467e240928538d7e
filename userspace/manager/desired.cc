// SPDX-License-Identifier: Apache-2.0
// From texts to a Desired.
#include "manager/desired.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/numbers.h"
#include "config/state_changes.h"

namespace koi {
namespace {

// Reads by `read`, and remembers in `files`.
ConfigFileReader Remembering(const ConfigFileReader& read,
                             std::map<std::string, std::string>& files) {
  return [&read, &files](const std::string& path) {
    absl::StatusOr<std::string> text = read(path);
    if (text.ok()) files[path] = *text;
    return text;
  };
}

}  // namespace

NamedFileReaders DiskReaders(const CertificateSets& before, GoOn go_on) {
  const auto reader = std::make_shared<CertificateReader>();
  const PemReader files = FilesWhile(std::move(go_on));
  return {.secrets = ReadNamedFile,
          .services = {.certificates =
                           [reader, files, &before](const ServiceConfig& service) {
                             const auto known = before.find(service.name);
                             return LoadCertificates(
                                 service, *reader, files,
                                 known == before.end() ? CertificateSet() : known->second);
                           },
                       .authorities = files},
          .on_disk = true};
}

NamedFileReaders KeptReaders(const std::map<std::string, std::string>& files,
                             const CertificateSets& certificates, GoOn go_on) {
  const ConfigFileReader kept = [&files](const std::string& path) -> absl::StatusOr<std::string> {
    const auto found = files.find(path);
    if (found != files.end()) return found->second;
    return absl::NotFoundError(absl::StrCat(path, " was not kept"));
  };
  const CertificateSource on_disk =
      DiskReaders(certificates, std::move(go_on)).services.certificates;
  return {.secrets = kept,
          .services = {.certificates =
                           [on_disk, &certificates](const ServiceConfig& service) {
                             const auto found = certificates.find(service.name);
                             if (found == certificates.end()) return on_disk(service);
                             return LoadedCertificates{.certificates = found->second};
                           },
                       .authorities = kept}};
}

std::vector<std::string> PutState(const State& state, Desired& desired) {
  AppliedState applied = ApplyState(state, desired.file);
  desired.config = std::move(applied.config);
  desired.state = std::move(applied.state);
  if (!applied.dropped.empty()) ++desired.state.revision;
  return std::move(applied.dropped);
}

DesiredResult MakeDesired(ConfigTexts texts, const NamedFileReaders& readers, const State& state,
                          const Config& numbered) {
  DesiredResult result;
  result.errors = std::move(texts.errors);
  result.warnings = std::move(texts.warnings);
  result.chosen = std::move(texts.chosen);
  if (!result.errors.empty()) return result;

  Desired desired;
  ConfigResult parsed = ParseConfig(texts.sources, Remembering(readers.secrets, desired.files));
  result.errors = std::move(parsed.errors);
  result.warnings.insert(result.warnings.end(), parsed.warnings.begin(), parsed.warnings.end());
  if (!parsed.config.has_value()) return result;
  desired.sources = std::move(texts.sources);
  desired.file = *std::move(parsed.config);
  AssignNumbers(numbered, desired.file);

  if (readers.on_disk) {
    for (std::string& error : EnsureCertificates(desired.file)) {
      result.errors.push_back({.message = std::move(error)});
    }
    if (!result.errors.empty()) return result;
  }
  LoadedServices loaded = LoadServices(
      desired.file, {.certificates = readers.services.certificates,
                     .authorities = Remembering(readers.services.authorities, desired.files)});
  for (std::string& error : loaded.errors) result.errors.push_back({.message = std::move(error)});
  result.warnings.insert(result.warnings.end(), loaded.warnings.begin(), loaded.warnings.end());
  if (!result.errors.empty()) return result;
  desired.services = std::move(loaded.services);
  desired.certificates = std::move(loaded.certificates);
  desired.pools = std::move(loaded.pools);

  result.dropped = PutState(state, desired);
  result.desired = std::move(desired);
  return result;
}

}  // namespace koi
