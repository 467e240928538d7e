// SPDX-License-Identifier: Apache-2.0
// Map koi_worker_N: what the workers of one CPU do. Each writes its own seat (WorkerCounters),
// everybody reads (WorkerView).
#pragma once

#include "dataplane/worker_counters.h"
#include "dataplane/worker_view.h"
