// SPDX-License-Identifier: Apache-2.0
// A receiver that forgives nothing: what of a frame is malformed, if anything is.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace koi {

enum class Checksums {
  kOfHeaders,   // of IPv4
  kOfPayloads,  // of TCP, UDP and ICMP too: what koi forwards has those its sender made
};

// InvalidArgument, with the layer and what is wrong, where `frame` is no IP packet, or a version,
// length, checksum or chain of headers in it is not as its RFC has it: IP in IP recursively, inside
// which nothing may be left over, while Ethernet may pad.
absl::Status CheckWellFormed(absl::string_view frame, Checksums checksums);

}  // namespace koi
