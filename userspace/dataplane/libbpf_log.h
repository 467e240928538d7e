// SPDX-License-Identifier: Apache-2.0
// What libbpf has to say while this object lives: into a string instead of standard error. It goes
// into the Status of what failed; the verifier's log comes this way.
#pragma once

#include <string>

namespace koi {

// One at a time: libbpf has one print function for the whole process.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The last 16 KiB of warnings: a refused program's reason is at the end of the verifier's log.
  std::string text() const;
};

}  // namespace koi
