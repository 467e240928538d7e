// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1 response.
#pragma once

#include "http/head.h"

namespace koi {

// Views into the buffer it was parsed from.
struct ResponseHead {
  int status = 0;  // 100..599
  absl::string_view reason;
  int minor_version = 1;
  Fields fields;
  absl::string_view upgrade;  // of a 101: the protocol it switches to

  bool is_interim() const { return status < 200; }
  // Whether the server means to answer another request on this connection.
  bool keep_alive() const {
    return minor_version == 1 ? !fields.close : fields.keep_alive && !fields.close;
  }
  // RFC 9112 6.3. `to_head`: the request was a HEAD.
  Framing framing(bool to_head) const;
};

// As ReadRequestHead(). A response koi cannot read without a doubt is its backend's error (502).
ParseResult ReadResponseHead(absl::string_view buffer, const HeadLimits& limits,
                             HeadScanner& scanner, ResponseHead& head);

}  // namespace koi
