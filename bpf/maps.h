// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The maps: the memory of the product and its window. Their shapes are in include/koi/abi.
#pragma once

#include <koi/abi/backend.h>
#include <koi/abi/cpu.h>
#include <koi/abi/gate.h>
#include <koi/abi/limits.h>
#include <koi/abi/listener.h>
#include <koi/abi/service.h>
#include <koi/abi/settings.h>
#include <koi/abi/verdict.h>
#include <koi/abi/vip.h>
#include <koi/abi/worker.h>

#include "base.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, KOI_GROUPS_MAX);
  __type(key, __u32);
  __type(value, struct koi_gate);
} koi_gates SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_settings);
} koi_settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_VIPS_MAX);
  __type(key, struct koi_vip_key);
  __type(value, struct koi_vip);
} koi_vips SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_SERVICES_MAX);
  __type(key, struct koi_service_key);
  __type(value, struct koi_service);
} koi_services SEC(".maps");

// No program reads it yet; it is here so that it has type information and bpftool prints it.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KOI_BACKENDS_MAX);
  __type(key, __u32);
  __type(value, struct koi_backend);
} koi_backends SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CPUMAP);
  __uint(max_entries, KOI_CPUS_MAX);  // the loader lowers it to what the kernel was built for
  __type(key, __u32);
  __type(value, struct bpf_cpumap_val);
} koi_cpus SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, KOI_CPUS_MAX* KOI_LISTENER_FAMILIES);
  __type(key, __u32);
  __type(value, __u64);
} koi_listeners SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_VERDICT_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} koi_verdicts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_VIPS_MAX);
  __type(key, __u32);
  __type(value, struct koi_vip_stats);
} koi_vip_stats SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_CPUS_MAX);
  __type(key, __u32);
  __type(value, struct koi_steered);
} koi_steered SEC(".maps");

// Never made as it stands: the loader makes koi_worker_0, koi_worker_1, ... after its pattern.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KOI_WORKER_ENTRIES* KOI_WORKER_SEATS);
  __type(key, __u32);
  __type(value, struct koi_worker);
} koi_worker_N SEC(".maps");
