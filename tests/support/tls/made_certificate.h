// SPDX-License-Identifier: Apache-2.0
// Self-signed certificates, made when a test needs them.
#pragma once

#include <string>

namespace koi {

struct MadeCertificate {
  std::string chain_pem;
  std::string key_pem;
};

// For `name`, on P-256, valid from `from_seconds` to `until_seconds` of now.
MadeCertificate MakeCertificate(const std::string& name, long from_seconds = -60,
                                long until_seconds = 3600);

// The same on RSA, of 2048 bits.
MadeCertificate MakeRsaCertificate(const std::string& name);

}  // namespace koi
