// SPDX-License-Identifier: Apache-2.0
// Where lines of the access log end: a file, or standard output.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "base/time.h"

namespace koi {

// Nothing fails for whoever adds lines: what cannot be written is counted, and said once until it
// can be again. No line is ever written by half, unless this process dies.
class AccessLogFile {
 public:
  // "": standard output.
  explicit AccessLogFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // With its line feed.
  void Add(absl::string_view line);
  // Writes what was added, as far as that needs no waiting. The file is opened anew when another
  // one has taken its path, which is looked at once a second. True: something waits, so call again
  // soon.
  bool Write(TimePoint now);
  // The next line goes to whatever is at the path then.
  void Reopen() { file_.Close(); }

  uint64_t written() const { return written_; }
  uint64_t dropped() const { return dropped_; }

 private:
  bool Open(TimePoint now);
  bool Moved() const;
  // False: `why` of errno keeps it from being written.
  bool WriteOnce(int fd, size_t& bytes);
  void Fail(int error);

  std::string path_;
  Fd file_;
  TimePoint looked_ = {};      // at the path
  TimePoint open_again_ = {};  // after a failure
  std::string waiting_;
  size_t line_rest_ = 0;  // at the front of what waits: of a line whose beginning is written
  bool failing_ = false;
  uint64_t failing_dropped_ = 0;
  uint64_t written_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace koi
