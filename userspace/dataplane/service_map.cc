// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_services.
#include "dataplane/service_map.h"

#include <koi/abi/service.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/text.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

koi_service_key KeyOf(const ServicePort& port) {
  return {.vip_number = port.vip_number, .port = port.port, .protocol = port.protocol, .pad = 0};
}

koi_service_mode ToAbi(ServiceMode mode) {
  switch (mode) {
    case ServiceMode::kHttp: return KOI_SERVICE_HTTP;
    case ServiceMode::kTcp: return KOI_SERVICE_TCP;
    case ServiceMode::kL4: return KOI_SERVICE_L4;
  }
  KOI_UNREACHABLE();
}

absl::StatusOr<ServiceMode> FromAbi(koi_service_mode mode) {
  switch (mode) {
    case KOI_SERVICE_HTTP: return ServiceMode::kHttp;
    case KOI_SERVICE_TCP: return ServiceMode::kTcp;
    case KOI_SERVICE_L4: return ServiceMode::kL4;
    case KOI_SERVICE_NONE: break;
  }
  return absl::DataLossError(absl::StrCat("koi_services has a service of mode ", +mode));
}

}  // namespace

absl::Status ServiceMap::Set(const ServiceEntry& service) {
  koi_service value = {
      .mode = ToAbi(service.mode), .number = service.number, .pool = service.pool, .name = {}};
  ToField(service.name, value.name);
  return map_calls::Set(map_fd_.get(), KeyOf(service.where()), value,
                        absl::StrCat("cannot set service \"", service.name, "\""));
}

absl::Status ServiceMap::Remove(const ServicePort& port) {
  return map_calls::Remove(
      map_fd_.get(), KeyOf(port),
      absl::StrCat("cannot remove the service of VIP ", port.vip_number, ", port ", port.port));
}

absl::StatusOr<std::vector<ServiceEntry>> ServiceMap::List() const {
  KOI_ASSIGN_OR_RETURN(const auto keys,
                       map_calls::Keys<koi_service_key>(map_fd_.get(), "cannot list the services"));
  std::vector<ServiceEntry> services;
  for (const koi_service_key& key : keys) {
    KOI_ASSIGN_OR_RETURN(const koi_service service,
                         map_calls::Get<koi_service>(map_fd_.get(), key, "cannot read a service"));
    KOI_ASSIGN_OR_RETURN(const ServiceMode mode, FromAbi(service.mode));
    services.push_back({.vip_number = key.vip_number,
                        .port = key.port,
                        .mode = mode,
                        .number = service.number,
                        .name = FromField(service.name),
                        .protocol = key.protocol,
                        .pool = service.pool});
  }
  return services;
}

}  // namespace koi
