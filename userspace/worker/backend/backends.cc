// SPDX-License-Identifier: Apache-2.0
// TLS to backends.
#include "worker/backend/backends.h"

#include "base/log.h"

namespace koi {
namespace {

constexpr Duration kFaultInterval = std::chrono::seconds(10);

}  // namespace

std::string Backends::AskedName(uint32_t pool, const Stream& client, absl::string_view host) const {
  const auto settings = Settings(pool);
  if (settings->tls == nullptr) return "";
  switch (settings->told.tls.sni_from) {
    case SniSource::kFixed: return settings->told.tls.sni;
    case SniSource::kHost: return ServerNameOf(host);
    case SniSource::kClient: return client.is_tls() ? ServerNameOf(client.Facts().sni) : "";
  }
  return "";
}

BackendTls Backends::TlsTo(const PoolMember& member, const PoolSettings& settings,
                           const std::string& name, TlsProtocol protocol) {
  if (settings.tls == nullptr) return {};
  Session& kept = sessions_[member.number];
  if (kept.context != settings.tls || kept.incarnation != member.incarnation) {
    kept = {.incarnation = member.incarnation,
            .context = settings.tls,
            .session = std::make_shared<ClientSession>()};
  }
  const std::string& expected = settings.told.tls.name;
  BackendTls tls{.context = settings.tls, .session = kept.session};
  tls.server = {.server_name = name,
                .expected_name = !expected.empty() ? expected
                                 : !name.empty()   ? name
                                                   : member.endpoint.address.ToString(),
                .protocol = protocol,
                .session = kept.session.get()};
  return tls;
}

void Backends::TellTlsFault(const BackendConnection& connection) {
  if (fault_told_ != TimePoint() && loop.now() - fault_told_ < kFaultInterval) return;
  fault_told_ = loop.now();
  char name[kBackendNameBytes];
  const absl::string_view fault = connection.CertificateFault();
  LogWarn("TLS with a backend failed",
          {{"backend", NameOf(connection.member().number, name)},
           {"expected", connection.tls().server.expected_name},
           {"why", fault.empty() ? "it speaks no TLS, or agrees on none" : fault}});
}

void Backends::Sweep() {
  idle.Sweep(view_);
  absl::erase_if(sessions_, [this](const auto& kept) { return !view_.Usable(kept.first); });
}

}  // namespace koi
