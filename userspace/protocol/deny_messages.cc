// SPDX-License-Identifier: Apache-2.0
// Messages about denied clients as JSON.
#include "protocol/deny_messages.h"

#include "protocol/json_values.h"

namespace koi {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DenyReport, added, removed, unchanged, denied)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DenyEntry, prefix, since_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DenyListing, denied)

static void to_json(Json& json, const DenyOrder& order) {
  json = {{"prefixes", order.prefixes}, {"replace", order.replace}};
}
static void from_json(const Json& json, DenyOrder& order) {
  json.at("prefixes").get_to(order.prefixes);
  if (json.contains("replace")) json.at("replace").get_to(order.replace);
}

std::string EncodeJson(const DenyOrder& value) { return ToText(value); }
std::string EncodeJson(const DenyReport& value) { return ToText(value); }
std::string EncodeJson(const DenyListing& value) { return ToText(value); }

absl::StatusOr<DenyOrder> DecodeDenyOrder(absl::string_view json) {
  return Decode<DenyOrder>("list of prefixes", json,
                           [](const Json& parsed) { return parsed.get<DenyOrder>(); });
}
absl::StatusOr<DenyReport> DecodeDenyReport(absl::string_view json) {
  return Decode<DenyReport>("report on denied prefixes", json,
                            [](const Json& parsed) { return parsed.get<DenyReport>(); });
}
absl::StatusOr<DenyListing> DecodeDenyListing(absl::string_view json) {
  return Decode<DenyListing>("list of denied prefixes", json,
                             [](const Json& parsed) { return parsed.get<DenyListing>(); });
}

}  // namespace koi
