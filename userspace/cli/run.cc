// SPDX-License-Identifier: Apache-2.0
// The one file that includes CLI11: it parses what the table of commands says.
#include "cli/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/usage.h"

namespace koi {
namespace {

constexpr int kMaxRepeated = 4096;  // of an argument that may be repeated
constexpr char kDefaultSocket[] = "/run/koi/koi.sock";

// A command of the table as CLI11 knows it.
struct ParsedCommand {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::vector<UsagePart> parts;
  std::vector<CLI::Option*> options;  // of each part
};

void AddParts(ParsedCommand& parsed) {
  parsed.parts = ParseUsage(parsed.command->usage);
  for (const UsagePart& part : parsed.parts) {
    // CLI11 takes no colon in a name: ADDRESS:PORT.
    const std::string name = absl::StrReplaceAll(part.name, {{":", "_"}});
    CLI::Option* option = part.kind == UsagePart::Kind::kFlag ? parsed.app->add_flag(name)
                                                              : parsed.app->add_option(name);
    if (part.kind == UsagePart::Kind::kRepeated)
      option->expected(1, kMaxRepeated)->allow_extra_args();
    if (part.required) option->required();
    parsed.options.push_back(option);
  }
}

// Puts what was typed for `parsed` into `invocation`.
void Fill(Invocation& invocation, const ParsedCommand& parsed) {
  for (size_t i = 0; i < parsed.parts.size(); ++i) {
    for (const std::string& value : parsed.options[i]->results()) {
      if (parsed.parts[i].kind == UsagePart::Kind::kOption ||
          parsed.parts[i].kind == UsagePart::Kind::kFlag) {
        invocation.options[parsed.parts[i].name] = value;
      } else {
        invocation.arguments.push_back(value);
      }
    }
  }
}

class CommandLine {
 public:
  CommandLine() : app_("koi") {
    app_.require_subcommand(1);
    app_.fallthrough();  // options of koi may stand behind the command; inherited
    app_.add_option("-o,--output", output_)->check(CLI::IsMember({"table", "json"}));
    app_.add_option("--socket", socket_)->envname("KOI_SOCKET");
    for (const Command& command : Commands()) Add(command);
  }

  // Throws CLI::ParseError.
  void Parse(int argc, const char* const* argv) { app_.parse(argc, argv); }

  // The words of the command that Parse() got to, "" for none.
  std::string typed() const {
    std::vector<std::string> words;
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      words.push_back(app->get_name());
    }
    return absl::StrJoin(words, " ");
  }

  absl::StatusOr<ExitCode> Run(std::ostream& out, std::ostream& talk) const {
    Invocation invocation = {.arguments = {},
                             .options = {},
                             .json = output_ == "json",
                             .socket = socket_,
                             .out = out,
                             .talk = talk};
    for (const ParsedCommand& parsed : commands_) {
      if (!parsed.app->parsed()) continue;
      Fill(invocation, parsed);
      return parsed.command->run(invocation);
    }
    return absl::InternalError("no command was parsed");
  }

 private:
  void Add(const Command& command) {
    CLI::App* app = &app_;
    const std::vector<std::string> words = absl::StrSplit(command.name, ' ');
    for (const std::string& word : words) {
      const std::vector<CLI::App*> inside = app->get_subcommands(
          [&word](const CLI::App* other) { return other->get_name() == word; });
      app = inside.empty() ? app->add_subcommand(word) : inside.front();
      if (&word != &words.back()) app->require_subcommand(1);
    }
    ParsedCommand& parsed = commands_.emplace_back();
    parsed.command = &command;
    parsed.app = app;
    AddParts(parsed);
  }

  CLI::App app_;
  std::string output_ = "table";
  std::string socket_ = kDefaultSocket;
  std::deque<ParsedCommand> commands_;
};

// What is wrong with the words that name the command, in better words than CLI11 has; "" when they
// name one.
std::string WrongCommand(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view word = argv[i];
    if (word == "-o" || word == "--output" || word == "--socket") ++i;  // and its value
    if (!absl::StartsWith(word, "-")) words.emplace_back(word);
  }
  std::string typed;
  for (size_t i = 0; i <= words.size(); ++i) {
    const std::vector<std::string> next = WordsAfter(typed);
    if (next.empty()) return "";
    if (i == words.size()) return absl::StrCat("a command is missing: ", absl::StrJoin(next, ", "));
    if (std::find(next.begin(), next.end(), words[i]) == next.end()) {
      const std::string nearest = Nearest(words[i], next);
      return absl::StrCat("there is no command \"", typed, typed.empty() ? "" : " ", words[i], "\"",
                          nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"));
    }
    absl::StrAppend(&typed, typed.empty() ? "" : " ", words[i]);
  }
  return "";
}

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument: return kExitUsage;
    case absl::StatusCode::kNotFound: return kExitNotFound;
    case absl::StatusCode::kUnavailable: return kExitUnreachable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted: return kExitRefused;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition: return kExitConflict;
    case absl::StatusCode::kDeadlineExceeded: return kExitTimedOut;
    default: return kExitFailure;
  }
}

}  // namespace

ExitCode RunCommandLine(int argc, const char* const* argv, std::ostream& out, std::ostream& talk) {
  CommandLine line;
  try {
    line.Parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out << HelpText(line.typed());
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const std::string typed = line.typed();
    const std::string wrong = WrongCommand(argc, argv);
    talk << "koi: " << (wrong.empty() ? error.what() : wrong) << "\nSee: koi " << typed
         << (typed.empty() ? "" : " ") << "--help\n";
    return kExitUsage;
  }
  const absl::StatusOr<ExitCode> code = line.Run(out, talk);
  if (code.ok()) return *code;
  talk << "koi: " << code.status().message() << '\n';
  return ExitCodeOf(code.status());
}

}  // namespace koi
