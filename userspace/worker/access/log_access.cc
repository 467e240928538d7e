// SPDX-License-Identifier: Apache-2.0
// From a connection to its line.
#include "worker/access/log_access.h"

#include <optional>

namespace koi {
void NameAccess(const Backends& backends, const Service& service, uint32_t pool,
                const ClientFacts& facts, const Stream& stream, absl::string_view server_name,
                AccessRecord& record) {
  const bool ended_here = stream.is_tls() && record.handshaken != TimePoint();
  TlsFacts tls = ended_here ? stream.Facts() : TlsFacts();
  if (!server_name.empty()) tls.sni = std::string(server_name);
  const bool has_tls = ended_here || !server_name.empty();
  const auto settings = backends.Settings(pool);
  record.service = service.told.number;
  record.members = AccessMembers({.client = facts.client,
                                  .vip = facts.service,
                                  .service = service.told.name,
                                  .pool = settings->told.name,
                                  .tls = has_tls ? &tls : nullptr});
}

void BeginAccess(const Service& service, TimePoint accepted, ClientStream& client) {
  if (!service.told.access_log) {
    client.access.reset();
  } else if (client.access == nullptr) {
    client.access = std::make_unique<AccessRecord>();
    client.access->accepted = client.access->begun = accepted;
  } else {
    client.access->members.clear();  // service or pool may be named otherwise
  }
}

void NoteConnector(const Connector& connector, const BackendConnection* backend,
                   AccessRecord& record) {
  if (record.asked == TimePoint()) record.asked = connector.times().asked;
  record.connecting = connector.times().connecting;
  record.connected = connector.times().connected;
  record.backend = connector.last_tried();
  record.backend_reused = backend != nullptr && backend->reused();
  const uint32_t in_vain = connector.attempts() - (backend != nullptr ? 1 : 0);
  record.retries += in_vain;
}

void LogAccess(const ClientSet& clients, const Backends& backends, const Service* service,
               const ClientFacts& facts, ClientStream& client, CloseReason reason) {
  AccessLog* const log = clients.access_log();
  if (log == nullptr) return;
  AccessRecord& record = *client.access;
  if (record.members.empty() && service != nullptr) {
    NameAccess(backends, *service, service->told.pool, facts, client.stream, "", record);
  }
  char name[kBackendNameBytes];
  log->Write(record.service, record,
             {.now = backends.loop.now(),
              .reason = reason,
              .backend = backends.NameOf(record.backend, name)});
  record.accepted = TimePoint();  // the handshake is told once
  record.BeginRequest(TimePoint());
}

}  // namespace koi
