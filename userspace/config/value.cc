// SPDX-License-Identifier: Apache-2.0
// Conversion of values, with messages that say what is wrong and what would be right.
#include "config/value.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/text.h"

namespace koi {
namespace {

// What a key with this type of value is written as in TOML.
NodeKind WrittenKind(KeyType type) {
  switch (type) {
    case KeyType::kNumber: return NodeKind::kNumber;
    case KeyType::kFlag: return NodeKind::kFlag;
    case KeyType::kListens:
    case KeyType::kPrefixes:
    case KeyType::kTexts:
    case KeyType::kServerNames: return NodeKind::kList;
    case KeyType::kText:
    case KeyType::kName:
    case KeyType::kInterface:
    case KeyType::kPath:
    case KeyType::kDirectory:
    case KeyType::kDuration:
    case KeyType::kAddress:
    case KeyType::kEndpoint:
    case KeyType::kChoice: return NodeKind::kText;
  }
  KOI_UNREACHABLE();
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kLongestShown = 80;
  if (text.size() > kLongestShown) {
    return absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, kLongestShown)), "...\"");
  }
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

absl::Status NotExpected(const ConfigKey& key, absl::string_view value) {
  return absl::InvalidArgumentError(
      absl::StrCat(key.name, " ", value, " is not ", Expectation(key)));
}

// What the kernel's dev_valid_name() takes, and nothing that would need quoting in a shell.
bool IsInterface(absl::string_view text) {
  constexpr size_t kMaxBytes = 15;  // IFNAMSIZ - 1
  return !text.empty() && text.size() <= kMaxBytes && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '/' && c != ':' &&
                  c != '"' && c != '\'' && c != '\\';
         });
}

// Short enough for the path of a Unix socket below it, which has 107 bytes.
bool IsDirectory(absl::string_view text) {
  constexpr size_t kMaxBytes = 90;
  return absl::StartsWith(text, "/") && text.size() <= kMaxBytes && text.find('\0') == text.npos;
}

bool IsPath(absl::string_view text) { return !text.empty() && text.find('\0') == text.npos; }

absl::StatusOr<ConfigValue> ConvertChoice(const ConfigKey& key, absl::string_view text) {
  const std::vector<std::string> choices = absl::StrSplit(key.choices, ", ");
  for (const std::string& choice : choices) {
    if (choice == text) return ConfigValue(choice);
  }
  absl::Status status = NotExpected(key, Quoted(text));
  const std::string nearest = Nearest(text, choices);
  if (nearest.empty()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), "; did you mean \"", nearest, "\"?"));
}

absl::StatusOr<ConfigValue> ConvertDuration(const ConfigKey& key, absl::string_view text) {
  const absl::StatusOr<Duration> duration = ParseDuration(text);
  if (!duration.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key.name, " ", Quoted(text), " is not a duration, as \"500ms\", \"2s\" or \"1m\""));
  }
  if (*duration < std::chrono::milliseconds(key.minimum) ||
      *duration > std::chrono::milliseconds(key.maximum)) {
    return NotExpected(key, Quoted(text));
  }
  return ConfigValue(*duration);
}

absl::StatusOr<ConfigValue> ConvertText(const ConfigKey& key, absl::string_view text) {
  const auto text_if = [&](bool valid) -> absl::StatusOr<ConfigValue> {
    if (!valid) return NotExpected(key, Quoted(text));
    return ConfigValue(std::string(text));
  };
  switch (key.type) {
    case KeyType::kText: return ConfigValue(std::string(text));
    case KeyType::kName: return text_if(IsName(text));
    case KeyType::kInterface: return text_if(IsInterface(text));
    case KeyType::kPath: return text_if(IsPath(text));
    case KeyType::kDirectory: return text_if(IsDirectory(text));
    case KeyType::kChoice: return ConvertChoice(key, text);
    case KeyType::kDuration: return ConvertDuration(key, text);
    case KeyType::kAddress: {
      const absl::StatusOr<Address> address = Address::Parse(text);
      if (address.ok()) return ConfigValue(*address);
      return absl::InvalidArgumentError(absl::StrCat(key.name, " ", address.status().message()));
    }
    case KeyType::kEndpoint: {
      const absl::StatusOr<Endpoint> endpoint = Endpoint::Parse(text);
      if (!endpoint.ok()) return endpoint.status();
      return ConfigValue(*endpoint);
    }
    case KeyType::kNumber:
    case KeyType::kFlag:
    case KeyType::kListens:
    case KeyType::kPrefixes:
    case KeyType::kTexts:
    case KeyType::kServerNames: break;
  }
  KOI_UNREACHABLE();
}

// `convert` makes an Item of a place and a text, or says what is wrong with the text.
template <typename Item, typename Convert>
std::optional<ConfigValue> ConvertList(const ConfigKey& key, const Node& node, Problems& problems,
                                       Convert convert) {
  std::vector<Item> items;
  bool all_valid = true;
  for (const Node& item : node.items) {
    absl::StatusOr<Item> converted =
        item.kind == NodeKind::kText
            ? convert(item)
            : absl::InvalidArgumentError(absl::StrCat(key.name, " holds ", NodeKindName(item.kind),
                                                      "; it takes ", Expectation(key)));
    if (converted.ok()) {
      items.push_back(*std::move(converted));
    } else {
      problems.Error(item.place, converted.status().message());
      all_valid = false;
    }
  }
  if (node.items.empty()) {
    problems.Error(node.place, absl::StrCat(key.name, " is empty; it takes ", Expectation(key)));
    return std::nullopt;
  }
  if (!all_valid) return std::nullopt;
  return items;
}

