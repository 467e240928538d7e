// SPDX-License-Identifier: Apache-2.0
// Writes HTTP/1 heads and chunks anew from what was parsed: no byte of a head is ever passed on as
// it came, so what koi understood is what the next reader understands.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "http/forwarding.h"
#include "http/request_head.h"
#include "http/response_head.h"

namespace koi {

// What a request for a backend has beside what its client sent. Views of the caller's.
struct RequestPlan {
  absl::string_view forwarded = {};   // whole lines (http/forwarding.h) in place of the client's
  absl::string_view request_id = {};  // in place of the client's; "": the client's is passed on
  bool return_request_id = false;     // to the client, too
  absl::string_view upgrade = {};     // the protocol to switch to, if the backend likes; ""
  absl::string_view host = {};        // where the client named none, as HTTP/1.0 may
};

// Appends the request for a backend: HTTP/1.1, hop-by-hop headers left out. The framing is the
// request's own.
void WriteRequestHead(const RequestHead& head, const RequestPlan& plan, std::string& out);

// The host that a request without one is for: the service's endpoint.
std::string DefaultHost(const ClientFacts& facts);

struct ResponsePlan {
  Framing framing = Framing::kNone;  // as it goes to the client
  bool keep_alive = true;            // whether the client may send another request
  int client_minor_version = 1;
  bool trailers = false;              // may follow the body
  absl::string_view request_id = {};  // in place of the backend's; "": that is passed on
  absl::string_view upgrade = {};     // of a 101: the protocol it switches to
};

// Appends the response for a client.
void WriteResponseHead(const ResponseHead& head, const ResponsePlan& plan, std::string& out);

// What stands before and after the data of one chunk; a chunk of no bytes would end the body.
std::string ChunkHead(size_t bytes);
constexpr absl::string_view kChunkEnd = "\r\n";
// Ends a chunked body.
constexpr absl::string_view kLastChunk = "0\r\n\r\n";

}  // namespace koi
