// SPDX-License-Identifier: Apache-2.0
// What the access log tells of one request, or of one connection in tcp mode: noted along the way
// by whoever does the work.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "base/time.h"

namespace koi {

// Text of a client's, cut at so many bytes; nothing is allocated.
template <size_t kBytes>
class BoundedText {
 public:
  void Set(absl::string_view text) {
    size_ = static_cast<uint16_t>(std::min(text.size(), kBytes));
    std::memcpy(bytes_, text.data(), size_);
    cut_ = text.size() > kBytes;
  }
  absl::string_view view() const { return {bytes_, size_}; }
  bool cut() const { return cut_; }

 private:
  char bytes_[kBytes];
  uint16_t size_ = 0;
  bool cut_ = false;
};

// A connection whose service logs has one, and it is used again for each request; others have none.
// Times are the loop's now(); TimePoint() is what did not come to pass.
struct AccessRecord {
  // Of the connection.
  TimePoint accepted = {};
  TimePoint handshaken = {};  // with TLS; told by the first line alone
  uint32_t service = 0;       // number
  std::string members = {};   // of every line: made when the first one is written

  // Of the request.
  TimePoint begun = {};       // its first byte; of a connection in tcp mode: accepted
  TimePoint asked = {};       // for a backend
  TimePoint connecting = {};  // to the last one tried, when a place there was free
  TimePoint connected = {};   // and it can be written to; with TLS after its handshake
  TimePoint first_byte = {};  // of the response, from the backend
  uint64_t bytes_in = 0;      // from the client, as they came
  uint64_t bytes_out = 0;     // to the client
  uint32_t backend = 0;       // number; 0: none
  uint32_t retries = 0;       // backends and connections tried in vain
  int status = 0;             // 0: no response
  bool backend_reused = false;
  bool keep_alive = false;  // another request may follow
  bool has_request = false;
  BoundedText<32> method = {};
  BoundedText<255> host = {};
  BoundedText<1024> path = {};
  BoundedText<64> request_id = {};
  BoundedText<45> forwarded_for = {};  // the address of the client behind trusted proxies

  // Forgets the request before this one.
  void BeginRequest(TimePoint now) {
    begun = now;
    asked = connecting = connected = first_byte = TimePoint();
    bytes_in = bytes_out = 0;
    backend = retries = 0;
    status = 0;
    backend_reused = keep_alive = has_request = false;
    request_id.Set("");
    forwarded_for.Set("");
  }
  void SetRequest(absl::string_view the_method, absl::string_view the_host,
                  absl::string_view target) {
    has_request = true;
    method.Set(the_method);
    host.Set(the_host);
    path.Set(target);
  }
};

}  // namespace koi
