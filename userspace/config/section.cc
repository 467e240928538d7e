// SPDX-License-Identifier: Apache-2.0
// The shape of a configuration, checked against the schema.
#include "config/section.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "config/schema.h"

namespace koi {
namespace {

// Every name that may stand in the table `path`.
std::vector<std::string> KnownNames(const Schema& schema, absl::string_view path) {
  std::vector<std::string> names;
  for (const ConfigKey& key : schema.keys) {
    if (key.table == path) names.emplace_back(key.name);
  }
  for (const ConfigTable& table : schema.tables) {
    const ConfigTable* inside = schema.FindTable(path, TableName(table));
    if (inside != nullptr && inside->path == table.path) names.emplace_back(TableName(table));
  }
  return names;
}

// The tables in which a key of that name may stand, as they are written.
std::vector<std::string> TablesWith(const Schema& schema, absl::string_view key_name) {
  std::vector<std::string> tables;
  for (const ConfigKey& key : schema.keys) {
    if (key.name == key_name) tables.push_back(schema.WrittenTable(key.table));
  }
  return tables;
}

}  // namespace

Section Section::Read(const Schema& schema, absl::string_view path, const Node& node,
                      Problems& problems) {
  Section section;
  section.schema_ = &schema;
  section.path_ = std::string(path);
  section.place_ = node.place;
  for (const NodeEntry& entry : node.entries) section.ReadEntry(entry, problems);
  section.FillDefaults(problems);
  return section;
}

void Section::ReadEntry(const NodeEntry& entry, Problems& problems) {
  const ConfigTable* table = schema_->FindTable(path_, entry.key);
  if (table != nullptr) return ReadTable(*table, entry, problems);
  const ConfigKey* key = schema_->FindKey(path_, entry.key);
  if (key == nullptr) return AddUnknown(entry, problems);
  places_[entry.key] = entry.value.place;
  std::optional<ConfigValue> value = ConvertValue(*key, entry.value, problems);
  if (value.has_value()) values_[entry.key] = *std::move(value);
}

void Section::ReadTable(const ConfigTable& table, const NodeEntry& entry, Problems& problems) {
  const Node& node = entry.value;
  const bool inner = !path_.empty();
  const std::string right =
      inner ? absl::StrCat(entry.key, " = ", table.repeated ? "[{ ... }]" : "{ ... }")
            : schema_->WrittenTable(table.path);
  places_[entry.key] = node.place;
  std::vector<Section>& sections = tables_[entry.key];
  if (!table.repeated) {
    if (node.kind == NodeKind::kTable) {
      sections.push_back(Read(*schema_, table.path, node, problems));
    } else {
      problems.Error(node.place, absl::StrCat(entry.key, " is ", NodeKindName(node.kind),
                                              "; it is one table: ", right));
    }
    return;
  }
  bool all_tables = node.kind == NodeKind::kList;
  for (const Node& item : node.items) {
    all_tables = all_tables && item.kind == NodeKind::kTable;
    if (item.kind == NodeKind::kTable)
      sections.push_back(Read(*schema_, table.path, item, problems));
  }
  if (all_tables) return;
  problems.Error(node.place, absl::StrCat(entry.key, " is ", NodeKindName(node.kind),
                                          node.kind == NodeKind::kList ? " of other things" : "",
                                          "; there may be several tables: ", right));
}

void Section::AddUnknown(const NodeEntry& entry, Problems& problems) {
  const bool is_table = path_.empty() && (entry.value.kind == NodeKind::kTable ||
                                          entry.value.kind == NodeKind::kList);
  std::string message = absl::StrCat("unknown ", is_table ? "table" : "key", " \"",
                                     absl::Utf8SafeCEscape(entry.key), "\"");
  if (!path_.empty()) absl::StrAppend(&message, " in ", schema_->WrittenTable(path_));
  const std::string nearest = Nearest(entry.key, KnownNames(*schema_, path_));
  const std::vector<std::string> elsewhere = TablesWith(*schema_, entry.key);
  if (!nearest.empty()) {
    places_.emplace(nearest, entry.place);  // that it is lacking need not be said as well
    const ConfigTable* table = schema_->FindTable(path_, nearest);
    const bool written = path_.empty() && table != nullptr;
    absl::StrAppend(
        &message, "; did you mean ",
        written ? schema_->WrittenTable(table->path) : absl::StrCat("\"", nearest, "\""), "?");
  } else if (!elsewhere.empty()) {
    absl::StrAppend(&message, "; it is a key of ", absl::StrJoin(elsewhere, " and "));
  }
  problems.Error(entry.place, message);
}

void Section::FillDefaults(Problems& problems) {
  for (const ConfigKey& key : schema_->keys) {
    if (key.table != path_ || Written(key.name)) continue;
    if (key.required) {
      problems.Error(place_, absl::StrCat(schema_->WrittenTable(path_), " lacks \"", key.name,
                                          "\": ", Expectation(key)));
    } else if (!key.default_value.empty()) {
      values_[std::string(key.name)] = DefaultValue(key);
    }
  }
}

const Place& Section::PlaceOf(absl::string_view key) const {
  const auto found = places_.find(std::string(key));
  return found == places_.end() ? place_ : found->second;
}

const std::vector<Section>& Section::Inside(absl::string_view table) const {
  KOI_CHECK(schema_->FindTable(path_, table) != nullptr);
  static const std::vector<Section> kNone;
  const auto found = tables_.find(std::string(table));
  return found == tables_.end() ? kNone : found->second;
}

void Section::Merge(Section other, Problems& problems) {
  KOI_CHECK(path_.empty() && other.path_.empty());
  for (auto& [name, sections] : other.tables_) {
    const ConfigTable* table = schema_->FindTable("", name);
    std::vector<Section>& ours = tables_[name];
    if (!table->repeated && !ours.empty() && !sections.empty()) {
      problems.Error(sections.front().place(),
                     absl::StrCat(schema_->WrittenTable(table->path), " stands already at ",
                                  problems.Describe(ours.front().place())));
      continue;
    }
    for (Section& section : sections) ours.push_back(std::move(section));
  }
  places_.merge(other.places_);
  values_.merge(other.values_);
}

}  // namespace koi
