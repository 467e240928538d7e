// SPDX-License-Identifier: Apache-2.0
// A TOML text as a tree of values with their places: what the rest of config/ sees of toml++.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "config/error.h"

namespace koi {

struct Node;

enum class NodeKind { kText, kNumber, kFraction, kFlag, kDate, kList, kTable };

struct NodeEntry;

struct Node {
  Place place;
  NodeKind kind = NodeKind::kTable;
  std::string text;                // kText
  int64_t number = 0;              // kNumber
  bool flag = false;               // kFlag
  std::vector<Node> items;         // kList
  std::vector<NodeEntry> entries;  // kTable
};

struct NodeEntry {
  std::string key;
  Place place;
  Node value;
};

// The text of source number `source`. A syntax error goes to `problems`, which then holds exactly
// one more, and an empty table is returned.
Node ParseDocument(size_t source, absl::string_view text, Problems& problems);

// "text", "a number", ...: what was found, for messages.
absl::string_view NodeKindName(NodeKind kind);

}  // namespace koi
