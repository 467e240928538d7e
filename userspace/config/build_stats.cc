// SPDX-License-Identifier: Apache-2.0
// Where statistics are served, and to whom.
#include <netinet/in.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

bool IsLoopback(const Address& address) {
  if (address.is_ip4()) return ntohl(address.ip4().s_addr) >> 24 == IN_LOOPBACKNET;
  const in6_addr ip6 = address.ip6();
  return IN6_IS_ADDR_LOOPBACK(&ip6);
}

// "user:password", from whichever key has it; nullopt where neither has.
std::optional<std::string> Credentials(BuildContext& context, const Section& section) {
  if (section.Written("auth") && section.Written("auth_file")) {
    context.problems.Error(section.PlaceOf("auth"),
                           "auth and auth_file are both set; one of them is enough");
    return std::nullopt;
  }
  if (section.Has("auth")) {
    context.problems.Warn(
        section.PlaceOf("auth"),
        "auth holds a password that stands in the configuration; auth_file keeps it out");
    return section.Get<std::string>("auth");
  }
  if (section.Has("auth_file")) return FirstLine(context, section, "auth_file");
  return std::nullopt;
}

}  // namespace

void BuildStats(BuildContext& context) {
  for (const Section& section : context.top.Inside("stats")) {
    StatsConfig stats;
    stats.listen = section.GetOr("listen", Endpoint());
    const std::optional<std::string> credentials = Credentials(context, section);
    if (credentials.has_value()) {
      const size_t colon = credentials->find(':');
      if (colon == credentials->npos || colon == 0 || colon + 1 == credentials->size()) {
        const absl::string_view key = section.Has("auth") ? "auth" : "auth_file";
        context.problems.Error(section.PlaceOf(key),
                               absl::StrCat(key, " does not hold user:password"));
      } else {
        stats.user = credentials->substr(0, colon);
        stats.password = credentials->substr(colon + 1);
      }
    }
    if (section.Has("listen")) {
      const std::string text = stats.listen.ToString();
      context.listens.Add(text, text, section.PlaceOf("listen"), context.problems);
      const bool open = !section.Written("auth") && !section.Written("auth_file");
      if (open && !IsLoopback(stats.listen.address)) {
        context.problems.Warn(section.PlaceOf("listen"),
                              absl::StrCat("statistics on ", text,
                                           " are for everyone to read; auth_file protects them"));
      }
    }
    context.config.stats = std::move(stats);
  }
}

}  // namespace koi
