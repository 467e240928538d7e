// SPDX-License-Identifier: Apache-2.0
// Services by endpoint.
#include "worker/service_table.h"

#include "absl/strings/str_cat.h"
#include "base/sealed_file.h"
#include "base/status_macros.h"
#include "tls/certificate_store.h"

namespace koi {
namespace {

absl::StatusOr<TlsContext> MakeContext(const WorkerService& service,
                                       const std::shared_ptr<TicketTable>& tickets) {
  if (service.certificates.file == nullptr) {
    return absl::InvalidArgumentError("no certificates came with it");
  }
  KOI_ASSIGN_OR_RETURN(const auto mapping, SealedMapping::Open(service.certificates.file->get()));
  KOI_ASSIGN_OR_RETURN(auto certificates, CertificateStore::Open(mapping->bytes(), mapping));
  const TlsSettings settings = {.service = service.name,
                                .options = service.tls_options,
                                .client_ca_pem = service.client_ca_pem,
                                .ticket_lifetime = service.ticket_lifetime,
                                .ignore_truncation = service.mode == ServiceMode::kTcp};
  return TlsContext::Create(settings, std::move(certificates), tickets);
}

}  // namespace

absl::Status ServiceTable::Add(const WorkerService& told, const ServiceTable& before,
                               const std::shared_ptr<TicketTable>& tickets,
                               WorkerCounters& counters) {
  std::shared_ptr<const Service> service;
  const auto same = before.by_name_.find(told.name);
  if (same != before.by_name_.end() && same->second->told == told) {
    service = same->second;
  } else {
    Service made{.told = told,
                 .tls = std::nullopt,
                 .routes = SniRoutes(told.routes),
                 .counters = counters.Service(told.number, told.name)};
    if (told.tls == TlsMode::kTerminate) {
      absl::StatusOr<TlsContext> context = MakeContext(told, tickets);
      if (!context.ok()) {
        return Annotate(context.status(), absl::StrCat("certificate of service ", told.name));
      }
      made.tls = *std::move(context);
      made.told.certificates.file.reset();  // mapped
    }
    service = std::make_shared<const Service>(std::move(made));
  }
  for (const Endpoint& endpoint : told.listen) {
    const auto [place, is_new] = by_endpoint_.try_emplace(endpoint, service);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("services ", place->second->told.name, " and ",
                                                     told.name, " both listen on ",
                                                     endpoint.ToString()));
    }
  }
  by_name_[told.name] = std::move(service);
  return absl::OkStatus();
}

std::shared_ptr<const Service> ServiceTable::Find(const Endpoint& endpoint) const {
  const auto found = by_endpoint_.find(endpoint);
  return found == by_endpoint_.end() ? nullptr : found->second;
}

}  // namespace koi
