// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, and where.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

struct ConfigError {
  std::string file = {};
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
  std::string message = {};
  std::string source_line = {};  // "" where there is none, or where it may hold a password

  // "file:line:column: message", then the source line with a caret under the place.
  std::string ToString() const;
};

// One file of a configuration, as read; or a text that was made.
struct ConfigSource {
  std::string path = {};
  std::string text = {};
  // Of a text that was made: what each of its lines was made of. That is then its place, since no
  // operator has seen its lines.
  std::vector<std::string> made_of = {};
};

// A place in one of the sources.
struct Place {
  size_t source = 0;
  int line = 0;
  int column = 0;
};

// Collects what is wrong while a configuration is read, so that all of it is reported at once.
class Problems {
 public:
  // `sources` must outlive it.
  explicit Problems(const std::vector<ConfigSource>& sources) : sources_(sources) {}

  void Error(const Place& place, absl::string_view message);
  void Warn(const Place& place, absl::string_view message);

  bool any_error() const { return !found_.empty(); }
  // "koi.toml:12": for messages that name another place.
  std::string Describe(const Place& place) const;
  // Whether the text of `place` was made.
  bool IsMade(const Place& place) const { return !sources_[place.source].made_of.empty(); }
  const std::string& path(const Place& place) const { return sources_[place.source].path; }

  // In the order of the sources, lines and columns.
  std::vector<ConfigError> errors() const;
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Found {
    Place place;
    std::string message;
  };
  std::string SourceLine(const Place& place) const;
  std::string MadeOf(const Place& place) const;

  const std::vector<ConfigSource>& sources_;
  std::vector<Found> found_;
  std::vector<std::string> warnings_;
};

}  // namespace koi
