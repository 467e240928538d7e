// SPDX-License-Identifier: Apache-2.0
// Folders and files of certificates.
#include "manager/certificate_loader.h"

#include <algorithm>
#include <filesystem>
#include <list>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/sealed_file.h"
#include "base/status_macros.h"
#include "tls/certificate_bundle.h"

namespace koi {
namespace {

std::shared_ptr<const Certificate> OfFiles(const CertificateSet& certificates,
                                           const CertificateConfig& files) {
  for (const auto& certificate : certificates) {
    if (certificate->files == files) return certificate;
  }
  return nullptr;
}

void Load(const CertificateConfig& files, CertificateReader& reader, const PemReader& read,
          std::shared_ptr<const Certificate> before, LoadedCertificates& loaded,
          std::vector<std::string>& problems) {
  auto certificate = reader.Load(files, read, std::move(before));
  if (!certificate.ok()) {
    problems.emplace_back(certificate.status().message());
    return;
  }
  for (const std::string& warning : (*certificate)->warnings) loaded.warnings.push_back(warning);
  loaded.certificates.push_back(*std::move(certificate));
}

}  // namespace

PemReader FilesWhile(GoOn go_on) {
  return [go_on = std::move(go_on)](const std::string& path) -> absl::StatusOr<std::string> {
    if (!go_on()) return absl::CancelledError("not wanted any more");
    return ReadFile(path);
  };
}

absl::StatusOr<std::vector<CertificateConfig>> FilesIn(const std::string& folder) {
  absl::flat_hash_set<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  std::vector<CertificateConfig> found;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".pem") || absl::StartsWith(name, ".")) continue;
    const std::string chain = absl::StrCat(folder, "/", name);
    const std::string stem = name.substr(0, name.size() - 4);
    CertificateConfig files = {.chain_file = chain, .key_file = chain};
    if (const std::string key = absl::StrCat(stem, ".key"); names.contains(key)) {
      files.key_file = absl::StrCat(folder, "/", key);
    }
    if (const std::string ocsp = absl::StrCat(stem, ".ocsp"); names.contains(ocsp)) {
      files.ocsp_file = absl::StrCat(folder, "/", ocsp);
    }
    found.push_back(std::move(files));
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat("cannot read ", folder, ": ", error.message()));
  }
  std::sort(found.begin(), found.end(),
            [](const CertificateConfig& one, const CertificateConfig& other) {
              return one.chain_file < other.chain_file;
            });
  return found;
}

LoadedCertificates LoadCertificates(const ServiceConfig& service, CertificateReader& reader,
                                    const PemReader& read, const CertificateSet& before) {
  LoadedCertificates loaded;
  for (const CertificateConfig& files : service.certificates) {
    Load(files, reader, read, OfFiles(before, files), loaded, loaded.errors);
  }
  if (service.certificates_folder.empty()) return loaded;
  const auto in_folder = FilesIn(service.certificates_folder);
  if (!in_folder.ok()) {
    loaded.errors.emplace_back(in_folder.status().message());
    return loaded;
  }
  std::map<std::string, std::shared_ptr<const Certificate>> known;
  for (const auto& certificate : before) known[certificate->files.chain_file] = certificate;
  for (const CertificateConfig& files : *in_folder) {
    const auto same = known.find(files.chain_file);
    Load(files, reader, read, same == known.end() ? nullptr : same->second, loaded,
         loaded.warnings);
  }
  if (loaded.certificates.empty() && loaded.errors.empty()) {
    loaded.errors.push_back(
        absl::StrCat(service.certificates_folder, " has no certificate: expected NAME.pem files"));
  }
  return loaded;
}

absl::StatusOr<MessageFile> FileOf(const CertificateSet& certificates) {
  KOI_ASSIGN_OR_RETURN(Fd file, SealBytes("koi-certificates", EncodeBundle(certificates)));
  return MessageFile{.digest = DigestOf(certificates),
                     .file = std::make_shared<const Fd>(std::move(file))};
}

absl::StatusOr<Fd> FileOfAll(const std::vector<WorkerService>& services) {
  std::vector<std::shared_ptr<const SealedMapping>> bundles;
  std::list<std::string> heads;  // their bytes stay where they are
  ByteWriter count;
  count.U32(static_cast<uint32_t>(std::count_if(
      services.begin(), services.end(),
      [](const WorkerService& service) { return service.certificates.file != nullptr; })));
  heads.push_back(count.Take());
  std::vector<absl::string_view> pieces = {heads.back()};
  for (const WorkerService& service : services) {
    if (service.certificates.file == nullptr) continue;
    KOI_ASSIGN_OR_RETURN(const auto bundle, SealedMapping::Open(service.certificates.file->get()));
    ByteWriter head;
    head.U32(static_cast<uint32_t>(service.name.size()));
    head.Bytes(service.name);
    head.U32(static_cast<uint32_t>(bundle->bytes().size()));
    heads.push_back(head.Take());
    pieces.insert(pieces.end(), {absl::string_view(heads.back()), bundle->bytes()});
    bundles.push_back(bundle);
  }
  return SealPieces("koi-certificates", pieces);
}

absl::StatusOr<CertificateSets> DecodeCertificateSets(absl::string_view bytes) {
  CertificateSets sets;
  ByteReader reader(bytes);
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    const std::string service(reader.Bytes(reader.U32()));
    KOI_ASSIGN_OR_RETURN(sets[service], CertificatesOf(reader.Bytes(reader.U32())));
  }
  if (!reader.ok() || !reader.rest().empty()) {
    return absl::DataLossError("the certificates that were in use cannot be read");
  }
  return sets;
}

}  // namespace koi
