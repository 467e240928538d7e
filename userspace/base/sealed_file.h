// SPDX-License-Identifier: Apache-2.0
// Bytes in memory behind a descriptor, which nobody can change any more: what one process leaves
// to another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace koi {

// A sealed memory file of `bytes`, close-on-exec. `name` is what /proc shows.
absl::StatusOr<Fd> SealBytes(const char* name, absl::string_view bytes);
// The same of `pieces`, one behind the other.
absl::StatusOr<Fd> SealPieces(const char* name, const std::vector<absl::string_view>& pieces);

// What is in such a file; its offset is neither used nor moved, so that one file serves many
// readers.
absl::StatusOr<std::string> SealedBytes(int fd);

// What is in such a file, in memory that all its readers share.
class SealedMapping {
 public:
  static absl::StatusOr<std::shared_ptr<const SealedMapping>> Open(int fd);
  ~SealedMapping();
  SealedMapping(const SealedMapping&) = delete;
  SealedMapping& operator=(const SealedMapping&) = delete;

  absl::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

 private:
  SealedMapping(void* address, size_t size) : address_(address), size_(size) {}
  void* address_;
  size_t size_;
};

}  // namespace koi
