// SPDX-License-Identifier: Apache-2.0
// Errors of bpf(2) on maps, and mapping their memory.
#include "dataplane/map_calls.h"

#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace koi::map_calls {
namespace {

size_t WholePages(size_t bytes) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

absl::Status ErrorOf(int error, absl::string_view doing) {
  if (error == E2BIG) return absl::ResourceExhaustedError(absl::StrCat(doing, ": the map is full"));
  return absl::ErrnoToStatus(error, doing);
}

absl::StatusOr<void*> MapTable(int map_fd, size_t bytes, int protection) {
  void* table = ::mmap(nullptr, WholePages(bytes), protection, MAP_SHARED, map_fd, 0);
  if (table == MAP_FAILED) return ErrorOf(errno, "cannot map a BPF array into memory");
  return table;
}

void UnmapTable(const void* table, size_t bytes) {
  if (table != nullptr) ::munmap(const_cast<void*>(table), WholePages(bytes));
}

}  // namespace koi::map_calls
