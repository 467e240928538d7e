// SPDX-License-Identifier: Apache-2.0
// The keys of a configuration, a part each, in the order of its reference.
#pragma once

#include "absl/types/span.h"
#include "config/schema.h"

namespace koi {

absl::Span<const ConfigKey> NodeKeys();  // and of the file itself
absl::Span<const ConfigKey> ServiceKeys();
absl::Span<const ConfigKey> PoolKeys();

}  // namespace koi
