// SPDX-License-Identifier: Apache-2.0
// koi explain: what becomes of a packet, and why.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"

namespace koi {
namespace {

absl::StatusOr<ExplainOrder> ExplainOrderOf(const Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.arguments;
  ExplainOrder order;
  KOI_ASSIGN_OR_RETURN(order.client, Endpoint::Parse(arguments[0]));
  KOI_ASSIGN_OR_RETURN(order.vip, Endpoint::Parse(arguments[1]));
  if (arguments.size() > 2) order.protocol = arguments[2];
  if (order.protocol != "tcp" && order.protocol != "udp") {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", order.protocol, "\" is neither tcp nor udp"));
  }
  order.syn = invocation.options.contains("--syn");
  if (order.syn && order.protocol == "udp") {
    return absl::InvalidArgumentError("--syn is for tcp: udp opens no connections");
  }
  return order;
}

std::string NameAndState(const ExplainedBackend& backend) {
  if (backend.name.empty()) return "none";
  return absl::StrCat(
      backend.name, " (", backend.address.empty() ? "" : absl::StrCat(backend.address, ", "),
      backend.admin, backend.health.empty() ? "" : absl::StrCat(", ", backend.health), ")");
}

// Why the packet goes to this backend, a sentence.
std::string Why(const ExplainReport& report) {
  const struct {
    absl::string_view choice;
    absl::string_view why;
  } kSentences[] = {
      {"at-rest", "The slot is at rest: all its packets go to its current backend."},
      {"entry", "The slot has changed, and the flow has an entry that says where it belongs."},
      {"retransmission", "The SYN that made the flow's entry has come once more: it stays there."},
      {"new", "The slot has changed, and this is a new flow: it goes to the current backend."},
      {"old",
       "The slot has changed, and the flow has no entry: it was there before, and stays with the "
       "previous backend."},
      {"taken",
       "The slot has changed a moment ago: an UDP flow without an entry is taken for an old one "
       "and "
       "stays with the previous backend."},
      {"full",
       "The slot has changed and the table of flows is or was full: new flows go to the previous "
       "backend for now."},
      {"down", "The backend where it belongs is down: it goes to the current one."},
  };
  for (const auto& [choice, why] : kSentences) {
    if (choice == report.choice) return std::string(why);
  }
  return "";
}

void PrintL4(const ExplainReport& report, std::ostream& out) {
  out << "pool      " << report.pool << ", forwards by " << report.forward << '\n'
      << "slot      " << report.slot << " of " << report.ring_size << ", epoch " << report.epoch
      << (report.moved ? ", has changed" : ", at rest") << '\n'
      << "current   " << NameAndState(report.current) << '\n';
  if (report.moved) out << "previous  " << NameAndState(report.previous) << '\n';
  if (report.has_flow) {
    out << "flow      has an entry for " << NameAndState(report.flow_backend) << ", epoch "
        << report.flow_epoch
        << (report.flow_epoch == report.epoch ? "" : ", which no longer counts") << ", used "
        << FormatDuration(std::chrono::milliseconds(report.flow_used_ms_ago)) << " ago\n";
  } else {
    out << "flow      has no entry\n";
  }
  out << "backend   " << NameAndState(report.backend) << '\n'
      << "why       " << Why(report) << '\n';
}

void Print(const ExplainReport& report, std::ostream& out) {
  out << "verdict   " << report.verdict << " (" << report.action << "): " << report.help << '\n';
  if (report.service.empty()) return;
  out << "service   " << report.service << ", mode " << report.mode << '\n';
  if (report.cpu >= 0) out << "worker    that of CPU " << report.cpu << '\n';
  if (report.has_slot) PrintL4(report, out);
}

}  // namespace

absl::StatusOr<ExitCode> ExplainPacket(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const ExplainOrder order, ExplainOrderOf(invocation));
  KOI_ASSIGN_OR_RETURN(const std::string json, ManagerClient(invocation.socket).ExplainJson(order));
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(json));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const ExplainReport report, DecodeExplainReport(json));
  Print(report, invocation.out);
  return kExitOk;
}

}  // namespace koi
