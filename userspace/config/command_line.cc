// SPDX-License-Identifier: Apache-2.0
// Writing the configuration that a command line means.
#include "config/command_line.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace koi {
namespace {

constexpr char kPassword[] = "KOI_PASSWORD";
constexpr char kPasswordFile[] = "KOI_PASSWORD_FILE";
constexpr char kInterface[] = "KOI_INTERFACE";
constexpr char kVhid[] = "KOI_VHID";
constexpr char kAdvskew[] = "KOI_ADVSKEW";
constexpr char kPreempt[] = "KOI_PREEMPT";
constexpr char kStats[] = "KOI_STATS";

// `text` as TOML writes it.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned>(c));
    } else {
      if (c == '"' || c == '\\') quoted.push_back('\\');
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

// What is no number stays text, for the schema to complain about.
std::string Number(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? absl::StrCat(number) : Quoted(text);
}

std::string Flag(const std::string& text) {
  if (text == "true" || text == "1") return "true";
  if (text == "false" || text == "0") return "false";
  return Quoted(text);
}

// Both of one family.
bool InNetwork(const Address& address, const InterfaceNetwork& network) {
  const int bits = network.prefix_bits + (address.is_ip4() ? 96 : 0);
  for (int bit = 0; bit < bits; ++bit) {
    const auto byte = static_cast<size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if ((address.bytes()[byte] & mask) != (network.address.bytes()[byte] & mask)) return false;
  }
  return true;
}

class Writer {
 public:
  Writer(const CommandLine& typed, const std::vector<InterfaceNetwork>& networks)
      : typed_(typed), networks_(networks) {}

  CommandLineConfig Write(DefaultService default_service) {
    result_.source.path = "command line";
    ReadVips();
    if (!result_.errors.empty()) return std::move(result_);
    Line("version = 1", "command line");
    WriteNode();
    WriteGroup();
    for (const Address& vip : vips_) {
      const std::string text = vip.ToString();
      Line("[[vip]]", absl::StrCat("VIP ", text));
      Line(absl::StrCat("address = ", Quoted(text)), absl::StrCat("VIP ", text));
    }
    if (const std::string& stats = Variable(kStats); !stats.empty()) {
      Line("[stats]", kStats);
      Line(absl::StrCat("listen = ", Quoted(stats)), kStats);
    }
    if (default_service == DefaultService::kWith) WriteDefaultService();
    if (!result_.errors.empty()) {
      result_.chosen.clear();
      return std::move(result_);
    }
    Chosen("services", default_service == DefaultService::kWith ? "default" : "files");
    return std::move(result_);
  }

 private:
  const std::string& Variable(const char* name) const {
    static const std::string kUnset;
    const auto found = typed_.environment.find(name);
    return found == typed_.environment.end() ? kUnset : found->second;
  }

  void Error(std::string message) {
    result_.errors.push_back({.file = "command line", .message = std::move(message)});
  }
  void Line(absl::string_view text, std::string made_of) {
    absl::StrAppend(&result_.source.text, text, "\n");
    result_.source.made_of.push_back(std::move(made_of));
  }
  void Chosen(absl::string_view what, const absl::AlphaNum& value) {
    absl::StrAppend(&result_.chosen, result_.chosen.empty() ? "" : " ", what, "=", value.Piece());
  }

  bool password_is_argument() const {
    return Variable(kPassword).empty() && Variable(kPasswordFile).empty();
  }

  // The second argument is a password, or was meant as one: it is never shown.
  void ReadVips() {
    const std::vector<std::string>& arguments = typed_.arguments;
    if (!Variable(kPassword).empty() && !Variable(kPasswordFile).empty()) {
      Error(
          absl::StrCat(kPassword, " and ", kPasswordFile, " are both set; one of them is enough"));
    }
    if (password_is_argument()) CheckPassword();
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (i == 1 && password_is_argument()) continue;
      const absl::StatusOr<Address> vip = Address::Parse(arguments[i]);
      if (vip.ok() && std::find(vips_.begin(), vips_.end(), *vip) != vips_.end()) {
        Error(absl::StrCat("VIP ", vip->ToString(), " is given twice"));
      } else if (vip.ok()) {
        vips_.push_back(*vip);
      } else if (i == 1) {
        Error(absl::StrCat("the second argument is not an IPv4 or IPv6 address; with ",
                           Variable(kPassword).empty() ? kPasswordFile : kPassword,
                           " set, all arguments are VIPs"));
      } else {
        Error(absl::StrCat("VIP ", Quoted(arguments[i]), " is not an IPv4 or IPv6 address"));
      }
    }
  }

  void CheckPassword() {
    if (typed_.arguments.size() < 2) {
      Error(absl::StrCat("PASSWORD is missing: koid VIP PASSWORD [more VIPs]; or set ",
                         kPasswordFile, " or ", kPassword));
    } else if (Address::Parse(typed_.arguments[1]).ok()) {
      Error(
          absl::StrCat("PASSWORD, the second argument, is an address: koid VIP PASSWORD [more "
                       "VIPs]; VIPs alone need ",
                       kPasswordFile, " or ", kPassword));
    } else {
      result_.warnings.push_back(
          absl::StrCat("PASSWORD on the command line can be read in the container's description "
                       "and in shell histories; ",
                       kPasswordFile, " keeps it out"));
    }
  }

  void WriteNode() {
    const std::string& given = Variable(kInterface);
    const std::string interface = given.empty() ? InterfaceOfFirstVip() : given;
    const std::string made_of = given.empty() ? "command line" : kInterface;
    Line("[node]", made_of);
    Line(absl::StrCat("interface = ", Quoted(interface)), made_of);
    Chosen("interface", interface);
  }

  // "", and an error, when there is not exactly one. A VIP that is on an interface already, left
  // there by an earlier run or by hand, tells nothing of networks.
  std::string InterfaceOfFirstVip() {
    const Address& vip = vips_.front();
    std::vector<std::string> holders;
    std::vector<std::string> all;
    for (const InterfaceNetwork& network : networks_) {
      if (network.address == vip || network.address.is_ip4() != vip.is_ip4()) continue;
      all.push_back(absl::StrCat(network.interface, " (", network.address.ToString(), "/",
                                 network.prefix_bits, ")"));
      const bool holds = InNetwork(vip, network);
      if (holds && std::find(holders.begin(), holders.end(), network.interface) == holders.end()) {
        holders.push_back(network.interface);
      }
    }
    if (holders.size() == 1) return holders.front();
    if (holders.empty()) {
      Error(absl::StrCat("no interface is in the network of VIP ", vip.ToString(), "; there are ",
                         all.empty() ? "none with an address" : absl::StrJoin(all, ", "),
                         "; name the right one in ", kInterface));
    } else {
      Error(absl::StrCat("the network of VIP ", vip.ToString(), " is on several interfaces: ",
                         absl::StrJoin(holders, ", "), "; name the right one in ", kInterface));
    }
    return "";
  }

  void WriteGroup() {
    Line("[[carp]]", "command line");
    WriteVhid();
    if (!Variable(kPasswordFile).empty()) {
      Line(absl::StrCat("password_file = ", Quoted(Variable(kPasswordFile))), kPasswordFile);
    } else if (!Variable(kPassword).empty()) {
      Line(absl::StrCat("password = ", Quoted(Variable(kPassword))), kPassword);
    } else {
      Line(absl::StrCat("password = ", Quoted(typed_.arguments[1])), "PASSWORD");
    }
    WriteIfSet("advskew", kAdvskew, Number(Variable(kAdvskew)));
    WriteIfSet("preempt", kPreempt, Flag(Variable(kPreempt)));
    const bool any_ip4 =
        std::any_of(vips_.begin(), vips_.end(), [](const Address& vip) { return vip.is_ip4(); });
    if (!any_ip4) Line("hash = \"all\"", "command line");
  }

  void WriteIfSet(absl::string_view key, const char* variable, const std::string& value) {
    if (Variable(variable).empty()) return;
    Line(absl::StrCat(key, " = ", value), variable);
    Chosen(key, value);
  }

  void WriteVhid() {
    if (!Variable(kVhid).empty()) {
      const std::string vhid = Number(Variable(kVhid));
      Chosen("vhid", vhid);
      return Line(absl::StrCat("vhid = ", vhid), kVhid);
    }
    const auto first_ip4 =
        std::find_if(vips_.begin(), vips_.end(), [](const Address& vip) { return vip.is_ip4(); });
    if (first_ip4 == vips_.end()) {
      return Error(absl::StrCat("no VIP is IPv4, whose last number would be the vhid: set ", kVhid,
                                " to a number from 1 to 255, the same on both hosts"));
    }
    const uint32_t last = ntohl(first_ip4->ip4().s_addr) & 0xff;
    if (last == 0) {
      return Error(absl::StrCat("VIP ", first_ip4->ToString(), " ends in 0, which is no vhid: set ",
                                kVhid, " to a number from 1 to 255, the same on both hosts"));
    }
    Chosen("vhid", last);
    Line(absl::StrCat("vhid = ", last), "command line");
  }

  // Every VIP at `port`, as a list.
  std::string Endpoints(uint16_t port) const {
    return absl::StrCat("[",
                        absl::StrJoin(vips_, ", ",
                                      [port](std::string* out, const Address& vip) {
                                        const Endpoint endpoint = {vip, port};
                                        absl::StrAppend(out, "\"", endpoint.ToString(), "\"");
                                      }),
                        "]");
  }

  void WriteDefaultService() {
    const std::string lines[] = {
        "[[service]]",
        "name = \"default\"",
        absl::StrCat("listen = ", Endpoints(443)),
        "tls = \"terminate\"",
        "self_signed = true",
        "pool = \"default\"",
        "when_empty = \"welcome\"",
        "[[service]]",
        "name = \"default-plain\"",
        absl::StrCat("listen = ", Endpoints(80)),
        "redirect = \"https\"",
        "[[pool]]",
        "name = \"default\"",
    };
    for (const std::string& line : lines) Line(line, "default service");
  }

  const CommandLine& typed_;
  const std::vector<InterfaceNetwork>& networks_;
  std::vector<Address> vips_;  // the first is first
  CommandLineConfig result_;
};

}  // namespace

const std::vector<std::string>& CommandLineVariables() {
  static const std::vector<std::string> kNames = {kPassword, kPasswordFile, kInterface, kVhid,
                                                  kAdvskew,  kPreempt,      kStats};
  return kNames;
}

CommandLineConfig ConfigFromCommandLine(const CommandLine& typed,
                                        const std::vector<InterfaceNetwork>& networks,
                                        DefaultService default_service) {
  return Writer(typed, networks).Write(default_service);
}

}  // namespace koi
