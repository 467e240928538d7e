// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1 request.
#pragma once

#include "http/head.h"

namespace koi {

// Views into the buffer it was parsed from.
struct RequestHead {
  absl::string_view method;
  absl::string_view target;  // "/path?query", or "*" with OPTIONS; "" where the client sent
                             // "http://host" alone or "?query" where it sent no path
  absl::string_view host;    // with its port where the client named one; "" only in HTTP/1.0
  int minor_version = 1;
  Fields fields;
  bool expects_continue = false;
  bool takes_trailers = false;       // TE: trailers
  absl::string_view upgrade;         // the one protocol asked for, "websocket"; "" with a body
  bool unknown_expectation = false;  // an Expect other than 100-continue: answered 417

  bool is_head() const { return method == "HEAD"; }
  // RFC 9110 9.2.2: sent twice, it has the effect of once.
  bool is_idempotent() const;
  // Whether the client means to send another request after this one.
  bool keep_alive() const {
    return minor_version == 1 ? !fields.close : fields.keep_alive && !fields.close;
  }
  // Never kUntilClose: a request without a length has no body.
  Framing framing() const;
};

// Reads the head at the start of `buffer`, which the caller has shown to `scanner` before, if at
// all, only shorter. One empty line in front is skipped, as RFC 9112 2.2 asks. `head`
// must be a new one.
ParseResult ReadRequestHead(absl::string_view buffer, const HeadLimits& limits,
                            HeadScanner& scanner, RequestHead& head);

}  // namespace koi
