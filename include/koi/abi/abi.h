// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every header of the ABI between koi's BPF programs and its userspace needs.
// Compiled by clang -target bpf and by C++; bpftool prints these shapes to people.
#pragma once

#include <linux/types.h>

// Counts every change of a shape below include/koi/abi. The loader refuses pinned maps of another
// version.
#define KOI_ABI_VERSION 5

#ifdef __cplusplus
#include <type_traits>
#define KOI_ABI_STRUCT(type, bytes)                                          \
  static_assert(sizeof(type) == (bytes), #type " must be " #bytes " bytes"); \
  static_assert(std::is_trivially_copyable_v<type> && std::is_standard_layout_v<type>)
#else
#define KOI_ABI_STRUCT(type, bytes) \
  _Static_assert(sizeof(type) == (bytes), #type " must be " #bytes " bytes")
#endif

// An IPv4 (as ::ffff:a.b.c.d, RFC 4291 2.5.5.2) or IPv6 address, in the order it has on the wire.
// One shape for both families: no flag, no second code path.
struct koi_addr {
  __u32 words_be[4];
};
KOI_ABI_STRUCT(struct koi_addr, 16);
