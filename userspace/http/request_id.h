// SPDX-License-Identifier: Apache-2.0
// A name for each request, by which the logs of koi and of its backends can be matched.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace koi {

// 32 hexadecimal digits that no other request has: half of them are random and the same for all
// requests of this process, half count, scrambled. No secret: whoever sees some can guess others.
std::string MakeRequestId();

// Whether another's is worth keeping: 1 to 128 visible characters.
bool IsRequestId(absl::string_view text);

}  // namespace koi
