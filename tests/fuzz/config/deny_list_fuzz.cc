// SPDX-License-Identifier: Apache-2.0
// The reader of deny lists on any bytes: it ends, with reasons or with prefixes, which are written
// as they were read.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "config/deny_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const koi::DenyText read = koi::ParseDenyText("deny.list", text);
  KOI_CHECK(read.errors.empty() || read.entries.empty());
  if (!read.errors.empty()) return 0;
  const koi::DenyText again = koi::ParseDenyText("again", koi::FormatDenyText(read.entries));
  KOI_CHECK(again.errors.empty() && again.entries == read.entries);
  return 0;
}
