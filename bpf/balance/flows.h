// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Flows in slots that have changed: who was there before goes on where it was, who is new goes to
// the new backend. The rules that koi-manager keeps for it are those of include/koi/abi/ring.h.
#pragma once

#include "balance/choice.h"
#include "packet/hash.h"

// A flow's record in koi_flows. It may be one of another epoch, which does not count as an entry
// but is the place for one.
static __always_inline int is_entry(const struct koi_flow* flow, const struct packet* packet,
                                    const struct choice* choice) {
  return flow->epoch == choice->slot.epoch && flow->slot == choice->slot_number &&
         flow->pool == (__u16)choice->pool_number && flow->protocol == packet->protocol &&
         flow->src_port == packet->src_port && flow->dst_port == packet->dst_port;
}

// Another CPU may have read its clock later, and written that: then nothing has passed.
static __always_inline __u64 passed_ns(__u64 since_ns, const struct choice* choice) {
  return choice->now_ns > since_ns ? choice->now_ns - since_ns : 0;
}

// A time is written only when it is old, so that packets of a busy flow only read.
static __always_inline void renew(__u64* time_ns, const struct choice* choice) {
  if (choice->dry || passed_ns(*time_ns, choice) <= KOI_TIME_GRAIN_NS) return;
  *time_ns = choice->now_ns;
}

static __always_inline struct koi_slot_times* find_times(const struct choice* choice) {
  void* slots = bpf_map_lookup_elem(&koi_slots, &choice->pool_number);
  return slots ? bpf_map_lookup_elem(slots, &choice->slot_number) : NULL;
}

// To where the slot led when it was last at rest, without an entry: the slot may not rest again
// while anybody needs that.
static __always_inline void go_to_previous(struct choice* choice, struct koi_slot_times* times) {
  choice->backend = choice->slot.previous;
  if (times) renew(&times->previous_used_ns, choice);
}

static __always_inline void fill_entry(struct koi_flow* flow, const struct packet* packet,
                                       const struct choice* choice) {
  flow->used_ns = choice->now_ns;
  flow->syn_sequence_be = packet->sequence_be;
  flow->slot = choice->slot_number;
  flow->pool = choice->pool_number;
  flow->backend = choice->backend;
  flow->epoch = choice->slot.epoch;
  flow->src_port = packet->src_port;
  flow->dst_port = packet->dst_port;
  flow->protocol = packet->protocol;
}

// Whether the flow has an entry that names `choice->backend` now. `record` is its own in koi_flows,
// of whatever epoch, or NULL.
static __always_inline int enter(const struct koi_flow_key* key, struct koi_flow* record,
                                 const struct packet* packet, const struct choice* choice) {
  if (choice->dry) return 1;
  if (record) {
    fill_entry(record, packet, choice);
    return 1;
  }
  struct koi_flow flow = {};
  fill_entry(&flow, packet, choice);
  return !bpf_map_update_elem(&koi_flows, key, &flow, BPF_ANY);
}

static __always_inline struct koi_flow_state* find_flow_state(void) {
  const __u32 only = 0;
  return bpf_map_lookup_elem(&koi_flow_state, &only);
}

// Whether a flow that found koi_flows full may come for the next time only now: within the time of
// a handshake its SYN, within that of an idle flow its next datagram.
static __always_inline int was_just_full(const struct koi_flow_state* state,
                                         const struct packet* packet, const struct choice* choice) {
  const struct koi_settings* settings = choice->settings;
  const __u64 silent_ns =
      packet->protocol == IPPROTO_UDP ? settings->idle_udp_ns : settings->handshake_ns;
  return state->full_ns && passed_ns(state->full_ns, choice) < settings->full_ns + silent_ns;
}

// No entry could be made, or none was tried.
static __always_inline void refuse(struct koi_flow_state* state, int full,
                                   const struct choice* choice) {
  if (choice->dry) return;
  if (full) state->full_ns = choice->now_ns;
  __sync_fetch_and_add(&state->refused, 1);
}

