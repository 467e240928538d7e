// SPDX-License-Identifier: Apache-2.0
// Catching libbpf's warnings.
#include "dataplane/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "absl/strings/strip.h"
#include "base/check.h"

namespace koi {
namespace {

constexpr size_t kKeptBytes = 16384;

std::string* current = nullptr;
libbpf_print_fn_t previous = nullptr;

__attribute__((format(printf, 2, 0))) int Print(libbpf_print_level level, const char* format,
                                                va_list arguments) {
  if (level != LIBBPF_WARN || current == nullptr) return 0;
  va_list again;
  va_copy(again, arguments);
  const int bytes = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (bytes <= 0) return bytes;
  std::string line(static_cast<size_t>(bytes) + 1, '\0');
  std::vsnprintf(line.data(), line.size(), format, arguments);
  line.pop_back();
  current->append(line);
  if (current->size() > kKeptBytes) current->erase(0, current->size() - kKeptBytes);
  return bytes;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  KOI_CHECK(current == nullptr);
  current = new std::string;
  previous = libbpf_set_print(Print);
}

LibbpfLog::~LibbpfLog() {
  libbpf_set_print(previous);
  delete std::exchange(current, nullptr);
}

std::string LibbpfLog::text() const { return std::string(absl::StripSuffix(*current, "\n")); }

}  // namespace koi
