// SPDX-License-Identifier: Apache-2.0
// From what koi_explain found, in numbers, to what people know, in names.
#pragma once

#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "dataplane/backend_map.h"
#include "dataplane/explainer.h"
#include "protocol/explain_messages.h"

namespace koi {

ExplainedPacket PacketOf(const ExplainOrder& order);

// `now` is that of the times in `found`.
ExplainReport ReportOf(const Explanation& found, const Config& config,
                       const std::vector<BackendEntry>& backends, TimePoint now);

}  // namespace koi
