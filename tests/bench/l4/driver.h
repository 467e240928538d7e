// SPDX-License-Identifier: Apache-2.0
// Runs a program on very many frames: BPF_PROG_TEST_RUN of a driver that writes each frame anew and
// hands it on (l4_driver.bpf.c).
#pragma once

#include <cstdint>

#include "bench/l4/traffic.h"
#include "support/packet/packet.h"

struct l4_driver_bpf;

namespace koi::bench {

// A frame like `packet`, of L4_FRAME_BYTES. Its source address must leave room for the flow's
// number, see write_flow() of the driver.
l4_traffic TrafficOf(const Packet& packet, bool is_ip6, uint32_t flows);

class L4Driver {
 public:
  // Ends the process where the kernel refuses.
  L4Driver();
  ~L4Driver();
  L4Driver(const L4Driver&) = delete;
  L4Driver& operator=(const L4Driver&) = delete;

  // CPU time of this thread, in ns a frame, for `rounds` frames through `program_fd`. Ends the
  // process when the last frame was not answered with `action`.
  double Measure(int program_fd, const l4_traffic& traffic, uint32_t rounds, uint32_t action);
  // The program that does nothing, measured in the same way: what the driver itself costs.
  int empty_program_fd() const;
  int sink_program_fd() const;

  // Sends frames out of `traffic.ifindex` for that long; how many arrived a second at the sink.
  double Send(const l4_traffic& traffic, double seconds);

 private:
  void Write(const l4_traffic& traffic);
  uint64_t Arrived() const;

  l4_driver_bpf* skeleton_;
};

}  // namespace koi::bench
