// SPDX-License-Identifier: Apache-2.0
// A certificate that koi signs itself, for a service that nobody has given one yet.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/address.h"

namespace koi {

struct CertificateSubject {
  std::string name = {};  // of the host; left out of the certificate where it is no DNS name
  std::vector<Address> addresses = {};
};

// Sees to it that `chain_file` and `key_file` hold a self-signed certificate for exactly `subject`
// that is valid for another month, and its key, which is readable by its owner alone. What is there
// already is kept if it is that; else both files are replaced. The chain is what clients may be
// told to trust: it has no authority over other certificates.
absl::Status EnsureSelfSigned(const std::string& chain_file, const std::string& key_file,
                              const CertificateSubject& subject);

}  // namespace koi
