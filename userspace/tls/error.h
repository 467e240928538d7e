// SPDX-License-Identifier: Apache-2.0
// OpenSSL's error queue.
#pragma once

#include <string>

namespace koi {

// What OpenSSL says of the failure that just happened, in its words; empties the queue.
std::string TakeTlsError();

}  // namespace koi
