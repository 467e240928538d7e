// SPDX-License-Identifier: Apache-2.0
// One entry of koi_backends: between the ABI and BackendEntry, and its seqlock.
#pragma once

#include <koi/abi/backend.h>

#include <cstdint>
#include <optional>

#include "dataplane/backend_map.h"

namespace koi {

koi_backend_admin ToAbi(BackendAdmin admin);
koi_backend_health ToAbi(BackendHealth health);
koi_backend_origin ToAbi(BackendOrigin origin);
koi_backend ToAbi(const BackendEntry& entry);
BackendEntry FromAbi(const koi_backend& abi, uint32_t number);

// Puts `entry` (whose sequence does not matter) in its place, all of it at once for readers. The
// caller is the only writer.
void WriteEntry(koi_backend& place, const koi_backend& entry);

// A copy of what one write left there. nullopt when the entry was being written each of many times:
// its writer stopped half-way. A backend that stays is never written this way, so what is lost is
// one that comes or goes; readers are told to look again when that is done.
std::optional<koi_backend> ReadEntry(const koi_backend& place);

}  // namespace koi
