// SPDX-License-Identifier: Apache-2.0
// Writes HTTP/1 heads and chunks anew from what was parsed: no byte of a head is ever passed on as
// it came, so what koi understood is what the next reader understands.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/address.h"
#include "http/request_head.h"
#include "http/response_head.h"

namespace koi {

// What is known of a client's connection: for headers and logs. Where a trusted proxy tells of the
// connection before its own, it is that one's.
struct ClientFacts {
  Endpoint client = {};
  Endpoint service = {};  // what the client connected to
  bool tls = false;
};

// Appends the request for a backend: HTTP/1.1, hop-by-hop headers left out, X-Forwarded-For
// extended, X-Forwarded-Proto and -Port replaced. The framing is the request's own. An HTTP/1.0
// client may name no host: then the service's endpoint is the host, since HTTP/1.1 must have one.
void WriteRequestHead(const RequestHead& head, const ClientFacts& client, std::string& out);

struct ResponsePlan {
  Framing framing = Framing::kNone;  // as it goes to the client
  bool keep_alive = true;            // whether the client may send another request
  int client_minor_version = 1;
};

// Appends the response for a client.
void WriteResponseHead(const ResponseHead& head, const ResponsePlan& plan, std::string& out);

// What stands before and after the data of one chunk; a chunk of no bytes would end the body.
std::string ChunkHead(size_t bytes);
constexpr absl::string_view kChunkEnd = "\r\n";
// Ends a chunked body.
constexpr absl::string_view kLastChunk = "0\r\n\r\n";

}  // namespace koi
