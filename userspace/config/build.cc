// SPDX-License-Identifier: Apache-2.0
// What the parts of a configuration have in common, and the smallest two: node and xdp.
#include "config/build.h"

#include <unistd.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace koi {
namespace {

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0) return "localhost";
  return name;
}

}  // namespace

bool Declared::Add(const std::string& what, absl::string_view label, const Place& place,
                   Problems& problems) {
  const auto [found, added] = places_.emplace(what, place);
  if (!added) {
    problems.Error(place,
                   absl::StrCat(label, " is already used at ", problems.Describe(found->second)));
  }
  return added;
}

std::vector<std::string> Declared::names() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : places_) names.push_back(name);
  return names;
}

std::string ResolvedPath(const BuildContext& context, const Section& section,
                         absl::string_view key) {
  const std::string& path = section.Get<std::string>(key);
  if (absl::StartsWith(path, "/")) return path;
  const std::string& file = context.problems.path(section.PlaceOf(key));
  return absl::StrCat(file.substr(0, file.rfind('/') + 1), path);
}

std::optional<std::string> FirstLine(BuildContext& context, const Section& section,
                                     absl::string_view key) {
  const absl::StatusOr<std::string> text = context.read_file(ResolvedPath(context, section, key));
  if (text.ok()) return text->substr(0, text->find('\n'));
  if (context.secrets == Secrets::kIfPermitted && absl::IsPermissionDenied(text.status())) {
    context.problems.Warn(section.PlaceOf(key),
                          absl::StrCat(key, " is not checked: ", text.status().message()));
    return std::nullopt;
  }
  context.problems.Error(section.PlaceOf(key), absl::StrCat(key, ": ", text.status().message()));
  return std::nullopt;
}

std::string Label(const Section& section, absl::string_view noun) {
  if (!section.Has("name")) return absl::StrCat("[[", noun, "]]");
  return absl::StrCat(noun, " \"", section.Get<std::string>("name"), "\"");
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates,
                       absl::string_view quote) {
  const std::string nearest = Nearest(word, candidates);
  if (nearest.empty()) return "";
  return absl::StrCat("; did you mean ", quote, nearest, quote, "?");
}

void BuildNode(BuildContext& context) {
  NodeConfig& node = context.config.node;
  if (!context.top.Written("node")) {
    context.problems.Error({0, 1, 1},
                           "[node] is missing; it names the interface, as interface = \"eth0\"");
    return;
  }
  for (const Section& section : context.top.Inside("node")) {
    node.name = section.GetOr("name", HostName());
    node.interface = section.GetOr<std::string>("interface", "");
    node.run = section.GetOr("run", node.run);
    node.state = section.GetOr("state", node.state);
    node.bpffs = section.GetOr("bpffs", node.bpffs);
  }
}

void BuildXdp(BuildContext& context) {
  XdpConfig& xdp = context.config.xdp;
  for (const Section& section : context.top.Inside("xdp")) {
    const auto mode = section.GetOr<std::string>("mode", "auto");
    xdp.mode = mode == "native"    ? XdpMode::kNative
               : mode == "generic" ? XdpMode::kGeneric
                                   : XdpMode::kAuto;
    const auto attach = section.GetOr<std::string>("attach", "on-master");
    xdp.attach = attach == "always" ? XdpAttach::kAlways : XdpAttach::kOnMaster;
    const auto steer = section.GetOr<std::string>("steer", "always");
    xdp.steer = steer == "elsewhere" ? XdpSteer::kElsewhere
                : steer == "never"   ? XdpSteer::kNever
                                     : XdpSteer::kAlways;
    BuildTunnelSources(context, section, xdp);
    xdp.flows = static_cast<uint32_t>(section.GetOr<int64_t>("flows", xdp.flows));
    for (const Section& idle : section.Inside("idle")) {
      xdp.idle_tcp = idle.GetOr("tcp", xdp.idle_tcp);
      xdp.idle_udp = idle.GetOr("udp", xdp.idle_udp);
    }
  }
}

}  // namespace koi
