// SPDX-License-Identifier: Apache-2.0
// The reader of state.toml on any bytes: it ends, with reasons or with changes, which are written
// as they were read.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "config/state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const koi::StateResult result = koi::ParseState({"state.toml", text});
  KOI_CHECK(result.state.has_value() == result.errors.empty());
  for (const koi::ConfigError& error : result.errors) KOI_CHECK(!error.ToString().empty());
  if (!result.state.has_value()) return 0;
  const koi::StateResult again = koi::ParseState({"state.toml", koi::FormatState(*result.state)});
  KOI_CHECK(again.state == result.state);
  return 0;
}
