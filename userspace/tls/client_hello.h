// SPDX-License-Identifier: Apache-2.0
// The first message of a TLS client, read without taking part in its handshake: which server it
// names, so that its bytes can be passed on to the right one.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace koi {

// Of all records that carry it. Browsers send up to two KiB, with post-quantum keys.
constexpr size_t kMaxClientHelloBytes = 16'384;

enum class HelloParse {
  kDone,
  kMore,  // all right so far, but not all of it
  kBad,   // no TLS, or malformed, or too long
};

// Reads the ClientHello (RFC 8446 4.1.2, the same in TLS 1.2) that `bytes` begin with, in one
// record or several; what follows it does not matter. `server_name` is the host name of its
// server_name extension (RFC 6066 3) in lower case and without a final dot; "": it names none.
HelloParse ReadClientHello(absl::string_view bytes, std::string& server_name);

}  // namespace koi
