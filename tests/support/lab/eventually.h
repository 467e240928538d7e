// SPDX-License-Identifier: Apache-2.0
// Waiting for something to become true, instead of sleeping and hoping.
#pragma once

#include <functional>

#include "absl/strings/string_view.h"
#include "base/time.h"

namespace koi::lab {

// Asks `condition` again and again until it holds: true; or `limit` is over: false. Asks at least
// once. With a name in `measured`, success prints "measured NAME MILLISECONDS ms" to standard
// output.
bool Eventually(Duration limit, const std::function<bool()>& condition,
                absl::string_view measured = {});

// Prints a figure that people and tools/bench read: "measured NAME VALUE UNIT".
void PrintMeasured(absl::string_view name, int64_t value, absl::string_view unit);

}  // namespace koi::lab
