// SPDX-License-Identifier: Apache-2.0
// The configuration reader on any bytes: it ends, with a configuration or with reasons.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const koi::ConfigResult result =
      koi::ParseConfig({{"fuzz.toml", text}},
                       [](const std::string&) -> absl::StatusOr<std::string> { return "a:b"; });
  KOI_CHECK(result.config.has_value() == result.errors.empty());
  for (const koi::ConfigError& error : result.errors) KOI_CHECK(!error.ToString().empty());
  return 0;
}
