// SPDX-License-Identifier: Apache-2.0
// Reading the certificates of services.
#include "manager/service_loader.h"

#include "absl/strings/str_cat.h"
#include "tls/certificates.h"

namespace koi {

LoadedServices LoadServices(const Config& config) {
  LoadedServices loaded;
  for (uint32_t number = 0; number < config.services.size(); ++number) {
    const ServiceConfig& configured = config.services[number];
    WorkerService service{.number = number,
                          .name = configured.name,
                          .mode = configured.mode,
                          .listen = configured.listen,
                          .tls = configured.tls,
                          .chain_pem = "",
                          .key_pem = "",
                          .redirect_to_https = configured.redirect_to_https,
                          .pool = configured.pool.value_or(0)};
    for (const CertificateConfig& files : configured.certificates) {
      absl::StatusOr<CertificatePair> pair = LoadCertificate(files.chain_file, files.key_file);
      if (!pair.ok()) {
        loaded.errors.push_back(
            absl::StrCat("service \"", configured.name, "\": ", pair.status().message()));
        continue;
      }
      if (!pair->warning.empty()) {
        loaded.warnings.push_back(
            absl::StrCat("service \"", configured.name, "\": ", pair->warning));
      }
      service.chain_pem = pair->chain_pem;
      service.key_pem = pair->key_pem;
    }
    loaded.services.push_back(std::move(service));
  }
  return loaded;
}

}  // namespace koi
