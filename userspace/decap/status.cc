// SPDX-License-Identifier: Apache-2.0
// Finding the figures that running koi-decap processes pinned.
#include "decap/status.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "dataplane/decap_program.h"
#include "decap/attach.h"

namespace koi {
namespace {

std::vector<std::string> InterfacesWithPins(const std::string& bpffs) {
  const std::string begin = std::filesystem::path(DecapPins(bpffs, "")).filename().string();
  std::vector<std::string> interfaces;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(bpffs, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, begin)) interfaces.push_back(name.substr(begin.size()));
  }
  std::sort(interfaces.begin(), interfaces.end());
  return interfaces;
}

}  // namespace

std::string DecapFiguresPin(const std::string& directory) {
  return absl::StrCat(directory, "/koi_decap_stats");
}

absl::Status PrintDecapStatus(const std::string& bpffs, std::ostream& out) {
  const std::vector<std::string> interfaces = InterfacesWithPins(bpffs);
  if (interfaces.empty()) {
    return absl::NotFoundError(absl::StrCat("no koi-decap runs here (nothing below ", bpffs, ")"));
  }
  for (const std::string& interface : interfaces) {
    KOI_ASSIGN_OR_RETURN(const std::vector<DecapFigures> all,
                         ReadDecapFigures(DecapFiguresPin(DecapPins(bpffs, interface))));
    out << interface << "\n";
    for (const DecapFigures& each : all) {
      out << "  " << std::left << std::setw(15) << each.reason << std::setw(6) << each.action
          << std::right << std::setw(14) << each.packets << "  " << each.help << "\n";
    }
  }
  return absl::OkStatus();
}

}  // namespace koi
