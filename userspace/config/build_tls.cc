// SPDX-License-Identifier: Apache-2.0
// What services agree on with TLS clients, and the session tickets of all of them.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/build.h"

namespace koi {
namespace {

constexpr absl::string_view kTls12Names[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA256",     "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",     "ECDHE-RSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-SHA",        "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",        "ECDHE-RSA-AES256-SHA",
};
constexpr absl::string_view kTls13Names[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                             "TLS_CHACHA20_POLY1305_SHA256"};
constexpr absl::string_view kGroupNames[] = {"X25519", "P-256", "P-384", "P-521", "X448"};
constexpr size_t kMaxProtocolBytes = 255;  // a length of one byte stands before it
// Random enough where somebody writes it in hexadecimal or base64.
constexpr size_t kLeastSecretBytes = 32;

TlsVersion VersionOf(const Section& section, absl::string_view key, TlsVersion otherwise) {
  if (!section.Has(key)) return otherwise;
  return section.Get<std::string>(key) == "1.3" ? TlsVersion::k13 : TlsVersion::k12;
}

// The list that `key` has, each of `known`.
void BuildNames(BuildContext& context, const Section& section, absl::string_view key,
                absl::Span<const absl::string_view> known, std::string& names) {
  if (!section.Has(key)) return;
  names = section.Get<std::string>(key);
  const std::vector<std::string> candidates(known.begin(), known.end());
  for (const absl::string_view name : absl::StrSplit(names, ':')) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string meant = DidYouMean(name, candidates, "\"");
    context.problems.Error(
        section.PlaceOf(key),
        absl::StrCat(
            key, " has \"", name, "\", which koi does not offer",
            meant.empty() ? absl::StrCat("; it knows ", absl::StrJoin(known, ", ")) : meant));
    return;
  }
}

void BuildAlpn(BuildContext& context, const Section& section, ServiceConfig& service) {
  if (service.mode == ServiceMode::kHttp) service.tls_options.alpn = {"http/1.1"};
  if (!section.Has("alpn")) return;
  if (service.mode == ServiceMode::kHttp) {
    context.problems.Error(section.PlaceOf("alpn"),
                           "alpn is for mode = \"tcp\"; mode = \"http\" offers what it speaks");
    return;
  }
  for (const absl::string_view name : absl::StrSplit(section.Get<std::string>("alpn"), ',')) {
    if (!name.empty() && name.size() <= kMaxProtocolBytes) {
      service.tls_options.alpn.emplace_back(name);
      continue;
    }
    context.problems.Error(
        section.PlaceOf("alpn"),
        absl::StrCat("alpn names no protocol between two commas; write it as \"h2,http/1.1\""));
    return;
  }
}

void BuildClientCertificates(BuildContext& context, const Section& section,
                             ServiceConfig& service) {
  const auto wanted = section.GetOr<std::string>("client_certificates", "off");
  service.tls_options.client_certificates = wanted == "required"   ? ClientCertificates::kRequired
                                            : wanted == "optional" ? ClientCertificates::kOptional
                                                                   : ClientCertificates::kOff;
  const bool off = service.tls_options.client_certificates == ClientCertificates::kOff;
  if (section.Has("client_ca")) {
    service.client_ca_file = ResolvedPath(context, section, "client_ca");
    if (off) {
      context.problems.Error(section.PlaceOf("client_ca"),
                             "client_ca is of no use while client_certificates is \"off\"; did you "
                             "mean \"required\"?");
    }
  } else if (!off && !section.Written("client_ca")) {
    context.problems.Error(section.PlaceOf("client_certificates"),
                           absl::StrCat("client_certificates is \"", wanted,
                                        "\" and lacks client_ca = \"FILE\", the authorities that "
                                        "issue them"));
  }
}

void BuildOptions(BuildContext& context, const Section& section, ServiceConfig& service) {
  TlsOptions& options = service.tls_options;
  options.min_version = VersionOf(section, "min_version", options.min_version);
  options.max_version = VersionOf(section, "max_version", options.max_version);
  if (options.min_version > options.max_version) {
    context.problems.Error(section.PlaceOf("min_version"),
                           "min_version \"1.3\" is above max_version \"1.2\"");
  }
  BuildNames(context, section, "tls12_ciphers", KnownTls12Ciphers(), options.tls12_ciphers);
  BuildNames(context, section, "tls13_ciphers", KnownTls13Ciphers(), options.tls13_ciphers);
  BuildNames(context, section, "groups", KnownGroups(), options.groups);
  options.strict_sni = section.GetOr("strict_sni", false);
  options.tickets = section.GetOr("tickets", true);
  BuildAlpn(context, section, service);
  BuildClientCertificates(context, section, service);
}

}  // namespace

absl::Span<const absl::string_view> KnownTls12Ciphers() { return kTls12Names; }
absl::Span<const absl::string_view> KnownTls13Ciphers() { return kTls13Names; }
absl::Span<const absl::string_view> KnownGroups() { return kGroupNames; }

void BuildTlsOptions(BuildContext& context, const Section& section, ServiceConfig& service) {
  if (service.mode == ServiceMode::kHttp) service.tls_options.alpn = {"http/1.1"};
  for (const Section& options : section.Inside("tls_options")) {
    if (service.tls != TlsMode::kTerminate && section.Has("tls")) {
      context.problems.Error(
          section.PlaceOf("tls_options"),
          absl::StrCat(Label(section, "service"),
                       " has tls_options, but tls is not \"terminate\", so nobody would use them"));
    }
    BuildOptions(context, options, service);
  }
}

void BuildTickets(BuildContext& context) {
  TicketConfig& tickets = context.config.tickets;
  for (const Section& section : context.top.Inside("tickets")) {
    tickets.rotation = section.GetOr("rotation", tickets.rotation);
    if (!section.Has("secret_file")) continue;
    const std::optional<std::string> secret = FirstLine(context, section, "secret_file");
    if (!secret.has_value()) continue;
    tickets.secret = *secret;
    if (tickets.secret.size() >= kLeastSecretBytes) continue;
    context.problems.Error(
        section.PlaceOf("secret_file"),
        absl::StrCat("secret_file: its first line has ", tickets.secret.size(), " bytes; at least ",
                     kLeastSecretBytes, " are needed, as \"openssl rand -hex 32\" makes them"));
  }
}

}  // namespace koi
