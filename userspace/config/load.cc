// SPDX-License-Identifier: Apache-2.0
// From files to a Config, in three steps: syntax, shape, meaning. A later step is taken only when
// the one before left nothing that would make it complain about what is not the operator's mistake.
#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "config/numbers.h"
#include "config/section.h"

namespace koi {
namespace {

constexpr size_t kMaxSecretBytes = 4096;

Config Build(const Section& top, const ConfigFileReader& read_file, Secrets secrets,
             Problems& problems) {
  BuildContext context = {
      .top = top, .read_file = read_file, .secrets = secrets, .problems = problems};
  if (!top.Written("version")) {
    problems.Error({0, 1, 1}, "version is missing; this format is version = 1");
  }
  BuildNode(context);
  BuildXdp(context);
  BuildCarp(context);
  BuildVips(context);
  BuildPools(context);
  BuildTickets(context);
  BuildServices(context);
  BuildStats(context);
  AssignNumbers(Config(), context.config);
  return std::move(context.config);
}

ConfigResult Finish(std::optional<Config> config, const Problems& problems) {
  ConfigResult result;
  result.errors = problems.errors();
  result.warnings = problems.warnings();
  if (result.errors.empty()) result.config = std::move(config);
  return result;
}

}  // namespace

std::vector<std::string> ConfigFiles(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  std::filesystem::directory_iterator entry(absl::StrCat(path, "/conf.d"), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::EndsWith(name, ".toml") && !absl::StartsWith(name, ".")) {
      files.push_back(entry->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  files.insert(files.begin(), absl::StrCat(path, "/koi.toml"));
  return files;
}

absl::StatusOr<std::string> ReadNamedFile(const std::string& path) {
  return ReadFile(path, kMaxSecretBytes);
}

ConfigTexts ReadConfigFiles(const std::vector<std::string>& files) {
  ConfigTexts texts;
  if (files.empty()) texts.errors.push_back({.message = "no configuration file was named"});
  for (const std::string& file : files) {
    absl::StatusOr<std::string> text = ReadFile(file);
    if (text.ok()) {
      texts.sources.push_back({file, *std::move(text)});
    } else {
      texts.errors.push_back({.file = file, .message = std::string(text.status().message())});
    }
  }
  return texts;
}

ConfigResult LoadConfig(const std::vector<std::string>& files) {
  ConfigTexts texts = ReadConfigFiles(files);
  if (texts.errors.empty()) return ParseConfig(texts.sources, ReadNamedFile, Secrets::kIfPermitted);
  return {.config = std::nullopt, .errors = std::move(texts.errors), .warnings = {}};
}

ConfigResult ParseConfig(const std::vector<ConfigSource>& sources,
                         const ConfigFileReader& read_file, Secrets secrets) {
  Problems problems(sources);
  std::optional<Section> top;
  bool all_parsed = true;
  for (size_t i = 0; i < sources.size(); ++i) {
    Problems syntax(sources);
    const Node document = ParseDocument(i, sources[i].text, syntax);
    for (const ConfigError& error : syntax.errors()) {
      problems.Error({i, error.line, error.column}, error.message);
    }
    if (syntax.any_error()) {
      all_parsed = false;
      continue;
    }
    Section section = Section::Read(ConfigSchema(), "", document, problems);
    if (top.has_value()) {
      top->Merge(std::move(section), problems);
    } else {
      top = std::move(section);
    }
  }
  if (!all_parsed || !top.has_value()) return Finish(std::nullopt, problems);
  return Finish(Build(*top, read_file, secrets, problems), problems);
}

}  // namespace koi
