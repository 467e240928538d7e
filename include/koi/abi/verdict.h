// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_verdicts: how often koi_xdp left a packet for each reason, by number; one copy a CPU.
// Written by koi_xdp. Read by koi-manager. The order below is ABI: append only.
#pragma once

#include <koi/abi/abi.h>

#define KOI_VERDICTS(X)                                                                           \
  X(NOT_IP, XDP_PASS, "Neither IPv4 nor IPv6; left to the kernel")                                \
  X(NOT_OURS, XDP_PASS, "No VIP matches; left to the kernel")                                     \
  X(UNREADABLE, XDP_PASS, "Ends before its destination; left to the kernel")                      \
  X(OTHER_MAC, XDP_PASS, "For a VIP, but the frame is for another MAC; left to the kernel")       \
  X(BAD_HEADER, XDP_DROP, "For a VIP, with an impossible version, length or header size")         \
  X(TRUNCATED, XDP_DROP, "For a VIP, but ends inside a header")                                   \
  X(BAD_SOURCE, XDP_DROP, "For a VIP, from an address that can send nothing (RFC 6890)")          \
  X(BAD_FLAGS, XDP_DROP, "For a VIP, with TCP flags no sender sets together")                     \
  X(FRAGMENT_LOCAL, XDP_PASS, "Fragment for a VIP; the kernel reassembles it")                    \
  X(OPTIONS_LOCAL, XDP_PASS,                                                                      \
    "For a VIP, with IP options or extension headers; the kernel reads them")                     \
  X(OTHER_PROTOCOL, XDP_PASS, "For a VIP, of a protocol that no service has; left to the kernel") \
  X(NO_SERVICE, XDP_PASS, "For a VIP's port that no service has; left to the kernel")             \
  X(GATE_CLOSED_LOCAL, XDP_PASS,                                                                  \
    "For a service of a group this host is not master of; left to the kernel")                    \
  X(NO_CPU, XDP_PASS, "For a service, but no worker's CPU takes packets; left to the kernel")     \
  X(STEERED, XDP_REDIRECT, "Sent to the CPU of the worker that owns the flow")                    \
  X(AT_WORKER, XDP_PASS, "Came in on the CPU of the worker that owns the flow")                   \
  X(NOT_STEERED, XDP_PASS, "For a service, with steering off; left to the CPU it came in on")     \
  X(DENIED, XDP_DROP, "For a VIP, from a denied prefix")                                          \
  X(TAGGED_LOCAL, XDP_PASS, "For a service, in a VLAN; the kernel knows whether that is ours")    \
  X(NO_L4_SERVICE, XDP_DROP, "For a port that no service has, of a VIP with l4 services alone")   \
  X(GATE_CLOSED_L4, XDP_DROP, "For an l4 service of a group this host is not master of")          \
  X(FORWARDED, XDP_TX, "Sent on to its backend, out of the interface it came in on")              \
  X(FORWARDED_ELSEWHERE, XDP_REDIRECT, "Sent on to its backend, out of another interface")        \
  X(NO_BACKEND, XDP_DROP, "For an l4 service, none of whose backends is up")                      \
  X(BACKEND_UNRESOLVED, XDP_DROP, "For a backend whose MAC is not known yet")                     \
  X(BACKEND_HERE, XDP_PASS, "For a backend that is this host; left to the kernel")                \
  X(FRAGMENT_UNKNOWN, XDP_DROP, "Fragment for a VIP with l4 services alone, without its first")   \
  X(TINY_FRAGMENT, XDP_DROP, "First fragment for a VIP, too small for its ports (RFC 1858)")      \
  X(SOURCE_ROUTED, XDP_DROP, "For a VIP, with a source route (RFC 7126)")                         \
  X(TOO_MANY_HEADERS, XDP_DROP, "For a VIP with l4 services alone, with too many IPv6 headers")   \
  X(BAD_IP_CHECKSUM, XDP_DROP, "For an l4 service, with a wrong checksum in its IPv4 header")     \
  X(NO_UDP_CHECKSUM, XDP_DROP, "For an l4 service, UDP over IPv6 without a checksum")             \
  X(TTL_EXPIRED, XDP_DROP, "For an l4 service, with no hop left to its backend")                  \
  X(TOO_BIG, XDP_DROP, "For an l4 service, larger than the way to its backend")                   \
  X(TOO_BIG_TOLD, XDP_TX, "Larger than the way to its backend: its sender was told so")           \
  X(BAD_ICMP, XDP_DROP,                                                                           \
    "For a VIP, an ICMP redirect, source quench, or error about nothing of ours")                 \
  X(ICMP_LOCAL, XDP_PASS,                                                                         \
    "ICMP for a VIP: an error about a service here, or a question; left to the kernel")

#define KOI_AS_VERDICT(name, action, help) KOI_VERDICT_##name,
enum koi_verdict {
  KOI_VERDICTS(KOI_AS_VERDICT) KOI_VERDICT_COUNT,
  KOI_UNDECIDED = KOI_VERDICT_COUNT,  // no reason to leave yet
};
#undef KOI_AS_VERDICT
