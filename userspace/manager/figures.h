// SPDX-License-Identifier: Apache-2.0
// From what workers count to what statistics tell.
#pragma once

#include "dataplane/worker_figures.h"
#include "protocol/control_messages.h"

namespace koi {

void Tell(const WorkerFigures& figures, CpuStats& cpu);
void Tell(const WorkerFigures& figures, ServiceStats& service);
void Tell(const WorkerFigures& figures, PoolStats& pool);
void Tell(const WorkerFigures& figures, BackendStats& backend);

// Adds what is counted of `cpu` to `total`.
void AddTo(CpuStats& total, const CpuStats& cpu);

}  // namespace koi