// A new flow goes to `current` and gets an entry. While koi_flows has no place, and for a moment
// after, it goes to `previous`: without an entry that is where its next packets go too. For some
// time after that it goes there with an entry, since it may be one that had none.
static __always_inline void begin_flow(const struct koi_flow_key* key, struct koi_flow* record,
                                       const struct packet* packet, struct choice* choice,
                                       struct koi_slot_times* times) {
  choice->is_new = 1;
  choice->why = KOI_CHOICE_NEW;
  choice->backend = choice->slot.current;
  if (record) {
    enter(key, record, packet, choice);
    return;
  }
  struct koi_flow_state* state = find_flow_state();
  if (!state) return;
  if (was_just_full(state, packet, choice)) {
    choice->why = KOI_CHOICE_FULL;
    choice->backend = choice->slot.previous;
  }
  const int may_enter =
      !state->full_ns || passed_ns(state->full_ns, choice) >= choice->settings->full_ns;
  if (may_enter && enter(key, NULL, packet, choice)) return;
  choice->why = KOI_CHOICE_FULL;
  refuse(state, may_enter, choice);
  go_to_previous(choice, times);
}

// A UDP flow has no first packet that one could see. For as long as a live one may be silent after
// the slot left rest, who comes without an entry was there before.
static __always_inline void take_over_datagram(const struct koi_flow_key* key,
                                               struct koi_flow* record, const struct packet* packet,
                                               struct choice* choice,
                                               struct koi_slot_times* times) {
  const int soon = times && passed_ns(times->left_rest_ns, choice) < choice->settings->idle_udp_ns;
  if (!soon && !packet->about) {
    begin_flow(key, record, packet, choice, times);
    return;
  }
  struct koi_flow_state* state = find_flow_state();
  if (!state) return;
  if (packet->about) {
    const int old = soon || was_just_full(state, packet, choice);
    choice->why = old ? KOI_CHOICE_OLD : KOI_CHOICE_NEW;
    choice->backend = old ? choice->slot.previous : choice->slot.current;
    return;
  }
  choice->why = KOI_CHOICE_TAKEN;
  choice->backend = choice->slot.previous;
  if (enter(key, record, packet, choice)) return;
  refuse(state, /*full=*/1, choice);
  go_to_previous(choice, times);
}

static __always_inline int is_down(__u32 number) {
  const struct koi_backend* backend = find_backend(number);
  return !backend || backend->health == KOI_BACKEND_DOWN;
}

// Where a flow belongs is down, or nobody was there when it came: it is lost there, so it may as
// well begin anew.
static __always_inline void leave_if_down(struct koi_flow* entry, struct choice* choice) {
  if (choice->backend || !entry) {
    if (choice->pool->on_down != KOI_ON_DOWN_LEAVE || !is_down(choice->backend)) return;
  }
  choice->why = KOI_CHOICE_DOWN;
  choice->backend = choice->slot.current;
  if (entry && !choice->dry) entry->backend = choice->backend;
}

static __always_inline void choose_in_moved_slot(const struct packet* packet,
                                                 struct choice* choice) {
  choice->now_ns = now_ns(choice->settings);
  const struct koi_flow_key key = flow_key(packet, choice->settings->flow_keys);
  struct koi_flow* record = bpf_map_lookup_elem(&koi_flows, &key);
  struct koi_flow* entry = record && is_entry(record, packet, choice) ? record : NULL;

  if (entry && (!packet->opens || entry->syn_sequence_be == packet->sequence_be)) {
    choice->why = packet->opens ? KOI_CHOICE_RETRANSMISSION : KOI_CHOICE_ENTRY;
    choice->backend = entry->backend;
    if (!packet->about) renew(&entry->used_ns, choice);
    leave_if_down(entry, choice);
    return;
  }
  struct koi_slot_times* times = find_times(choice);
  if (packet->opens) {
    begin_flow(&key, record, packet, choice, times);
  } else if (packet->protocol == IPPROTO_UDP) {
    take_over_datagram(&key, record, packet, choice, times);
  } else {
    choice->why = KOI_CHOICE_OLD;
    go_to_previous(choice, times);
  }
  if (choice->backend != choice->slot.current) leave_if_down(NULL, choice);
}
