// SPDX-License-Identifier: Apache-2.0
// Certificates of the lab's own: signed by themselves, who trusts `chain` trusts the VIPs; or by an
// authority, as a scanner wants them.
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

// A certificate authority: authority.pem and .key in the lab's directory.
Certificate MakeAuthority(const Lab& lab);

// Signed by `authority`, for ninety days, for `names` ("DNS:koi.test", "IP:10.9.0.100").
Certificate IssueCertificate(const Lab& lab, const Certificate& authority,
                             const std::vector<std::string>& names, const std::string& name,
                             KeyKind kind = KeyKind::kEcdsa);

}  // namespace koi::lab
