// SPDX-License-Identifier: Apache-2.0
// What an operator is told of certificates that expire soon. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/control_messages.h"

namespace koi {

// A sentence for each of `certificates`, the next to expire first, that has expired or does so in
// two weeks; of many only for the first few, and one for the rest.
std::vector<std::string> CertificateWarnings(const std::vector<CertificateExpiry>& certificates,
                                             int64_t now_s);

}  // namespace koi
