// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message between the manager and a worker, which trust each other as little.
#include <cstddef>
#include <cstdint>

#include "fuzz/protocol/round_trip.h"
#include "protocol/worker_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckRoundTrip(bytes, DecodeWorkerMessage, EncodeWorkerMessage);
  return 0;
}
