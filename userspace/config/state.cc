// SPDX-License-Identifier: Apache-2.0
// state.toml: its schema, reading and writing.
#include "config/state.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/document.h"
#include "config/schema.h"
#include "config/section.h"

namespace koi {
namespace {

constexpr ConfigTable kTables[] = {
    {.path = "", .help = "At the top."},
    {.path = "added", .repeated = true, .help = "A backend that the CLI added."},
    {.path = "removed", .repeated = true, .help = "A backend of the file that the CLI removed."},
    {.path = "draining", .repeated = true, .help = "A backend that the CLI drains."},
    {.path = "weighted", .repeated = true, .help = "A backend that the CLI gave a weight."},
};

constexpr ConfigKey NameKey(absl::string_view table, absl::string_view name) {
  return {.table = table, .name = name, .type = KeyType::kName, .required = true};
}
constexpr ConfigKey TextKey(absl::string_view table, absl::string_view name) {
  return {.table = table, .name = name, .type = KeyType::kText, .required = true};
}

constexpr int64_t kMostRevisions = int64_t{1} << 53;
constexpr int64_t kMostChanges = 1'000'000;

constexpr ConfigKey kKeys[] = {
    {.table = "",
     .name = "version",
     .type = KeyType::kNumber,
     .minimum = 1,
     .maximum = 1,
     .required = true},
    {.table = "",
     .name = "revision",
     .type = KeyType::kNumber,
     .minimum = 0,
     .maximum = kMostRevisions,
     .required = true},
    {.table = "",
     .name = "changes",
     .type = KeyType::kNumber,
     .minimum = 0,
     .maximum = kMostChanges,
     .required = true},
    NameKey("added", "pool"),
    NameKey("added", "name"),
    {.table = "added", .name = "address", .type = KeyType::kEndpoint, .required = true},
    {.table = "added",
     .name = "weight",
     .type = KeyType::kNumber,
     .minimum = 1,
     .maximum = 1000,
     .required = true},
    TextKey("added", "by"),
    TextKey("added", "at"),
    TextKey("added", "why"),
    NameKey("removed", "pool"),
    NameKey("removed", "name"),
    TextKey("removed", "by"),
    TextKey("removed", "at"),
    TextKey("removed", "why"),
    NameKey("draining", "pool"),
    NameKey("draining", "name"),
    TextKey("draining", "by"),
    TextKey("draining", "at"),
    TextKey("draining", "why"),
    NameKey("weighted", "pool"),
    NameKey("weighted", "name"),
    {.table = "weighted",
     .name = "weight",
     .type = KeyType::kNumber,
     .minimum = 1,
     .maximum = 1000,
     .required = true},
    TextKey("weighted", "by"),
    TextKey("weighted", "at"),
    TextKey("weighted", "why"),
};

StateNote ReadNote(const Section& section) {
  return {.by = section.GetOr<std::string>("by", ""),
          .at = section.GetOr<std::string>("at", ""),
          .why = section.GetOr<std::string>("why", "")};
}

// The changes in the tables `list`, as `read` makes them; one of a backend is enough.
template <typename Change, typename Read>
std::vector<Change> ReadChanges(const Section& top, absl::string_view list, Problems& problems,
                                Read read) {
  std::vector<Change> changes;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Section& section : top.Inside(list)) {
    Change change = read(section);
    change.pool = section.GetOr<std::string>("pool", "");
    change.name = section.GetOr<std::string>("name", "");
    change.note = ReadNote(section);
    if (!seen.emplace(change.pool, change.name).second) {
      problems.Error(section.place(), absl::StrCat("backend ", change.pool, "/", change.name,
                                                   " is ", list, " twice"));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

size_t CountChanges(const State& state) {
  return state.added.size() + state.removed.size() + state.draining.size() + state.weighted.size();
}

State ReadState(const Section& top, Problems& problems) {
  State state;
  state.revision = top.GetOr<int64_t>("revision", 0);
  state.added = ReadChanges<AddedBackend>(top, "added", problems, [](const Section& section) {
    AddedBackend added;
    added.endpoint = section.GetOr("address", Endpoint());
    added.weight = static_cast<uint32_t>(section.GetOr<int64_t>("weight", added.weight));
    return added;
  });
  const auto noted = [](const Section&) { return NotedBackend(); };
  state.removed = ReadChanges<NotedBackend>(top, "removed", problems, noted);
  state.draining = ReadChanges<NotedBackend>(top, "draining", problems, noted);
  state.weighted =
      ReadChanges<WeightedBackend>(top, "weighted", problems, [](const Section& section) {
        WeightedBackend weighted;
        weighted.weight = static_cast<uint32_t>(section.GetOr<int64_t>("weight", weighted.weight));
        return weighted;
      });
  const size_t count = CountChanges(state);
  const auto said = top.GetOr("changes", static_cast<int64_t>(count));
  if (said != static_cast<int64_t>(count)) {
    problems.Error(top.PlaceOf("changes"), absl::StrCat("changes ", said, ", but there are ", count,
                                                        ": the file was cut short or edited"));
  }
  return state;
}

// A TOML basic string.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04x", byte);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

void AppendHead(absl::string_view list, absl::string_view pool, absl::string_view name,
                std::string& text) {
  absl::StrAppend(&text, "\n[[", list, "]]\npool = ", Quoted(pool), "\nname = ", Quoted(name),
                  "\n");
}

void AppendNote(const StateNote& note, std::string& text) {
  absl::StrAppend(&text, "by = ", Quoted(note.by), "\nat = ", Quoted(note.at),
                  "\nwhy = ", Quoted(note.why), "\n");
}

}  // namespace

const Schema& StateSchema() {
  static constexpr Schema kSchema = {.tables = kTables, .keys = kKeys};
  return kSchema;
}

StateResult ParseState(const ConfigSource& source) {
  const std::vector<ConfigSource> sources = {source};
  Problems problems(sources);
  StateResult result;
  const Node document = ParseDocument(0, source.text, problems);
  if (!problems.any_error()) {
    State state = ReadState(Section::Read(StateSchema(), "", document, problems), problems);
    if (!problems.any_error()) result.state = std::move(state);
  }
  result.errors = problems.errors();
  return result;
}

std::string FormatState(const State& state) {
  std::string text =
      "# What koi's command line changed on this host, on top of the configuration.\n"
      "# koi-manager writes this file: change it with koi backend, not by hand.\n";
  absl::StrAppend(&text, "version = 1\nrevision = ", state.revision,
                  "\nchanges = ", CountChanges(state), "\n");
  for (const AddedBackend& added : state.added) {
    AppendHead("added", added.pool, added.name, text);
    absl::StrAppend(&text, "address = ", Quoted(added.endpoint.ToString()),
                    "\nweight = ", added.weight, "\n");
    AppendNote(added.note, text);
  }
  for (const NotedBackend& removed : state.removed) {
    AppendHead("removed", removed.pool, removed.name, text);
    AppendNote(removed.note, text);
  }
  for (const NotedBackend& draining : state.draining) {
    AppendHead("draining", draining.pool, draining.name, text);
    AppendNote(draining.note, text);
  }
  for (const WeightedBackend& weighted : state.weighted) {
    AppendHead("weighted", weighted.pool, weighted.name, text);
    absl::StrAppend(&text, "weight = ", weighted.weight, "\n");
    AppendNote(weighted.note, text);
  }
  return text;
}

}  // namespace koi
