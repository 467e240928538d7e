// SPDX-License-Identifier: Apache-2.0
// Groups and their VIPs.
#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/build.h"

namespace koi {
namespace {

// The key of an advert's HMAC has 20 bytes, of which ucarp and the BSDs use 19.
constexpr size_t kMaxPasswordBytes = 19;

bool IsUnicast(const Address& address) {
  if (address.is_ip4()) {
    const uint32_t ip4 = ntohl(address.ip4().s_addr);
    return ip4 != INADDR_ANY && !IN_MULTICAST(ip4) && ip4 != INADDR_BROADCAST &&
           ip4 >> 24 != IN_LOOPBACKNET;
  }
  const in6_addr ip6 = address.ip6();
  return !IN6_IS_ADDR_UNSPECIFIED(&ip6) && !IN6_IS_ADDR_MULTICAST(&ip6) &&
         !IN6_IS_ADDR_LOOPBACK(&ip6);
}

// The password of a group; nullopt, and a problem, when there is none that CARP takes.
std::optional<std::string> Password(BuildContext& context, const Section& section) {
  Problems& problems = context.problems;
  if (section.Written("password") && section.Written("password_file")) {
    problems.Error(section.PlaceOf("password"),
                   "password and password_file are both set; one of them is enough");
    return std::nullopt;
  }
  if (!section.Written("password") && !section.Written("password_file")) {
    problems.Error(section.place(),
                   "[[carp]] lacks \"password_file\": the file whose first line is the password");
    return std::nullopt;
  }
  std::optional<std::string> password;
  const absl::string_view key = section.Written("password") ? "password" : "password_file";
  if (section.Has("password")) {
    password = section.Get<std::string>("password");
    if (!problems.IsMade(section.PlaceOf(key))) {
      problems.Warn(section.PlaceOf(key),
                    "password stands in the configuration; password_file keeps it out");
    }
  } else if (section.Has("password_file")) {
    password = FirstLine(context, section, key);
  }
  if (!password.has_value()) return std::nullopt;
  if (password->empty() || password->size() > kMaxPasswordBytes) {
    problems.Error(section.PlaceOf(key),
                   absl::StrCat(key, section.Has("password") ? " is " : " holds a password of ",
                                password->size(), " bytes; CARP takes 1 to ", kMaxPasswordBytes));
    return std::nullopt;
  }
  if (absl::ascii_isspace(static_cast<unsigned char>(password->back()))) {
    problems.Warn(section.PlaceOf(key),
                  absl::StrCat(key, " ends in a blank, which is part of the password"));
  }
  return password;
}

void BuildGroup(BuildContext& context, const Section& section, Declared& vhids) {
  Problems& problems = context.problems;
  CarpConfig carp;
  carp.vhid = static_cast<uint8_t>(section.GetOr<int64_t>("vhid", 0));
  carp.password = Password(context, section).value_or("");
  carp.advbase = static_cast<uint8_t>(section.GetOr<int64_t>("advbase", carp.advbase));
  carp.advskew = static_cast<uint8_t>(section.GetOr<int64_t>("advskew", carp.advskew));
  carp.preempt = section.GetOr("preempt", carp.preempt);
  carp.hash =
      section.GetOr<std::string>("hash", "first") == "all" ? CarpHash::kAll : CarpHash::kFirst;
  carp.dead_ratio = static_cast<uint8_t>(section.GetOr<int64_t>("dead_ratio", carp.dead_ratio));
  if (section.Has("source")) {
    carp.source = section.Get<Address>("source");
    if (!carp.source->is_ip4() || !IsUnicast(*carp.source)) {
      problems.Error(section.PlaceOf("source"),
                     absl::StrCat("source \"", carp.source->ToString(),
                                  "\" is not the IPv4 address of a host"));
    }
  }
  if (section.Has("vhid")) {
    vhids.Add(absl::StrCat(carp.vhid), absl::StrCat("vhid ", carp.vhid), section.PlaceOf("vhid"),
              problems);
  }
  context.config.carp.push_back(std::move(carp));
}

// The position of the VIP's group in Config::carp; nullopt, and a problem, when that is not clear.
std::optional<uint32_t> GroupOf(BuildContext& context, const Section& section) {
  const std::vector<CarpConfig>& groups = context.config.carp;
  if (groups.empty() && context.top.Mistaken("carp")) return std::nullopt;
  if (groups.empty()) {
    context.problems.Error(section.place(), "[[vip]] has no group: there is no [[carp]]");
    return std::nullopt;
  }
  if (!section.Written("group")) {
    if (groups.size() == 1) return 0;
    context.problems.Error(
        section.place(),
        absl::StrCat("[[vip]] lacks \"group\": there are ", groups.size(), " groups, with vhid ",
                     absl::StrJoin(groups, ", ", [](std::string* out, const CarpConfig& group) {
                       absl::StrAppend(out, group.vhid);
                     })));
    return std::nullopt;
  }
  if (!section.Has("group")) return std::nullopt;
  const int64_t vhid = section.Get<int64_t>("group");
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].vhid == vhid) return static_cast<uint32_t>(i);
  }
  const bool all_valid = std::none_of(groups.begin(), groups.end(),
                                      [](const CarpConfig& group) { return group.vhid == 0; });
  if (all_valid) {
    context.problems.Error(section.PlaceOf("group"),
                           absl::StrCat("group ", vhid, " is the vhid of no [[carp]]"));
  }
  return std::nullopt;
}

