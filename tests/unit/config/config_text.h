// SPDX-License-Identifier: Apache-2.0
// Configurations as texts in tests.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "config/load.h"

namespace koi {

// The smallest valid configuration that serves something; tests add to it or replace its lines.
constexpr char kSmallConfig[] = R"(version = 1
[node]
interface = "eth0"
[[carp]]
vhid = 42
password_file = "carp.key"
[[vip]]
address = "10.0.1.201"
[[service]]
name = "web"
listen = ["10.0.1.201:80"]
pool = "web"
[[pool]]
name = "web"
backend = [{ name = "web-1", address = "10.0.2.11:8080" }]
)";

// One that serves nothing but an l4 service.
constexpr char kL4Config[] = R"(version = 1
[node]
interface = "eth0"
[[carp]]
vhid = 42
password_file = "carp.key"
[[vip]]
address = "10.0.1.201"
[[vip]]
address = "fd00:1::201"
[xdp]
[[service]]
name = "dns"
mode = "l4"
listen = ["10.0.1.201:53"]
pool = "dns"
[[pool]]
name = "dns"
forward = "dsr"
backend = [{ name = "dns-1", address = "10.0.2.11:53" }]
)";

// Files that configurations of tests may name.
inline absl::StatusOr<std::string> ReadTestFile(const std::string& path) {
  if (path == "carp.key" || path == "/etc/koi/carp.key") return "foobar23\nnot the password\n";
  if (path == "/etc/koi/stats.auth") return "admin:a:colon\n";
  if (path == "no-colon") return "admin\n";
  if (path == "blank") return "foobar23 \n";
  if (path == "empty") return "\n";
  if (path == "long") return "12345678901234567890\n";
  return absl::NotFoundError(absl::StrCat("cannot open ", path, ": No such file or directory"));
}

inline ConfigResult Parse(const std::string& text) {
  return ParseConfig({{"koi.toml", text}}, ReadTestFile);
}

// Every error of `text` without its source line: "12:3: message".
inline std::vector<std::string> ErrorsOf(const std::string& text) {
  std::vector<std::string> errors;
  for (const ConfigError& error : Parse(text).errors) {
    errors.push_back(absl::StrCat(error.line, ":", error.column, ": ", error.message));
  }
  return errors;
}

}  // namespace koi
