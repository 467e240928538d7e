// SPDX-License-Identifier: Apache-2.0
// The PROXY header that connections to a pool begin with.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "config/config.h"
#include "http/forwarding.h"
#include "tls/stream.h"

namespace koi {

// Of the client at `stream`, whose handshake is done; "" with kOff. With `version` 2 it tells what
// is known: ALPN, the name asked for (`authority`, where TLS knows none), TLS version, cipher and
// the client certificate's common name, and an id of the connection.
std::string ProxyPreface(SendProxy version, const ClientFacts& facts, const Stream& stream,
                         absl::string_view authority = "");

}  // namespace koi
