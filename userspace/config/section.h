// SPDX-License-Identifier: Apache-2.0
// A table of a configuration after its shape was checked: known keys, each with a value of the
// right type, defaults filled in.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/check.h"
#include "config/value.h"

namespace koi {

class Section {
 public:
  // The table `path` of `schema`, which outlives it, from `node`. What does not fit goes to
  // `problems` and is left out.
  static Section Read(const Schema& schema, absl::string_view path, const Node& node,
                      Problems& problems);

  const Place& place() const { return place_; }

  // Whether the file has the key, with a valid value or not: what is wrong with it is then said
  // already.
  bool Written(absl::string_view key) const { return places_.count(std::string(key)) != 0; }
  // Whether Get() may be called.
  bool Has(absl::string_view key) const { return values_.count(std::string(key)) != 0; }
  // Where its value is, or, where it is not written, where the table is.
  const Place& PlaceOf(absl::string_view key) const;

  template <typename T>
  const T& Get(absl::string_view key) const {
    const auto found = values_.find(std::string(key));
    KOI_CHECK(found != values_.end());
    const T* value = std::get_if<T>(&found->second);
    KOI_CHECK(value != nullptr);
    return *value;
  }
  // Get(), or `otherwise` where there is no valid value.
  template <typename T>
  T GetOr(absl::string_view key, T otherwise) const {
    return Has(key) ? Get<T>(key) : otherwise;
  }

  // Whether the file has `table`, but as something else than what Inside() lists.
  bool Mistaken(absl::string_view table) const { return Written(table) && Inside(table).empty(); }
  // The tables inside it named `table`, in the order of the text.
  const std::vector<Section>& Inside(absl::string_view table) const;

  // Adds the tables and values of another file's `other`; both are the top of a file. A table that
  // may be there once, and is there already, goes to `problems`.
  void Merge(Section other, Problems& problems);

 private:
  void ReadEntry(const NodeEntry& entry, Problems& problems);
  void ReadTable(const ConfigTable& table, const NodeEntry& entry, Problems& problems);
  void AddUnknown(const NodeEntry& entry, Problems& problems);
  void FillDefaults(Problems& problems);

  const Schema* schema_ = nullptr;
  std::string path_;
  Place place_;
  std::map<std::string, Place> places_;
  std::map<std::string, ConfigValue> values_;
  std::map<std::string, std::vector<Section>> tables_;
};

}  // namespace koi
