// SPDX-License-Identifier: Apache-2.0
// The table of commands: usage, help and parsing come from it.
#include "cli/commands.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cli/nouns.h"

namespace koi {
namespace {

constexpr Command kCommands[] = {
    {"status", "", "Show on one screen what this host does.", ShowStatus},
    {"health", "", "Say whether this host can do its work: 0 yes, 1 no, 5 nobody answers.",
     ShowHealth},
    {"check", "[FILE...]", "Say what is wrong with a configuration; default: /etc/koi.",
     CheckConfiguration},
    {"diff", "", "Say what a reload would change, and what this command line has changed.",
     ShowDiff},
    {"reload", "", "Make the running koi what its configuration says now.", ReloadConfiguration},
    {"backend list", "[POOL]", "List backends, of one pool or of all.", ListBackends},
    {"backend add", "POOL NAME ADDRESS:PORT [--weight N] [--reason TEXT]",
     "Add a backend to a pool.", AddBackend},
    {"backend drain", "POOL NAME [--wait] [--timeout DURATION] [--quiet DURATION] [--reason TEXT]",
     "Stop sending new connections to a backend; open ones run to their end. --wait waits for "
     "that, 10m or --timeout at the longest; an l4 backend's have ended when no packet has gone "
     "there for 30s or --quiet.",
     DrainBackend},
    {"backend undrain", "POOL NAME [--reason TEXT]",
     "Send new connections to a drained backend again.", UndrainBackend},
    {"backend weight", "POOL NAME N [--reason TEXT]", "Give a backend another weight.",
     WeightBackend},
    {"backend remove", "POOL NAME [--reason TEXT]", "Remove a backend from a pool.", RemoveBackend},
    {"service list", "", "List the services and what they do.", ListServices},
    {"worker list", "", "List the workers, one for each CPU.", ListWorkers},
    {"worker replace", "[CPU] [--limit DURATION]",
     "Start another worker for a CPU, or one after the other for all, and let the present one "
     "finish what it has within 30s or DURATION.",
     ReplaceWorkers},
    {"cert list", "", "List the certificates in use.", ListCertificates},
    {"cert reload", "", "Read all certificates anew; a bad one changes nothing.",
     ReloadCertificates},
    {"deny list", "", "List the clients that get nothing from any VIP.", ListDenied},
    {"deny add", "PREFIX...", "Drop what addresses or prefixes send to any VIP.", AddDenied},
    {"deny remove", "PREFIX...", "Take addresses or prefixes off the deny list.", RemoveDenied},
    {"deny import", "FILE [--replace]",
     "Deny all prefixes of a file, one a line, comments behind #; with --replace no others.",
     ImportDenied},
    {"vip list", "", "List the VIPs and where they are.", ListVips},
    {"stats", "", "Show what was counted: workers, services, backends, verdicts on packets.",
     ShowStats},
    {"explain", "CLIENT:PORT VIP:PORT [PROTOCOL] [--syn]",
     "Say what becomes of a client's packet now, by tcp or udp; with --syn of one that opens a "
     "connection.",
     ExplainPacket},
    {"cleanup", "[--config PATH] [--interface NAME] [--bpffs PATH] [--run PATH] [--dry-run]",
     "Remove what a koi that died left here, as /etc/koi, --config or the other options name it.",
     CleanUp},
    {"doctor", "[--config PATH] [--interface NAME]",
     "Say what keeps koi from working well on this host, and what to type; 1 when there is a "
     "problem.",
     Examine},
    {"version", "", "Show the version of this program.", ShowVersion},
};

constexpr char kCommonOptions[] =
    "  -o, --output FORMAT  table (for people) or json (for programs); default: table\n"
    "      --socket PATH    where koi-manager listens; default: $KOI_SOCKET or /run/koi/koi.sock\n"
    "  -h, --help           this text\n";

std::string Usage(const Command& command) {
  return absl::StrCat("koi ", command.name, command.usage.empty() ? "" : " ", command.usage);
}

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

std::vector<std::string> WordsAfter(absl::string_view typed) {
  std::vector<std::string> words;
  for (const Command& command : kCommands) {
    absl::string_view rest = command.name;
    if (!typed.empty() && !absl::ConsumePrefix(&rest, absl::StrCat(typed, " "))) continue;
    const std::string word(rest.substr(0, rest.find(' ')));
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

std::string HelpText(absl::string_view name) {
  std::string text;
  size_t width = 0;
  const auto belongs = [name](const Command& command) {
    return name.empty() || absl::StartsWith(command.name, absl::StrCat(name, " "));
  };
  for (const Command& command : kCommands) {
    if (command.name == name) {
      return absl::StrCat("Usage: ", Usage(command), " [OPTIONS]\n\n", command.help,
                          "\n\nOptions:\n", kCommonOptions);
    }
    if (belongs(command)) width = std::max(width, Usage(command).size());
  }
  absl::StrAppend(&text, "Usage: koi ", name, name.empty() ? "" : " ",
                  "COMMAND [OPTIONS]\n\nCommands:\n");
  for (const Command& command : kCommands) {
    if (!belongs(command)) continue;
    absl::StrAppend(&text, absl::StrFormat("  %-*s  %s\n", static_cast<int>(width), Usage(command),
                                           command.help));
  }
  absl::StrAppend(&text, "\nOptions:\n", kCommonOptions);
  return text;
}

}  // namespace koi
