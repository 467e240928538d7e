// SPDX-License-Identifier: Apache-2.0
// Services by endpoint.
#include "worker/service_table.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

absl::StatusOr<TlsContext> ContextOf(const WorkerService& service) {
  const auto protocol =
      service.mode == ServiceMode::kHttp ? TlsProtocol::kHttp1 : TlsProtocol::kAny;
  absl::StatusOr<TlsContext> context =
      TlsContext::Create(service.chain_pem, service.key_pem, protocol);
  if (!context.ok()) {
    return Annotate(context.status(), absl::StrCat("certificate of service ", service.name));
  }
  return context;
}

}  // namespace

absl::Status ServiceTable::Add(const WorkerService& told, const ServiceTable& before,
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
      KOI_ASSIGN_OR_RETURN(made.tls, ContextOf(told));
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
