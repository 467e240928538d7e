// SPDX-License-Identifier: Apache-2.0
// Reading the certificates of services.
#include "manager/service_loader.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "http/welcome_page.h"
#include "manager/pool_loader.h"
#include "manager/worker_fleet.h"
#include "tls/certificate_bundle.h"
#include "tls/certificate_store.h"
#include "tls/context.h"
#include "tls/self_signed.h"
#include "tls/ticket_table.h"

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

// What workers will do with `service`: OpenSSL judges some of it only here.
absl::Status Try(const WorkerService& service, const CertificateSet& certificates) {
  const auto first = std::make_shared<const std::string>(EncodeBundle({certificates.front()}));
  KOI_ASSIGN_OR_RETURN(auto store, CertificateStore::Open(*first, first));
  return TlsContext::Create(
             {.options = service.tls_options, .client_ca_pem = service.client_ca_pem},
             std::move(store), std::make_shared<TicketTable>())
      .status();
}

// All that is about TLS.
void LoadTls(const Config& config, const ServiceConfig& configured, const ServiceReaders& readers,
             WorkerService& service, LoadedServices& loaded) {
  const auto said = [&](absl::string_view sentence) {
    return absl::StrCat("service \"", configured.name, "\": ", sentence);
  };
  service.tls_options = configured.tls_options;
  service.ticket_lifetime = config.tickets.rotation;
  LoadedCertificates read = readers.certificates(configured);
  for (const std::string& warning : read.warnings) loaded.warnings.push_back(said(warning));
  for (const std::string& error : read.errors) loaded.errors.push_back(said(error));
  if (!configured.client_ca_file.empty()) {
    absl::StatusOr<std::string> authorities = readers.authorities(configured.client_ca_file);
    if (authorities.ok()) {
      service.client_ca_pem = *std::move(authorities);
    } else {
      loaded.errors.push_back(said(absl::StrCat("client_ca: ", authorities.status().message())));
      return;
    }
  }
  if (!read.errors.empty()) return;
  absl::StatusOr<MessageFile> file = FileOf(read.certificates);
  const absl::Status usable = file.ok() ? Try(service, read.certificates) : file.status();
  if (!usable.ok()) {
    loaded.errors.push_back(said(usable.message()));
    return;
  }
  service.certificates = *std::move(file);
  loaded.certificates[configured.name] = std::move(read.certificates);
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

LoadedServices LoadServices(const Config& config, const ServiceReaders& readers) {
  LoadedServices loaded;
  for (const ServiceConfig& configured : config.services) {
    if (configured.is_l4()) continue;
    const uint32_t pool = configured.pool.has_value() ? config.pools[*configured.pool].number : 0;
    WorkerService service{.number = configured.number,
                          .name = configured.name,
                          .mode = configured.mode,
                          .listen = configured.listen,
                          .tls = configured.tls,
                          .tls_options = {},
                          .client_ca_pem = "",
                          .certificates = {},
                          .ticket_lifetime = {},
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
    if (configured.tls == TlsMode::kTerminate) {
      LoadTls(config, configured, readers, service, loaded);
    }
    if (const absl::Status fits = CheckFits(service); !fits.ok()) {
      loaded.errors.emplace_back(fits.message());
    }
    loaded.services.push_back(std::move(service));
  }
  LoadedPools pools = LoadPools(config, readers.authorities);
  loaded.pools = std::move(pools.pools);
  for (std::string& error : pools.errors) loaded.errors.push_back(std::move(error));
  for (std::string& warning : pools.warnings) loaded.warnings.push_back(std::move(warning));
  return loaded;
}

}  // namespace koi