absl::StatusOr<PlacedEndpoint> ConvertListen(const Node& item) {
  if (absl::EndsWith(item.text, ":*")) {
    const absl::string_view address = absl::StripSuffix(item.text, "*");
    absl::StatusOr<Endpoint> any = Endpoint::Parse(absl::StrCat(address, "1"));
    if (any.ok()) return PlacedEndpoint{item.place, {any->address, 0}};
  }
  const absl::StatusOr<Endpoint> endpoint = Endpoint::Parse(item.text);
  if (!endpoint.ok()) return endpoint.status();
  return PlacedEndpoint{item.place, *endpoint};
}

// Names are compared without regard to case, and TLS clients leave out a final dot.
absl::StatusOr<PlacedText> ConvertServerName(const Node& item) {
  if (IsServerName(item.text)) return PlacedText{item.place, absl::AsciiStrToLower(item.text)};
  const absl::string_view port = absl::string_view(item.text).substr(0, item.text.rfind(':'));
  const bool has_port = port.size() < item.text.size() && IsServerName(port);
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(item.text), " is not the name of a host, as \"a.example\" or \"*.b.example\"",
      has_port ? absl::StrCat("; did you mean ", Quoted(port), "?") : ""));
}

absl::StatusOr<PlacedText> ConvertOneOf(const ConfigKey& key, const Node& item) {
  const absl::StatusOr<ConfigValue> choice = ConvertChoice(key, item.text);
  if (choice.ok()) return PlacedText{item.place, item.text};
  return absl::InvalidArgumentError(
      absl::StrCat(key.name, " has ", Quoted(item.text), ", which is not one of: ", key.choices));
}

absl::StatusOr<ConfigValue> ConvertScalar(const ConfigKey& key, const Node& node) {
  switch (node.kind) {
    case NodeKind::kNumber:
      if (node.number < key.minimum || node.number > key.maximum) {
        return NotExpected(key, absl::StrCat(node.number));
      }
      return ConfigValue(node.number);
    case NodeKind::kFlag: return ConfigValue(node.flag);
    default: return ConvertText(key, node.text);
  }
}

}  // namespace

std::optional<ConfigValue> ConvertValue(const ConfigKey& key, const Node& node,
                                        Problems& problems) {
  if (node.kind != WrittenKind(key.type)) {
    const std::string found =
        node.kind == NodeKind::kText ? absl::StrCat(" ", Quoted(node.text)) : "";
    problems.Error(node.place, absl::StrCat(key.name, found, " is ", NodeKindName(node.kind),
                                            ", not ", Expectation(key)));
    return std::nullopt;
  }
  if (key.type == KeyType::kListens) {
    return ConvertList<PlacedEndpoint>(key, node, problems, ConvertListen);
  }
  if (key.type == KeyType::kPrefixes) {
    return ConvertList<Prefix>(key, node, problems,
                               [](const Node& item) { return Prefix::Parse(item.text); });
  }
  if (key.type == KeyType::kTexts) {
    return ConvertList<PlacedText>(key, node, problems,
                                   [&key](const Node& item) { return ConvertOneOf(key, item); });
  }
  if (key.type == KeyType::kServerNames) {
    return ConvertList<PlacedText>(key, node, problems, ConvertServerName);
  }
  absl::StatusOr<ConfigValue> value = ConvertScalar(key, node);
  if (value.ok()) return *std::move(value);
  problems.Error(node.place, value.status().message());
  return std::nullopt;
}

ConfigValue DefaultValue(const ConfigKey& key) {
  KOI_CHECK(!key.default_value.empty());
  Node node;
  node.kind = WrittenKind(key.type);
  node.text = std::string(key.default_value);
  node.flag = key.default_value == "true";
  if (node.kind == NodeKind::kNumber) KOI_CHECK(absl::SimpleAtoi(key.default_value, &node.number));
  absl::StatusOr<ConfigValue> value = ConvertScalar(key, node);
  KOI_CHECK(value.ok());
  return *std::move(value);
}

bool IsHostName(absl::string_view text) {
  constexpr size_t kMaxBytes = 253;
  if (text.empty() || text.size() > kMaxBytes || text.front() == '.' || text.back() == '.') {
    return false;
  }
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
  return plain && !Address::Parse(text).ok();
}

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
                  c == '-';
         });
}

bool IsServerName(absl::string_view text) {
  constexpr size_t kMaxBytes = 253;  // of a name in DNS
  constexpr size_t kMaxLabelBytes = 63;
  (void)absl::ConsumePrefix(&text, "*.");
  if (text.empty() || text.size() > kMaxBytes) return false;
  for (const absl::string_view label : absl::StrSplit(text, '.')) {
    const bool valid = !label.empty() && label.size() <= kMaxLabelBytes &&
                       std::all_of(label.begin(), label.end(), [](unsigned char c) {
                         return absl::ascii_isalnum(c) || c == '-' || c == '_';
                       });
    if (!valid) return false;
  }
  return true;
}

absl::StatusOr<Duration> ParseDuration(absl::string_view text) {
  const absl::Status invalid =
      absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not a duration"));
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const absl::string_view unit = text.substr(digits);
  int64_t count = 0;
  constexpr int64_t kMaxCount = 1'000'000'000;  // of hours in nanoseconds: no overflow
  if (!absl::SimpleAtoi(text.substr(0, digits), &count) || count > kMaxCount) return invalid;
  if (unit == "ms") return std::chrono::milliseconds(count);
  if (unit == "s") return std::chrono::seconds(count);
  if (unit == "m") return std::chrono::minutes(count);
  if (unit == "h") return std::chrono::hours(count);
  return invalid;
}

}  // namespace koi
