// SPDX-License-Identifier: Apache-2.0
// Why clients' connections and requests end: counted, and a word in the access log. Never logged
// elsewhere one by one: a hostile client must not be able to write to our disk.
#pragma once

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace koi {

// docs/access-log.md has this table, word for word; each reason is produced by a test.
#define KOI_CLOSE_REASONS(X)                                                                       \
  X(kFinished, "finished", "All that was asked for was done.")                                     \
  X(kClientLeft, "client-left", "The client ended its connection between two requests.")           \
  X(kClientBrokeOff, "client-broke-off",                                                           \
    "The client reset its connection, or ended it inside a request or its response.")              \
  X(kHandshakeFailed, "handshake-failed",                                                          \
    "The client spoke no TLS, or none that both can agree on.")                                    \
  X(kMalformedRequest, "malformed-request", "The request was refused with a 4xx.")                 \
  X(kNoBackend, "no-backend", "No backend of the pool is usable.")                                 \
  X(kBackendBrokeOff, "backend-broke-off",                                                         \
    "The backend ended or reset its connection before its response was whole.")                    \
  X(kBackendTimedOut, "backend-timed-out", "The backend was waited for in vain.")                  \
  X(kNoService, "no-service", "No service is offered there, or no longer.")                        \
  X(kDrained, "drained", "Idle when its worker had to end, or its service was gone.")              \
  X(kCut, "cut", "Still open when its worker had to end, or its service's drain time was over.")   \
  X(kBackendRefused, "backend-refused", "Every backend tried refused the connection.")             \
  X(kBackendUnreachable, "backend-unreachable",                                                    \
    "The last backend tried did not take the connection in time.")                                 \
  X(kBackendTlsFailed, "backend-tls-failed",                                                       \
    "TLS with the last backend tried failed, or its certificate was refused.")                     \
  X(kBackendMalformed, "backend-malformed",                                                        \
    "The backend's response breaks HTTP's rules or koi's limits.")                                 \
  X(kHandshakeTimedOut, "handshake-timed-out",                                                     \
    "The client's TLS handshake or PROXY header took longer than timeouts.handshake.")             \
  X(kHeadTimedOut, "head-timed-out", "The head of a request took longer than timeouts.head: 408.") \
  X(kBodyTimedOut, "body-timed-out",                                                               \
    "A request's body did not move for timeouts.body, or too slowly: 408.")                        \
  X(kClientStalled, "client-stalled",                                                              \
    "The client took nothing of a response for timeouts.body, or too slowly.")                     \
  X(kIdleTimedOut, "idle-timed-out", "No request came for timeouts.idle.")                         \
  X(kTunnelTimedOut, "tunnel-timed-out",                                                           \
    "Nothing moved for timeouts.tunnel, in tcp mode or after an upgrade.")                         \
  X(kTooLarge, "too-large", "A head or body over the service's limits: 431 or 413.")               \
  X(kProxyHeader, "proxy-header",                                                                  \
    "A proxy of `accept_proxy` sent no PROXY header, or a malformed one.")                         \
  X(kNoRoute, "no-route", "No route is for the name asked for, and there is no other pool.")       \
  X(kQueueFull, "queue-full", "As many waited for a backend of the pool as may.")                  \
  X(kQueueTimedOut, "queue-timed-out", "No backend of the pool was free in time.")                 \
  X(kCertificateRefused, "certificate-refused",                                                    \
    "The client has not shown a certificate of client_ca that is valid.")                          \
  X(kUnrecognizedName, "unrecognized-name",                                                        \
    "The client asked for a name that no certificate is for; with strict_sni.")

#define KOI_AS_CLOSE_REASON(name, text, help) name,
enum class CloseReason { KOI_CLOSE_REASONS(KOI_AS_CLOSE_REASON) };
#undef KOI_AS_CLOSE_REASON

#define KOI_AS_CLOSE_REASON(name, text, help) text,
constexpr absl::string_view kCloseReasonNames[] = {KOI_CLOSE_REASONS(KOI_AS_CLOSE_REASON)};
#undef KOI_AS_CLOSE_REASON

constexpr size_t kCloseReasons = std::size(kCloseReasonNames);

constexpr absl::string_view CloseReasonName(CloseReason reason) {
  return kCloseReasonNames[static_cast<size_t>(reason)];
}

}  // namespace koi
