// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a pipe of access lines holds: all of it is used up, each line is whole, and it
// does not matter in which pieces it was read.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "protocol/access_lines.h"

namespace koi {
namespace {

// Takes the lines off the front of `bytes`, as "NUMBER TEXT".
void TakeAll(absl::string_view& bytes, std::vector<std::string>& lines) {
  while (const std::optional<AccessLine> line = TakeAccessLine(bytes)) {
    KOI_CHECK(!line->text.empty() && line->text.back() == '\n');
    KOI_CHECK(line->text.find('\n') == line->text.size() - 1);
    KOI_CHECK(line->text.find(kAccessLineBegin) == absl::string_view::npos);
    lines.push_back(std::to_string(line->service) + " " + std::string(line->text));
  }
  KOI_CHECK(bytes.empty() || bytes.front() == kAccessLineBegin);
  KOI_CHECK(bytes.find('\n') == absl::string_view::npos);
}

}  // namespace
}  // namespace koi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  // On the heap and without an end, so that reading on behind it is noticed.
  const std::vector<char> exact(data, data + size);
  absl::string_view whole(exact.data(), size);
  std::vector<std::string> at_once;
  TakeAll(whole, at_once);

  const size_t cut = size == 0 ? 0 : data[0] % size;
  std::vector<std::string> in_pieces;
  absl::string_view first(exact.data(), cut);
  TakeAll(first, in_pieces);
  std::string rest(first);
  rest.append(exact.data() + cut, size - cut);
  absl::string_view second(rest);
  TakeAll(second, in_pieces);
  KOI_CHECK(in_pieces == at_once);
  return 0;
}
