// SPDX-License-Identifier: Apache-2.0
// Carp messages as JSON.
#include "protocol/carp_messages.h"

#include "protocol/json_carp.h"

namespace koi {

NLOHMANN_JSON_SERIALIZE_ENUM(XdpMode, {{XdpMode::kAuto, "auto"},
                                       {XdpMode::kNative, "native"},
                                       {XdpMode::kGeneric, "generic"}})
NLOHMANN_JSON_SERIALIZE_ENUM(XdpAttach,
                             {{XdpAttach::kOnMaster, "on-master"}, {XdpAttach::kAlways, "always"}})
NLOHMANN_JSON_SERIALIZE_ENUM(CarpHash, {{CarpHash::kFirst, "first"}, {CarpHash::kAll, "all"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(XdpConfig, mode, attach)

// The password may hold any bytes, which JSON cannot: it travels as numbers.
static void to_json(Json& json, const CarpConfig& carp) {
  json = {{"vhid", carp.vhid},
          {"password", std::vector<uint8_t>(carp.password.begin(), carp.password.end())},
          {"advbase", carp.advbase},
          {"advskew", carp.advskew},
          {"preempt", carp.preempt},
          {"hash", carp.hash},
          {"dead_ratio", carp.dead_ratio}};
  if (carp.source.has_value()) json["source"] = *carp.source;
}

static void from_json(const Json& json, CarpConfig& carp) {
  json.at("vhid").get_to(carp.vhid);
  const auto password = json.at("password").get<std::vector<uint8_t>>();
  carp.password.assign(password.begin(), password.end());
  json.at("advbase").get_to(carp.advbase);
  json.at("advskew").get_to(carp.advskew);
  json.at("preempt").get_to(carp.preempt);
  json.at("hash").get_to(carp.hash);
  json.at("dead_ratio").get_to(carp.dead_ratio);
  if (json.contains("source")) carp.source = json.at("source").get<Address>();
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CarpGroup, number, carp, vips, l4_vips)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CarpConfigure, interface, xdp, groups)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CarpReport, groups, xdp)

absl::string_view CarpRoleName(CarpRole role) {
  switch (role) {
    case CarpRole::kInit: return "init";
    case CarpRole::kBackup: return "backup";
    case CarpRole::kMaster: return "master";
  }
  return "init";
}

std::string EncodeCarpMessage(const CarpMessage& message) {
  if (const auto* configure = std::get_if<CarpConfigure>(&message)) {
    return ToText({{"configure", *configure}});
  }
  return ToText({{"report", std::get<CarpReport>(message)}});
}

absl::StatusOr<CarpMessage> DecodeCarpMessage(absl::string_view bytes) {
  return Decode<CarpMessage>("carp message", bytes, [](const Json& json) -> CarpMessage {
    if (json.contains("configure")) return json.at("configure").get<CarpConfigure>();
    return json.at("report").get<CarpReport>();
  });
}

}  // namespace koi
