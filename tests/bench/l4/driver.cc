// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN with many rounds, and with live frames.
#include "bench/l4/driver.h"

#include <bpf/bpf.h>
#include <l4_driver.skel.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/time.h"
#include "support/lab/lab.h"

namespace koi::bench {
namespace {

constexpr uint32_t kOnlyEntry = 0;
constexpr uint32_t kFramesAtOnce = 200'000;
constexpr uint32_t kLiveBatch = 64;

double CpuNanoseconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

void MustRun(int program_fd, bpf_test_run_opts& options) {
  if (bpf_prog_test_run_opts(program_fd, &options) == 0) return;
  lab::Die(absl::StrCat("cannot run the driver: ", std::strerror(errno)));
}

}  // namespace

l4_traffic TrafficOf(const Packet& packet, bool is_ip6, uint32_t flows) {
  l4_traffic traffic = {};
  traffic.is_ip6 = is_ip6 ? 1 : 0;
  traffic.flows = flows;
  traffic.lot = 0x2545f491;
  const size_t headers = packet.Bytes().size();
  KOI_CHECK(headers <= L4_FRAME_BYTES);
  const std::string frame = packet.Payload(std::string(L4_FRAME_BYTES - headers, 'x')).Bytes();
  std::copy(frame.begin(), frame.end(), traffic.frame);
  return traffic;
}

L4Driver::L4Driver() : skeleton_(l4_driver_bpf__open_and_load()) {
  if (skeleton_ == nullptr)
    lab::Die(absl::StrCat("cannot load the driver: ", std::strerror(errno)));
}

L4Driver::~L4Driver() { l4_driver_bpf__destroy(skeleton_); }

int L4Driver::empty_program_fd() const { return bpf_program__fd(skeleton_->progs.l4_empty); }
int L4Driver::sink_program_fd() const { return bpf_program__fd(skeleton_->progs.l4_sink); }

void L4Driver::Write(const l4_traffic& traffic) {
  bpf_map_update_elem(bpf_map__fd(skeleton_->maps.l4_traffic), &kOnlyEntry, &traffic, BPF_ANY);
}

double L4Driver::Measure(int program_fd, const l4_traffic& traffic, uint32_t rounds,
                         uint32_t action) {
  Write(traffic);
  bpf_map_update_elem(bpf_map__fd(skeleton_->maps.l4_target), &kOnlyEntry, &program_fd, BPF_ANY);
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = traffic.frame;
  options.data_size_in = L4_FRAME_BYTES;
  options.repeat = static_cast<int>(rounds);
  const double before = CpuNanoseconds();
  MustRun(bpf_program__fd(skeleton_->progs.l4_driver), options);
  const double spent = CpuNanoseconds() - before;
  if (options.retval != action) {
    lab::Die(absl::StrCat("the program answered ", options.retval, ", not ", action));
  }
  return spent / rounds;
}

uint64_t L4Driver::Arrived() const {
  std::vector<uint64_t> of_cpus(static_cast<size_t>(libbpf_num_possible_cpus()));
  bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.l4_arrived), &kOnlyEntry, of_cpus.data());
  uint64_t sum = 0;
  for (const uint64_t of_cpu : of_cpus) sum += of_cpu;
  return sum;
}

double L4Driver::Send(const l4_traffic& traffic, double seconds) {
  Write(traffic);
  const uint64_t arrived = Arrived();
  const TimePoint start = Now();
  double passed = 0;
  while (passed < seconds) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = traffic.frame;
    options.data_size_in = L4_FRAME_BYTES;
    options.repeat = kFramesAtOnce;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = kLiveBatch;
    MustRun(bpf_program__fd(skeleton_->progs.l4_driver), options);
    passed = std::chrono::duration<double>(Now() - start).count();
  }
  return static_cast<double>(Arrived() - arrived) / passed;
}

}  // namespace koi::bench
