// SPDX-License-Identifier: Apache-2.0
// Reading the certificates of services.
#include "manager/service_loader.h"

#include "absl/strings/str_cat.h"
#include "http/welcome_page.h"
#include "manager/worker_fleet.h"
#include "tls/certificates.h"
#include "tls/self_signed.h"

namespace koi {
namespace {

// The addresses that `service` listens on are those its clients will ask the certificate for.
absl::Status EnsureCertificate(const Config& config, const ServiceConfig& service) {
  if (!service.self_signed) return absl::OkStatus();
  CertificateSubject subject = {.name = config.node.name};
  for (const Endpoint& listen : service.listen) subject.addresses.push_back(listen.address);
  const CertificateConfig& files = service.certificates.front();
  return EnsureSelfSigned(files.chain_file, files.key_file, subject);
}

std::vector<WorkerRoute> RoutesOf(const Config& config, const ServiceConfig& service) {
  std::vector<WorkerRoute> routes;
  for (const RouteConfig& route : service.routes) {
    routes.push_back({.sni = route.sni, .pool = config.pools[route.pool].number});
  }
  return routes;
}

}  // namespace

std::vector<std::string> EnsureCertificates(const Config& config) {
  std::vector<std::string> errors;
  for (const ServiceConfig& service : config.services) {
    const absl::Status made = EnsureCertificate(config, service);
    if (made.ok()) continue;
    errors.push_back(
        absl::StrCat("service \"", service.name, "\": self-signed certificate: ", made.message()));
  }
  return errors;
}

LoadedServices LoadServices(const Config& config, const ConfigFileReader& read) {
  LoadedServices loaded;
  for (const ServiceConfig& configured : config.services) {
    const uint32_t pool = configured.pool.has_value() ? config.pools[*configured.pool].number : 0;
    WorkerService service{.number = configured.number,
                          .name = configured.name,
                          .mode = configured.mode,
                          .listen = configured.listen,
                          .tls = configured.tls,
                          .chain_pem = "",
                          .key_pem = "",
                          .redirect_to_https = configured.redirect_to_https,
                          .welcome_page = "",
                          .pool = pool,
                          .access_log = !configured.access_log.empty(),
                          .timeouts = configured.timeouts,
                          .limits = configured.limits,
                          .routes = RoutesOf(config, configured),
                          .routes_only = !configured.routes.empty() && !configured.pool.has_value(),
                          .accept_proxy = configured.accept_proxy,
                          .trusted_proxies = configured.trusted_proxies,
                          .http = configured.http};
    if (configured.welcome_when_empty) {
      service.welcome_page = WelcomePage(config.pools[*configured.pool].name, config.node.name);
    }
    for (const CertificateConfig& files : configured.certificates) {
      absl::StatusOr<CertificatePair> pair =
          LoadCertificate(files.chain_file, files.key_file, read);
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
    if (const absl::Status fits = CheckFits(service); !fits.ok()) {
      loaded.errors.emplace_back(fits.message());
    }
    loaded.services.push_back(std::move(service));
  }
  for (const PoolConfig& pool : config.pools) {
    loaded.pools.push_back({.number = pool.number,
                            .name = pool.name,
                            .balance = pool.balance,
                            .slow_start = pool.slow_start,
                            .send_proxy = pool.send_proxy,
                            .timeouts = pool.timeouts,
                            .limits = pool.limits});
  }
  return loaded;
}

}  // namespace koi
