// SPDX-License-Identifier: Apache-2.0
// Why clients' connections end. Counted, never logged one by one: a hostile client must not be able
// to write to our disk.
#pragma once

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace koi {

#define KOI_CLOSE_REASONS(X)                                                                 \
  X(kFinished, "finished")                  /* all that was asked for was done */            \
  X(kClientLeft, "client-left")             /* ended between two requests */                 \
  X(kClientBrokeOff, "client-broke-off")    /* reset, or ended inside one */                 \
  X(kHandshakeFailed, "handshake-failed")   /* no TLS, or none we can agree on */            \
  X(kTimedOut, "timed-out")                 /* waited for the client in vain */              \
  X(kMalformedRequest, "malformed-request") /* answered by 4xx */                            \
  X(kNoBackend, "no-backend")               /* none usable, or none answered */              \
  X(kBackendBrokeOff, "backend-broke-off")  /* inside a response */                          \
  X(kBackendTimedOut, "backend-timed-out")                                                   \
  X(kNoService, "no-service") /* not to a service's endpoint */                              \
  X(kDrained, "drained")      /* idle when its worker had to end, or its service was gone */ \
  X(kCut, "cut")              /* still open when its worker had to end */

#define KOI_AS_CLOSE_REASON(name, text) name,
enum class CloseReason { KOI_CLOSE_REASONS(KOI_AS_CLOSE_REASON) };
#undef KOI_AS_CLOSE_REASON

#define KOI_AS_CLOSE_REASON(name, text) text,
constexpr absl::string_view kCloseReasonNames[] = {KOI_CLOSE_REASONS(KOI_AS_CLOSE_REASON)};
#undef KOI_AS_CLOSE_REASON

constexpr size_t kCloseReasons = std::size(kCloseReasonNames);

}  // namespace koi
