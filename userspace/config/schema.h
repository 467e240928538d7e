// SPDX-License-Identifier: Apache-2.0
// What may stand in a configuration, as one table: parsing, messages and the reference in
// docs/config.md all come from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace koi {

// Limits of the maps (include/koi/abi/limits.h, which this floor does not see).
constexpr size_t kMaxVips = 1024;
constexpr size_t kMaxBackends = 1023;  // that workers use: of 1024 numbers; 0 is never a backend
constexpr size_t kMaxL4Backends = 15'360;  // of l4 pools: the other 16384 - 1024 numbers
constexpr size_t kMaxPools = 1024;
constexpr int64_t kMaxRingSize = 1'048'573;  // the last prime below 2^20
constexpr size_t kMaxListens = 4096;
constexpr size_t kMaxNameBytes = 31;

enum class KeyType {
  kText,
  kName,       // 1..kMaxNameBytes of letters, digits, "_", "." and "-"
  kInterface,  // of the kernel: 1..15 bytes
  kPath,       // of a file; one that does not begin with "/" is beside the file that names it. Or
               // one of `choices`
  kDirectory,  // an absolute path
  kNumber,     // minimum..maximum
  kFlag,
  kDuration,  // "2s"; minimum..maximum milliseconds
  kAddress,
  kEndpoint,     // "10.0.0.1:80", "[2001:db8::1]:80"
  kListens,      // a list of at least one endpoint; "10.0.0.1:*" is any port
  kPrefixes,     // a list of at least one
  kTexts,        // a list of at least one of `choices`
  kServerNames,  // a list of at least one host name, "*." in front for all below it
  kChoice,       // one of `choices`
};

// A table of the configuration. `path` is "" for the top of the file, "pool" for [[pool]],
// "pool.check" for the key `check` of a [[pool]].
struct ConfigTable {
  absl::string_view path;
  bool repeated = false;  // written [[...]], or as a list of tables: there may be several
  bool required = false;
  absl::string_view help = {};
};

struct ConfigKey {
  absl::string_view table;
  absl::string_view name;
  KeyType type = KeyType::kText;
  int64_t minimum = 0;
  int64_t maximum = 0;
  absl::string_view choices = {};        // "http, tcp"
  bool required = false;                 // then it has no default
  absl::string_view default_value = {};  // without quotes; "" where absence means something else
  absl::string_view default_note = {};   // what holds without a default_value: "the host's name"
  absl::string_view help = {};
};

// All that may stand in one kind of file.
struct Schema {
  absl::Span<const ConfigTable> tables = {};
  absl::Span<const ConfigKey> keys = {};

  // nullptr where there is none.
  const ConfigTable* FindTable(absl::string_view parent, absl::string_view name) const;
  const ConfigKey* FindKey(absl::string_view table, absl::string_view name) const;
  // As people write it: "[node]", "[[pool]]", "check of [[pool]]".
  std::string WrittenTable(absl::string_view path) const;
};

// Of a configuration.
const Schema& ConfigSchema();
// Of state.toml (config/state.h).
const Schema& StateSchema();

// The last part of a table's path: "check" of "pool.check".
absl::string_view TableName(const ConfigTable& table);
// What a key takes: "a number from 1 to 255", "one of: http, tcp".
std::string Expectation(const ConfigKey& key);
// The tables of docs/config.md, in markdown.
std::string ConfigReference();

}  // namespace koi
