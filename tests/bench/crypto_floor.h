// SPDX-License-Identifier: Apache-2.0
// What a handshake's cryptography alone costs here and now, by the OpenSSL that the proxies use.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace koi::bench {

// Name and CPU µs of one operation each: the least of several batches, on `cpu`.
std::vector<std::pair<std::string, double>> CryptoFloor(int cpu);

}  // namespace koi::bench
