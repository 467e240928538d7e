// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request of the command line, or as an answer of the manager.
#include <cstddef>
#include <cstdint>

#include "fuzz/protocol/round_trip.h"
#include "protocol/control_messages.h"
#include "protocol/deny_messages.h"
#include "protocol/explain_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto encode = [](const auto& value) { return EncodeJson(value); };
  CheckRoundTrip(bytes, DecodeStats, encode);
  CheckRoundTrip(bytes, DecodeCpuStats, encode);
  CheckRoundTrip(bytes, DecodeBackendName, encode);
  CheckRoundTrip(bytes, DecodeBackendAdd, encode);
  CheckRoundTrip(bytes, DecodeBackendChange, encode);
  CheckRoundTrip(bytes, DecodeWorkerReplace, encode);
  CheckRoundTrip(bytes, DecodeCertificateList, encode);
  CheckRoundTrip(bytes, DecodeReloadReport, encode);
  CheckRoundTrip(bytes, DecodeDiffReport, encode);
  CheckRoundTrip(bytes, DecodeDenyOrder, encode);
  CheckRoundTrip(bytes, DecodeDenyReport, encode);
  CheckRoundTrip(bytes, DecodeDenyListing, encode);
  CheckRoundTrip(bytes, DecodeExplainOrder, encode);
  CheckRoundTrip(bytes, DecodeExplainReport, encode);
  (void)DecodeError(bytes);
  return 0;
}
