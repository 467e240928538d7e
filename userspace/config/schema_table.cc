// SPDX-License-Identifier: Apache-2.0
// The tables, and the keys of all of them.
#include "config/schema.h"
#include "config/schema_keys.h"

namespace koi {
namespace {

constexpr ConfigTable kTables[] = {
    {.path = "", .help = "At the top of a file, before its first table."},
    {.path = "node", .required = true, .help = "This host."},
    {.path = "xdp", .help = "How the XDP program is attached to the interface."},
    {.path = "xdp.idle",
     .help =
         "How long a flow of an l4 service may be silent and still keep its backend, whatever "
         "becomes of the pool. The shorter, the less a change of a pool costs: until then flows "
         "that it concerns have entries."},
    {.path = "carp",
     .repeated = true,
     .help = "A group of VIPs that move together between hosts: one CARP election."},
    {.path = "vip", .repeated = true, .help = "An address that moves between hosts."},
    {.path = "stats", .help = "The statistics over HTTP. Without this table there is none."},
    {.path = "tickets", .help = "Session tickets, by which TLS clients come back cheaply."},
    {.path = "service", .repeated = true, .help = "What is offered on VIPs, and how."},
    {.path = "service.certificates",
     .repeated = true,
     .help = "With `tls = \"terminate\"`, unless `self_signed` is set. A client gets the one for "
             "the name that it asks for, of the kind of key that it can use, and the first where "
             "none is."},
    {.path = "service.tls_options",
     .help = "What is agreed on with TLS clients; with `tls = \"terminate\"`."},
    {.path = "service.route",
     .repeated = true,
     .help = "Connections that are for another pool, with `tls = \"passthrough\"`: the most exact "
             "name decides. What no route is for goes to the service's `pool`; without one it is "
             "closed."},
    {.path = "service.timeouts", .help = "How long clients are waited for."},
    {.path = "service.limits",
     .help = "What clients may send. All but `body_rate` are for `mode = \"http\"`."},
    {.path = "pool",
     .repeated = true,
     .help =
         "Backends that do the same work. One with `forward` is for services with `mode = "
         "\"l4\"`, and has of the keys below `check`, `slow_start` and `backend`; the others are "
         "for the other modes."},
    {.path = "pool.check", .help = "How the health of the backends is found out."},
    {.path = "pool.tls",
     .help = "TLS to the backends: `tls = {}` is enough where their certificates are for their "
             "addresses. Health checks stay as `check` says: over TCP, without TLS."},
    {.path = "pool.timeouts", .help = "How long backends are waited for."},
    {.path = "pool.limits", .help = "What backends get at once, over all workers."},
    {.path = "pool.backend",
     .repeated = true,
     .help = "A server. A pool without any is valid; `koi backend add` adds more."},
};

}  // namespace

const Schema& ConfigSchema() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (const auto part : {NodeKeys(), ServiceKeys(), PoolKeys()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  static const Schema kSchema = {.tables = kTables, .keys = keys};
  return kSchema;
}

}  // namespace koi
