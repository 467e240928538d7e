// SPDX-License-Identifier: Apache-2.0
// Reading the sources of the configuration.
#include "manager/config_sources.h"

#include <ifaddrs.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/command_line.h"

namespace koi {
namespace {

constexpr char kHowToSay[] =
    "write that file (koi check tells what is wrong with it), or start koid VIP PASSWORD [more "
    "VIPs]";

// How many of `bytes`' leading bits are set.
int LeadingOnes(const uint8_t* bytes, size_t count) {
  int ones = 0;
  for (size_t i = 0; i < count; ++i) ones += __builtin_popcount(bytes[i]);
  return ones;
}

std::vector<InterfaceNetwork> LocalNetworks() {
  std::vector<InterfaceNetwork> networks;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return networks;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr) continue;
    InterfaceNetwork network{.interface = one->ifa_name};
    if (one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address, mask;
      std::memcpy(&address, one->ifa_addr, sizeof(address));
      std::memcpy(&mask, one->ifa_netmask, sizeof(mask));
      network.address = Address::FromIp4(address.sin_addr);
      network.prefix_bits = LeadingOnes(reinterpret_cast<const uint8_t*>(&mask.sin_addr), 4);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address, mask;
      std::memcpy(&address, one->ifa_addr, sizeof(address));
      std::memcpy(&mask, one->ifa_netmask, sizeof(mask));
      network.address = Address::FromIp6(address.sin6_addr);
      network.prefix_bits = LeadingOnes(mask.sin6_addr.s6_addr, 16);
    } else {
      continue;
    }
    networks.push_back(std::move(network));
  }
  ::freeifaddrs(all);
  return networks;
}

std::map<std::string, std::string> VariablesThatAreSet() {
  std::map<std::string, std::string> variables;
  for (const std::string& name : CommandLineVariables()) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && *value != '\0') variables[name] = value;
  }
  return variables;
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::vector<std::string> Names(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> names;
  for (const auto& [name, value] : variables) names.push_back(name);
  return names;
}

}  // namespace

ConfigTexts ConfigSources::Read() const {
  const std::map<std::string, std::string> variables = VariablesThatAreSet();
  std::vector<std::string> files = ConfigFiles(path_);
  // Beside arguments the folder need not have a koi.toml, and the default one need not be there.
  const bool optional = IsFolder(path_) || path_ == kDefaultConfigPath;
  if (optional && !IsFolder(path_)) files = {absl::StrCat(path_, "/koi.toml")};
  const bool has_main_file = Exists(files.front());
  if (arguments_.empty())
    return ReadFilesAlone(files, optional && !has_main_file, Names(variables));

  if (optional && !has_main_file) files.erase(files.begin());
  CommandLineConfig typed =
      ConfigFromCommandLine({.arguments = arguments_, .environment = variables}, LocalNetworks(),
                            files.empty() ? DefaultService::kWith : DefaultService::kWithout);
  ConfigTexts texts;
  if (!files.empty()) texts = ReadConfigFiles(files);
  texts.errors.insert(texts.errors.begin(), typed.errors.begin(), typed.errors.end());
  texts.warnings = std::move(typed.warnings);
  texts.sources.insert(texts.sources.begin(), std::move(typed.source));
  texts.chosen = std::move(typed.chosen);
  return texts;
}

ConfigTexts ConfigSources::ReadFilesAlone(const std::vector<std::string>& files, bool missing,
                                          const std::vector<std::string>& variables) const {
  ConfigTexts texts;
  if (missing) {
    texts.errors.push_back(
        {.message = absl::StrCat("neither ", files.front(), " nor arguments: ", kHowToSay)});
    return texts;
  }
  texts = ReadConfigFiles(files);
  if (!variables.empty()) {
    texts.warnings.push_back(absl::StrCat("without a VIP as argument nothing is made of ",
                                          absl::StrJoin(variables, ", ")));
  }
  return texts;
}

}  // namespace koi
