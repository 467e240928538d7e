// SPDX-License-Identifier: Apache-2.0
// The line of a request or a connection that has ended.
#pragma once

#include "http/writer.h"
#include "worker/backend/connector.h"
#include "worker/client_connection.h"

namespace koi {

// Notes are taken from now on, if `service` logs; else not any more. The connection was accepted at
// `accepted`.
void BeginAccess(const Service& service, TimePoint accepted, ClientStream& client);

// Names the connection in the record, where it is for another pool than its service's, or asked for
// `server_name` in TLS that is passed on. Else LogAccess() does.
void NameAccess(const Backends& backends, const Service& service, uint32_t pool,
                const ClientFacts& facts, const Stream& stream, absl::string_view server_name,
                AccessRecord& record);

// What `connector` has come to; `backend` is nullptr when it has none.
void NoteConnector(const Connector& connector, const BackendConnection* backend,
                   AccessRecord& record);

// Writes what client.access has noted, which must be there. `service` is nullptr when it is gone.
void LogAccess(const ClientSet& clients, const Backends& backends, const Service* service,
               const ClientFacts& facts, ClientStream& client, CloseReason reason);

}  // namespace koi
