// SPDX-License-Identifier: Apache-2.0
// Programs of a few instructions, written down as the kernel takes them.
#include "dataplane/kernel_features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/fd.h"
#include "dataplane/libbpf_log.h"

namespace koi {
namespace {

using Code = std::vector<bpf_insn>;

bpf_insn Instruction(int code, int to, int from, int offset, int value) {
  bpf_insn instruction = {};
  instruction.code = static_cast<__u8>(code);
  instruction.dst_reg = static_cast<__u8>(to) & 0xf;
  instruction.src_reg = static_cast<__u8>(from) & 0xf;
  instruction.off = static_cast<__s16>(offset);
  instruction.imm = value;
  return instruction;
}

bpf_insn Move(int to, int value) {
  return Instruction(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}
bpf_insn Call(int helper) { return Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
bpf_insn Exit() { return Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

// `begin`, then an answer of `value`.
Code Answering(int value, Code begin = {}) {
  begin.push_back(Move(BPF_REG_0, value));
  begin.push_back(Exit());
  return begin;
}

absl::StatusOr<Fd> LoadCode(bpf_prog_type type, bpf_attach_type attach, const Code& code) {
  const LibbpfLog quiet;
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = attach;
  Fd program(bpf_prog_load(type, "koi_try", "GPL", code.data(), code.size(), &options));
  if (program.valid()) return program;
  return absl::ErrnoToStatus(errno, "the kernel refuses it");
}

absl::Status TryXdp(const Code& begin) {
  return LoadCode(BPF_PROG_TYPE_XDP, BPF_XDP, Answering(XDP_PASS, begin)).status();
}

absl::StatusOr<Fd> MakeMap(bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes,
                           uint32_t flags, int inner = -1) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = flags;
  if (inner >= 0) options.inner_map_fd = static_cast<__u32>(inner);
  Fd map(bpf_map_create(type, "koi_try", key_bytes, value_bytes, 1, &options));
  if (map.valid()) return map;
  return absl::ErrnoToStatus(errno, "the kernel refuses it");
}

absl::Status TryMappedArray() {
  const absl::StatusOr<Fd> map = MakeMap(BPF_MAP_TYPE_ARRAY, 4, 64, BPF_F_MMAPABLE);
  if (!map.ok()) return map.status();
  constexpr size_t kPage = 4096;
  void* const memory = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, map->get(), 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, "it cannot be mapped");
  ::munmap(memory, kPage);
  return absl::OkStatus();
}

absl::Status TryMapOfMaps() {
  const absl::StatusOr<Fd> inner =
      MakeMap(BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  if (!inner.ok()) return inner.status();
  return MakeMap(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 0, inner->get()).status();
}

absl::Status TryRedirect(bpf_map_type type, uint32_t value_bytes) {
  const absl::StatusOr<Fd> map = MakeMap(type, 4, value_bytes, 0);
  if (!map.ok()) return map.status();
  Code code = {Instruction(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map->get()),
               Instruction(0, 0, 0, 0, 0), Move(BPF_REG_2, 0), Move(BPF_REG_3, XDP_PASS),
               Call(BPF_FUNC_redirect_map)};
  return TryXdp(code);
}

absl::Status TrySkLookup() {
  const absl::StatusOr<Fd> map = MakeMap(BPF_MAP_TYPE_SOCKMAP, 4, 8, 0);
  if (!map.ok()) return map.status();
  // bpf_sk_assign(ctx, no socket, 0)
  const Code code = {Move(BPF_REG_2, 0), Move(BPF_REG_3, 0), Call(BPF_FUNC_sk_assign)};
  return LoadCode(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, Answering(SK_PASS, code)).status();
}

absl::Status TryTestRun() {
  const absl::StatusOr<Fd> program = LoadCode(BPF_PROG_TYPE_XDP, BPF_XDP, Answering(XDP_PASS));
  if (!program.ok()) return program.status();
  char frame[64] = {};
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame;
  options.data_size_in = sizeof(frame);
  if (bpf_prog_test_run_opts(program->get(), &options) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "it cannot be run");
}

absl::Status TryAtomics() {
  // *(u64*)(fp - 8) = 0; atomic compare and exchange of it with r2
  return TryXdp(
      {Instruction(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0), Move(BPF_REG_0, 0),
       Move(BPF_REG_2, 1),
       Instruction(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_10, BPF_REG_2, -8, BPF_CMPXCHG)});
}

struct Attempt {
  const char* name;
  const char* since;
  const char* used;
  absl::Status (*run)();
};

constexpr Attempt kAttempts[] = {
    {"XDP programs", "4.8", "every packet", [] { return TryXdp({}); }},
    {"changing the head of a packet", "4.10", "forwarding by ipip",
     [] {
       return TryXdp({Move(BPF_REG_2, 0), Call(BPF_FUNC_xdp_adjust_head)});
     }},
    {"the coarse clock", "5.11", "the gate of each group",
     [] { return TryXdp({Call(BPF_FUNC_ktime_get_coarse_ns)}); }},
    {"atomic operations", "5.12", "slots and flows of l4 services", TryAtomics},
    {"redirection to CPUs", "4.15", "steering to workers",
     [] { return TryRedirect(BPF_MAP_TYPE_CPUMAP, 4); }},
    {"redirection to interfaces", "5.4", "backends behind another interface",
     [] { return TryRedirect(BPF_MAP_TYPE_DEVMAP_HASH, 4); }},
    {"choosing a listener (sk_lookup)", "5.9", "connections to workers", TrySkLookup},
    {"arrays mapped into memory", "5.5", "tables that workers share", TryMappedArray},
    {"maps of maps of any size", "5.10", "the rings of l4 pools", TryMapOfMaps},
    {"tries of prefixes", "4.11", "koi deny",
     [] { return MakeMap(BPF_MAP_TYPE_LPM_TRIE, 8, 4, BPF_F_NO_PREALLOC).status(); }},
    {"test runs of programs", "4.12", "koi explain", TryTestRun},
};

}  // namespace

std::vector<KernelFeature> TryKernelFeatures() {
  std::vector<KernelFeature> features;
  for (const Attempt& attempt : kAttempts) {
    features.push_back({.name = attempt.name,
                        .since = attempt.since,
                        .used = attempt.used,
                        .status = attempt.run()});
  }
  return features;
}

}  // namespace koi
