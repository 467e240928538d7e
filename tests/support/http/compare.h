// SPDX-License-Identifier: Apache-2.0
// Whether koi and llhttp read one request alike.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace koi {

// "" where koi refuses `bytes` or waits for more of them, or reads the same request in them as
// llhttp does, and llhttp reads that same request in what koi makes of it for a backend. Else what
// is different. Left out is where llhttp refuses what koi takes: methods that it does not know, and
// what koi does not pass on (extensions of chunks, a host in the target).
std::string DifferenceFromLlhttp(absl::string_view bytes);

}  // namespace koi
