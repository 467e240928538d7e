// SPDX-License-Identifier: Apache-2.0
// From checked sections to a Config: values put in their places, references resolved, rules
// between keys checked. One function a part; each adds to `config` what is valid.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "config/error.h"
#include "config/section.h"

namespace koi {

// Reads a file that a configuration names.
using ConfigFileReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// Where each thing of one kind was first declared, by what must be unique.
class Declared {
 public:
  // Whether `what` is new; else says so at `place`: "`label` is already used at koi.toml:3".
  bool Add(const std::string& what, absl::string_view label, const Place& place,
           Problems& problems);
  bool Has(const std::string& what) const { return places_.count(what) != 0; }
  std::vector<std::string> names() const;

 private:
  std::map<std::string, Place> places_;
};

// Of the files that hold passwords.
enum class Secrets {
  kRequired,
  kIfPermitted,  // one that this user may not read is a warning: there is a Config, without it
};

struct BuildContext {
  const Section& top;
  const ConfigFileReader& read_file;
  Secrets secrets;
  Problems& problems;
  Config config = {};

  // What other parts refer to. A part that is not complete (one of its members is unnamed or
  // invalid, which is said already) is not complained about where it is referred to.
  Declared vips = {};
  bool vips_complete = true;
  Declared listens = {};  // endpoints, with "/udp" where it is UDP
  bool pools_complete = true;
};

void BuildNode(BuildContext& context);
void BuildXdp(BuildContext& context);
void BuildCarp(BuildContext& context);
void BuildVips(BuildContext& context);  // after BuildCarp
void BuildPools(BuildContext& context);
// Of one service, whose mode and tls are known; `section` is its table.
void BuildTlsOptions(BuildContext& context, const Section& section, ServiceConfig& service);
// Of one pool; `section` is its tls.
void BuildPoolTls(BuildContext& context, const Section& section, PoolConfig& pool);
// Of one pool whose backends are known; `section` is its table.
void BuildL4Pool(BuildContext& context, const Section& section, PoolConfig& pool);
// Of one service whose mode is known; `section` is its table.
void BuildL4Service(BuildContext& context, const Section& section, ServiceConfig& service);
// Whether pool `index`, which `section` (of `label`) names, is for services like `service`.
void CheckPoolFits(BuildContext& context, const Section& section, const std::string& label,
                   const ServiceConfig& service, uint32_t index);
void BuildTunnelSources(BuildContext& context, const Section& section, XdpConfig& xdp);
void BuildTickets(BuildContext& context);
// What only `tls = "passthrough"` has; after the service's own pool.
void BuildPassthrough(BuildContext& context, const Section& section, ServiceConfig& service);
void BuildServices(BuildContext& context);  // after BuildVips and BuildPools
void BuildStats(BuildContext& context);     // after BuildServices

// The path that `key` of `section` names, seen from the folder of the file that names it.
std::string ResolvedPath(const BuildContext& context, const Section& section,
                         absl::string_view key);
// The first line of the file that `key` names; nullopt, and a problem or warning, when it cannot be
// read.
std::optional<std::string> FirstLine(BuildContext& context, const Section& section,
                                     absl::string_view key);
// `service "web"`, or `[[service]]` where it has no valid name.
std::string Label(const Section& section, absl::string_view noun);
// The position of the pool that key `pool` of `section` names; nullopt, and a problem that begins
// with `label`, where there is none.
std::optional<uint32_t> PoolNamedBy(BuildContext& context, const Section& section,
                                    const std::string& label);
// `; did you mean NEAREST?` or "".
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates,
                       absl::string_view quote);

}  // namespace koi
