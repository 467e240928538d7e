// SPDX-License-Identifier: Apache-2.0
// Widths and padding.
#include "cli/table.h"

#include <algorithm>

#include "base/check.h"

namespace koi {
namespace {

// Characters, not bytes: names of hosts and reasons may be beyond ASCII.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  }));
}

}  // namespace

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {}

void Table::Add(std::vector<Cell> row) {
  KOI_CHECK(row.size() == header_.size());
  for (Cell& cell : row) {
    if (cell.text.empty()) cell.text.push_back('-');
  }
  rows_.push_back(std::move(row));
}

void Table::Print(std::ostream& out) const {
  std::vector<size_t> widths;
  std::vector<Cell> header;
  for (size_t column = 0; column < header_.size(); ++column) {
    Cell title = header_[column];
    size_t width = Width(title.text);
    for (const std::vector<Cell>& row : rows_) {
      width = std::max(width, Width(row[column].text));
      title.number = title.number || row[column].number;
    }
    widths.push_back(width);
    header.push_back(std::move(title));
  }
  const auto print = [&](const std::vector<Cell>& row) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
      const std::string padding(widths[column] - Width(row[column].text), ' ');
      if (column > 0) line += "  ";
      const Cell& cell = row[column];
      absl::StrAppend(&line, cell.number ? padding : cell.text, cell.number ? cell.text : padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  print(header);
  for (const std::vector<Cell>& row : rows_) print(row);
}

}  // namespace koi
