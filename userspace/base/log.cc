// SPDX-License-Identifier: Apache-2.0
// Log lines through spdlog, the only file that includes it.
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/text.h"

namespace koi {
namespace {

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("koi", std::make_shared<spdlog::sinks::stderr_sink_st>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return logger;
}

// A value is quoted when it would not read back as one word.
std::string Quoted(absl::string_view value) {
  if (!value.empty() && value.find_first_of(" \"=\n\r\t") == absl::string_view::npos) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);  // one event stays one line
  }
  quoted.push_back('"');
  return quoted;
}

void Log(spdlog::level::level_enum level, absl::string_view event,
         std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=", Quoted(field.value));
  }
  Logger()->log(level, StdView(line));
  Logger()->flush();
}

}  // namespace

void SetLogName(const std::string& name) {
  auto named = Logger()->clone(name);
  named->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
  Logger() = named;
}

void LogInfo(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(spdlog::level::info, event, fields);
}
void LogWarn(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(spdlog::level::warn, event, fields);
}
void LogError(absl::string_view event, std::initializer_list<LogField> fields) {
  Log(spdlog::level::err, event, fields);
}

}  // namespace koi
