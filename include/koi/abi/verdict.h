// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_verdicts: how often koi_xdp left a packet for each reason, by number; one copy a CPU.
// Written by koi_xdp. Read by koi-manager. The order below is ABI: append only.
#pragma once

#include <koi/abi/abi.h>

#define KOI_VERDICTS(X)                                                                       \
  X(NOT_IP, XDP_PASS, "Neither IPv4 nor IPv6; left to the kernel")                            \
  X(NOT_OURS, XDP_PASS, "No VIP matches; left to the kernel")                                 \
  X(UNREADABLE, XDP_PASS, "Ends before its destination; left to the kernel")                  \
  X(OTHER_MAC, XDP_PASS, "For a VIP, but the frame is for another MAC; left to the kernel")   \
  X(BAD_HEADER, XDP_DROP, "For a VIP, with an impossible version, length or header size")     \
  X(TRUNCATED, XDP_DROP, "For a VIP, but ends inside a header")                               \
  X(BAD_SOURCE, XDP_DROP, "For a VIP, from an address that can send nothing (RFC 6890)")      \
  X(BAD_FLAGS, XDP_DROP, "For a VIP, with TCP flags no sender sets together")                 \
  X(FRAGMENT_LOCAL, XDP_PASS, "Fragment for a VIP; the kernel reassembles it")                \
  X(OPTIONS_LOCAL, XDP_PASS,                                                                  \
    "For a VIP, with IP options or extension headers; the kernel reads them")                 \
  X(OTHER_PROTOCOL, XDP_PASS, "For a VIP, but not TCP; left to the kernel")                   \
  X(NO_SERVICE, XDP_PASS, "For a VIP's port that no service has; left to the kernel")         \
  X(GATE_CLOSED_LOCAL, XDP_PASS,                                                              \
    "For a service of a group this host is not master of; left to the kernel")                \
  X(NO_CPU, XDP_PASS, "For a service, but no worker's CPU takes packets; left to the kernel") \
  X(STEERED, XDP_REDIRECT, "Sent to the CPU of the worker that owns the flow")                \
  X(AT_WORKER, XDP_PASS, "Came in on the CPU of the worker that owns the flow")               \
  X(NOT_STEERED, XDP_PASS, "For a service, with steering off; left to the CPU it came in on")

#define KOI_AS_VERDICT(name, action, help) KOI_VERDICT_##name,
enum koi_verdict {
  KOI_VERDICTS(KOI_AS_VERDICT) KOI_VERDICT_COUNT,
  KOI_UNDECIDED = KOI_VERDICT_COUNT,  // no reason to leave yet
};
#undef KOI_AS_VERDICT
