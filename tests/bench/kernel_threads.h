// SPDX-License-Identifier: Apache-2.0
// The kernel's work on packets, moved into threads whose CPU time can be read: else it happens in
// whatever process a softirq has interrupted, and is counted as that one's.
#pragma once

#include <string>
#include <vector>

#include "support/lab/lab.h"

namespace koi::bench {

// Lets threads of the kernel's own poll eth0 of `host`: receive, XDP, and the TCP stack where no
// cpumap takes the packet from there. Their numbers.
std::vector<int> PollInThreads(const lab::Lab& lab, const lab::Host& host);

// The threads that take packets from the pinned cpumap at `path`.
std::vector<int> CpumapThreads(const lab::Lab& lab, const std::string& path);

void MoveTo(int cpu, const std::vector<int>& threads);

// Takes the XDP program off eth0 of `host`, whoever holds its link.
void DetachXdp(const lab::Lab& lab, const lab::Host& host);

}  // namespace koi::bench
