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

absl::Status ServiceTable::Add(const WorkerService& message) {
  auto service = std::make_unique<Service>();
  service->name = message.name;
  service->mode = message.mode;
  service->redirect_to_https = message.redirect_to_https;
  service->pool = message.pool;
  if (message.tls) {
    KOI_ASSIGN_OR_RETURN(service->tls, ContextOf(message));
  }
  for (const Endpoint& endpoint : message.listen) {
    if (!by_endpoint_.try_emplace(endpoint, service.get()).second) {
      return absl::InvalidArgumentError(absl::StrCat("services ", by_endpoint_[endpoint]->name,
                                                     " and ", service->name, " both listen on ",
                                                     endpoint.ToString()));
    }
  }
  services_.push_back(std::move(service));
  return absl::OkStatus();
}

const Service* ServiceTable::Find(const Endpoint& endpoint) const {
  const auto found = by_endpoint_.find(endpoint);
  return found == by_endpoint_.end() ? nullptr : found->second;
}

}  // namespace koi
