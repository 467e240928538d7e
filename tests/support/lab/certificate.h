// SPDX-License-Identifier: Apache-2.0
// A certificate of the lab's own, signed by itself: who trusts `chain` trusts the VIPs.
#pragma once

#include <string>
#include <vector>

#include "support/lab/lab.h"

namespace koi::lab {

struct Certificate {
  std::string chain;  // PEM files
  std::string key;
};

enum class KeyKind { kEcdsa, kRsa };  // P-256, or 2048 bits

// Valid for `addresses`, for two days; its files are `name`.pem and .key in the lab's directory.
Certificate MakeCertificate(const Lab& lab, const std::vector<std::string>& addresses,
                            const std::string& name = "vip", KeyKind kind = KeyKind::kEcdsa);

}  // namespace koi::lab
