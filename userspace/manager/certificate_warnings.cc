// SPDX-License-Identifier: Apache-2.0
// Days, counted and said.
#include "manager/certificate_warnings.h"

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

constexpr int64_t kSoonDays = 14;
constexpr int64_t kSecondsPerDay = 24 * 3600;
constexpr size_t kMostSaid = 5;

std::string HowSoon(int64_t left_s) {
  if (left_s <= 0) return "has expired";
  const int64_t days = left_s / kSecondsPerDay;
  if (days == 0) return "expires in less than a day";
  return days == 1 ? "expires in 1 day" : absl::StrCat("expires in ", days, " days");
}

}  // namespace

std::vector<std::string> CertificateWarnings(const std::vector<CertificateExpiry>& certificates,
                                             int64_t now_s) {
  std::vector<std::string> warnings;
  size_t soon = 0;
  for (const CertificateExpiry& one : certificates) {
    if (one.until_s >= now_s + kSoonDays * kSecondsPerDay) break;
    if (++soon > kMostSaid) continue;
    const std::string whose =
        one.pool.empty() ? absl::StrCat("service ", one.service) : absl::StrCat("pool ", one.pool);
    warnings.push_back(absl::StrCat("the certificate of ", whose, " for ", one.name, " ",
                                    HowSoon(one.until_s - now_s)));
  }
  if (soon > kMostSaid) {
    const size_t more = soon - kMostSaid;
    const char* const have = more == 1 ? " more certificate has expired or expires in "
                                       : " more certificates have expired or expire in ";
    warnings.push_back(absl::StrCat(more, have, kSoonDays, " days; see koi cert list"));
  }
  return warnings;
}

}  // namespace koi
