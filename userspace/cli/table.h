// SPDX-License-Identifier: Apache-2.0
// Aligned columns for people.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace koi {

// A cell: text to the left, numbers to the right. An empty text is shown as "-".
struct Cell {
  Cell(absl::string_view value) : text(value) {}  // NOLINT: rows are written as lists of values
  Cell(const std::string& value) : text(value) {}
  Cell(const char* value) : text(value) {}
  Cell(uint64_t value) : text(absl::StrCat(value)), number(true) {}
  Cell(uint32_t value) : Cell(uint64_t{value}) {}
  Cell(int value) : text(absl::StrCat(value)), number(true) {}
  // Where a number would stand.
  static Cell NoNumber() {
    Cell cell("");
    cell.number = true;
    return cell;
  }

  std::string text;
  bool number = false;
};

class Table {
 public:
  explicit Table(std::vector<std::string> header);

  // As many cells as the header has.
  void Add(std::vector<Cell> row);
  // Columns as wide as their widest cell; nothing stands after a line's last text.
  void Print(std::ostream& out) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace koi
