// SPDX-License-Identifier: Apache-2.0
// koi-decap: for backends of ipip pools that have no tunnel device.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/log.h"
#include "decap/attach.h"
#include "decap/status.h"

namespace {

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kNotFound = 4 };

int Answer(const absl::Status& status) {
  if (status.ok()) return kDone;
  std::cerr << "koi-decap: " << status.message() << "\n";
  return absl::IsNotFound(status) ? kNotFound : kFailed;
}

std::string NoPrefix(const std::string& text) {
  const absl::StatusOr<koi::Prefix> prefix = koi::Prefix::Parse(text);
  return prefix.ok() ? "" : std::string(prefix.status().message());
}

}  // namespace

int main(int argc, char** argv) {
  koi::SetLogName("koi-decap");
  CLI::App app("Takes packets from koi hosts out of IP in IP, on a backend of an ipip pool.");
  app.require_subcommand(1);
  std::string bpffs = "/sys/fs/bpf";
  app.add_option("--bpffs", bpffs, "Where its figures are pinned")->capture_default_str();

  koi::DecapOptions options;
  std::vector<std::string> from;
  CLI::App* attach = app.add_subcommand(
      "attach", "Run on an interface until SIGTERM; what is not from a koi host passes untouched");
  attach->add_option("INTERFACE", options.interface, "Where the packets come in")->required();
  attach
      ->add_option("--from", from,
                   "Who sends them: xdp.tunnel_sources of the koi hosts, or their addresses")
      ->required()
      ->check(NoPrefix);
  attach->add_option("--mode", options.mode, "auto, native or generic")
      ->transform(CLI::Transformer(
          std::map<std::string, koi::XdpMode>{{"auto", koi::XdpMode::kAuto},
                                              {"native", koi::XdpMode::kNative},
                                              {"generic", koi::XdpMode::kGeneric}}));
  CLI::App* status = app.add_subcommand("status", "How many packets it left for which reason");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (status->parsed()) return Answer(koi::PrintDecapStatus(bpffs, std::cout));
  for (const std::string& text : from) options.from.push_back(*koi::Prefix::Parse(text));
  options.pins = koi::DecapPins(bpffs, options.interface);
  return Answer(koi::AttachDecap(options));
}
