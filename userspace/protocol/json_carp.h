// SPDX-License-Identifier: Apache-2.0
// How koi-carp's reports look in JSON: to the manager and, the same, on the stats endpoint.
#pragma once

#include "protocol/carp_messages.h"
#include "protocol/json_values.h"

namespace koi {

NLOHMANN_JSON_SERIALIZE_ENUM(CarpRole, {{CarpRole::kInit, "init"},
                                        {CarpRole::kBackup, "backup"},
                                        {CarpRole::kMaster, "master"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CarpPeer, source, advbase, advskew, heard_ms_ago)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CarpMismatch, source, adverts, heard_ms_ago)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(XdpReport, attached, mode, why)

inline void to_json(Json& json, const CarpGroupReport& report) {
  json = {{"group", report.number},
          {"vhid", report.vhid},
          {"state", report.role},
          {"reason", report.reason},
          {"since_ms_ago", report.since_ms_ago},
          {"adverts_sent", report.adverts_sent},
          {"adverts_received", report.adverts_received},
          {"bad_authentication", report.bad_authentication},
          {"malformed", report.malformed},
          {"peers", report.peers},
          {"mismatches", report.mismatches}};
}

inline void from_json(const Json& json, CarpGroupReport& report) {
  json.at("group").get_to(report.number);
  json.at("vhid").get_to(report.vhid);
  json.at("state").get_to(report.role);
  json.at("reason").get_to(report.reason);
  json.at("since_ms_ago").get_to(report.since_ms_ago);
  json.at("adverts_sent").get_to(report.adverts_sent);
  json.at("adverts_received").get_to(report.adverts_received);
  json.at("bad_authentication").get_to(report.bad_authentication);
  json.at("malformed").get_to(report.malformed);
  json.at("peers").get_to(report.peers);
  json.at("mismatches").get_to(report.mismatches);
}

}  // namespace koi
