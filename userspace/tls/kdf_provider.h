// SPDX-License-Identifier: Apache-2.0
// TLS 1.3's key schedule, without what OpenSSL's own makes of it: a handshake derives some twenty
// secrets, and each costs OpenSSL 3 a KDF, a MAC and a digest fetched and made, eight times what
// the hashing itself does.
#pragma once

#include "absl/status/status.h"

namespace koi {

// Loads OpenSSL's default provider and beside it one named "koi", built into this program, that has
// TLS13-KDF alone. TLS contexts made from then on use it; all else stays the default provider's, as
// does a KDF over a digest that TLS 1.3 does not use. On failure nothing has changed.
absl::Status LoadKdfProvider();

// The property query of TLS contexts: the provider above, if it is loaded.
const char* TlsPropertyQuery();

}  // namespace koi
