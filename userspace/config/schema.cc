// SPDX-License-Identifier: Apache-2.0
// Questions to the table of keys, and its rendering.
#include "config/schema.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {
namespace {

absl::string_view Parent(absl::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == path.npos ? "" : path.substr(0, dot);
}

// As a configuration writes it, in the largest unit that is exact.
std::string WrittenDuration(int64_t ms) {
  if (ms == 0) return "0s";
  if (ms % 3'600'000 == 0) return absl::StrCat(ms / 3'600'000, "h");
  if (ms % 60'000 == 0) return absl::StrCat(ms / 60'000, "m");
  if (ms % 1000 == 0) return absl::StrCat(ms / 1000, "s");
  return absl::StrCat(ms, "ms");
}

std::string DefaultText(const ConfigKey& key) {
  if (key.required) return "**required**";
  if (key.default_value.empty()) return std::string(key.default_note);
  const bool bare = key.type == KeyType::kNumber || key.type == KeyType::kFlag;
  const absl::string_view quote = bare ? "" : "\"";
  return absl::StrCat("`", quote, key.default_value, quote, "`");
}

}  // namespace

const ConfigTable* Schema::FindTable(absl::string_view parent, absl::string_view name) const {
  for (const ConfigTable& table : tables) {
    if (!table.path.empty() && Parent(table.path) == parent && TableName(table) == name) {
      return &table;
    }
  }
  return nullptr;
}

const ConfigKey* Schema::FindKey(absl::string_view table, absl::string_view name) const {
  for (const ConfigKey& key : keys) {
    if (key.table == table && key.name == name) return &key;
  }
  return nullptr;
}

absl::string_view TableName(const ConfigTable& table) {
  const size_t dot = table.path.rfind('.');
  return dot == table.path.npos ? table.path : table.path.substr(dot + 1);
}

std::string Schema::WrittenTable(absl::string_view path) const {
  if (path.empty()) return "the top of the file";
  const absl::string_view parent = Parent(path);
  const absl::string_view name = path.substr(parent.empty() ? 0 : parent.size() + 1);
  const ConfigTable* table = FindTable(parent, name);
  KOI_CHECK(table != nullptr);
  if (!parent.empty()) return absl::StrCat(name, " of ", WrittenTable(parent));
  return table->repeated ? absl::StrCat("[[", name, "]]") : absl::StrCat("[", name, "]");
}

std::string Expectation(const ConfigKey& key) {
  switch (key.type) {
    case KeyType::kText: return "text";
    case KeyType::kName:
      return absl::StrCat("a name of 1 to ", kMaxNameBytes,
                          " letters, digits, \"_\", \".\" or \"-\"");
    case KeyType::kInterface: return "an interface's name of 1 to 15 bytes";
    case KeyType::kPath:
      if (key.choices.empty()) return "the path of a file";
      return absl::StrCat("the path of a file, or one of: ", key.choices);
    case KeyType::kDirectory: return "an absolute path of at most 90 bytes";
    case KeyType::kNumber:
      if (key.minimum == key.maximum) return absl::StrCat("the number ", key.minimum);
      return absl::StrCat("a number from ", key.minimum, " to ", key.maximum);
    case KeyType::kFlag: return "true or false";
    case KeyType::kDuration:
      return absl::StrCat("a duration from \"", WrittenDuration(key.minimum), "\" to \"",
                          WrittenDuration(key.maximum), "\"");
    case KeyType::kAddress: return "an IPv4 or IPv6 address";
    case KeyType::kEndpoint: return "ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80";
    case KeyType::kListens: return "a list of ADDRESS:PORT";
    case KeyType::kPrefixes: return "a list of ADDRESS/LENGTH";
    case KeyType::kTexts: return absl::StrCat("a list of: ", key.choices);
    case KeyType::kServerNames: return "a list of host names, as \"a.example\" or \"*.b.example\"";
    case KeyType::kChoice: return absl::StrCat("one of: ", key.choices);
  }
  KOI_UNREACHABLE();
}

std::string ConfigReference() {
  std::string text;
  const Schema& schema = ConfigSchema();
  for (const ConfigTable& table : schema.tables) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "### ",
                    table.path.empty() ? "The top of the file" : schema.WrittenTable(table.path),
                    "\n\n", table.help,
                    "\n\n| key | takes | default | meaning |\n|---|---|---|---|\n");
    for (const ConfigKey& key : schema.keys) {
      if (key.table != table.path) continue;
      absl::StrAppend(&text, "| `", key.name, "` | ", Expectation(key), " | ", DefaultText(key),
                      " | ", key.help, " |\n");
    }
  }
  return text;
}

}  // namespace koi