void BuildVip(BuildContext& context, const Section& section) {
  const std::optional<uint32_t> group = GroupOf(context, section);
  if (!section.Has("address")) {
    context.vips_complete = false;
    return;
  }
  const Address address = section.Get<Address>("address");
  const std::string text = address.ToString();
  const Place& place = section.PlaceOf("address");
  if (!IsUnicast(address)) {
    context.problems.Error(
        place, absl::StrCat("address \"", text, "\" cannot be a VIP: it is not of one host"));
  }
  if (!context.vips.Add(text, absl::StrCat("VIP ", text), place, context.problems)) return;
  context.config.vips.push_back({.address = address, .group = group.value_or(0)});
}

// What an advert covers must exist.
void CheckGroup(BuildContext& context, uint32_t index, const Section& section) {
  const CarpConfig& group = context.config.carp[index];
  bool any = false;
  bool any_ip4 = false;
  for (const VipConfig& vip : context.config.vips) {
    if (vip.group != index) continue;
    any = true;
    any_ip4 = any_ip4 || vip.address.is_ip4();
  }
  if (!any) {
    context.problems.Error(section.place(), absl::StrCat("group ", group.vhid, " has no [[vip]]"));
  } else if (group.hash == CarpHash::kFirst && !any_ip4) {
    context.problems.Error(
        section.PlaceOf("hash"),
        absl::StrCat("group ", group.vhid,
                     " has no IPv4 VIP for hash = \"first\" to cover; use hash = \"all\""));
  }
}

}  // namespace

void BuildCarp(BuildContext& context) {
  Declared vhids;
  for (const Section& section : context.top.Inside("carp")) BuildGroup(context, section, vhids);
}

void BuildVips(BuildContext& context) {
  const std::vector<Section>& sections = context.top.Inside("vip");
  context.vips_complete = !context.top.Mistaken("vip");
  for (const Section& section : sections) BuildVip(context, section);
  if (sections.size() > kMaxVips) {
    context.problems.Error(
        sections[kMaxVips].place(),
        absl::StrCat("there are ", sections.size(), " VIPs; at most ", kMaxVips, " are possible"));
  }
  // Which group a VIP is of is clear only when nothing is wrong so far.
  if (context.problems.any_error()) return;
  const std::vector<Section>& groups = context.top.Inside("carp");
  for (size_t i = 0; i < groups.size(); ++i) {
    CheckGroup(context, static_cast<uint32_t>(i), groups[i]);
  }
}

}  // namespace koi
