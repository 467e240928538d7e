// SPDX-License-Identifier: Apache-2.0
// Who somebody on a Unix socket is.
#pragma once

#include <cstdint>
#include <string>

namespace koi {

// The name that /etc/passwd has for `uid`, else "uid 1000"; "unknown" below 0. No other directory
// is asked: it may be far away, and the manager has one thread.
std::string UserName(int64_t uid);

}  // namespace koi
