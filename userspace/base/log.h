// SPDX-License-Identifier: Apache-2.0
// One event, one line on standard error: time, level, process, event, key=value...
// The level says who acts: error: the operator now; warn: the operator soon; info: nobody, state
// changed. Never called for what a client's packets or requests do: those are counted.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace koi {

struct LogField {
  LogField(absl::string_view field_key, const absl::AlphaNum& field_value)
      : key(field_key), value(field_value.Piece()) {}
  absl::string_view key;
  std::string value;
};

// Names this process in each line. Called once, first thing in main().
void SetLogName(const std::string& name);

void LogInfo(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogWarn(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogError(absl::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace koi
