// SPDX-License-Identifier: Apache-2.0
// Writing and reading what proxies tell each other of clients.
#include "http/forwarding.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace koi {
namespace {

const char* Scheme(const ClientFacts& facts) { return facts.tls ? "https" : "http"; }

bool Has(const Headers& headers, FieldKind kind) {
  return std::any_of(headers.begin(), headers.end(),
                     [kind](const Header& header) { return header.kind == kind; });
}

// Appends the values of all headers of `kind`, each followed by a comma.
void AppendBefore(const Headers& headers, FieldKind kind, std::string& out) {
  for (const Header& header : headers) {
    if (header.kind == kind && !header.value.empty()) absl::StrAppend(&out, header.value, ", ");
  }
}

void AppendAsItCame(const Headers& headers, FieldKind kind, std::string& out) {
  for (const Header& header : headers) {
    if (header.kind == kind) absl::StrAppend(&out, header.name, ": ", header.value, "\r\n");
  }
}

// RFC 7239 6: an IPv6 address stands in brackets, and then in quotes.
void AppendForwardedElement(const ClientFacts& facts, std::string& out) {
  const Address& address = facts.client.address;
  const bool bare = address.is_ip4();
  absl::StrAppend(&out, "for=", bare ? "" : "\"[", address.ToString(), bare ? "" : "]\"",
                  ";proto=", Scheme(facts), "\r\n");
}

// An element of X-Forwarded-For, or the value of a for= : an address, which may have a port.
std::optional<Address> NodeAddress(absl::string_view text) {
  text = TrimOws(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  if (const auto address = Address::Parse(text); address.ok()) return *address;
  if (const auto endpoint = Endpoint::Parse(text); endpoint.ok()) return endpoint->address;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  const auto address = Address::Parse(text.substr(1, text.size() - 2));
  return address.ok() ? std::optional<Address>(*address) : std::nullopt;
}

// The value of for= in one element of a Forwarded.
absl::string_view ForOf(absl::string_view element) {
  for (absl::string_view pair : absl::StrSplit(element, ';')) {
    pair = TrimOws(pair);
    if (absl::StartsWithIgnoreCase(pair, "for=")) return pair.substr(4);
  }
  return "";
}

// Goes through one list from its end.
std::optional<Address> LastUntrusted(const Headers& headers, FieldKind kind,
                                     absl::Span<const Prefix> trusted) {
  std::optional<Address> last;
  for (size_t i = headers.size(); i-- > 0;) {
    if (headers[i].kind != kind) continue;
    const std::vector<absl::string_view> elements = absl::StrSplit(headers[i].value, ',');
    for (size_t j = elements.size(); j-- > 0;) {
      const absl::string_view node =
          kind == FieldKind::kForwarded ? ForOf(elements[j]) : elements[j];
      const std::optional<Address> address = NodeAddress(node);
      if (!address.has_value()) return last;  // whoever stands before it cannot be believed
      last = address;
      if (!AnyContains(trusted, *address)) return last;
    }
  }
  return last;
}

}  // namespace

void WriteClientCertificate(absl::string_view subject, absl::string_view fingerprint,
                            std::string& out) {
  absl::StrAppend(&out, "X-Client-Cert-Subject: ", subject,
                  "\r\nX-Client-Cert-Fingerprint: ", fingerprint, "\r\n");
}

void WriteForwarded(const ClientFacts& facts, ForwardedStyle style, std::string& out) {
  if (style.x_forwarded) {
    absl::StrAppend(&out, "X-Forwarded-For: ", facts.client.address.ToString(),
                    "\r\nX-Forwarded-Proto: ", Scheme(facts),
                    "\r\nX-Forwarded-Port: ", facts.service.port, "\r\n");
  }
  if (style.rfc7239) {
    absl::StrAppend(&out, "Forwarded: ");
    AppendForwardedElement(facts, out);
  }
}

void ExtendForwarded(const Headers& headers, const ClientFacts& facts, ForwardedStyle style,
                     std::string& out) {
  if (style.x_forwarded) {
    absl::StrAppend(&out, "X-Forwarded-For: ");
    AppendBefore(headers, FieldKind::kXForwardedFor, out);
    absl::StrAppend(&out, facts.client.address.ToString(), "\r\n");
    if (!Has(headers, FieldKind::kXForwardedProto)) {
      absl::StrAppend(&out, "X-Forwarded-Proto: ", Scheme(facts), "\r\n");
    }
    if (!Has(headers, FieldKind::kXForwardedPort)) {
      absl::StrAppend(&out, "X-Forwarded-Port: ", facts.service.port, "\r\n");
    }
  } else {
    AppendAsItCame(headers, FieldKind::kXForwardedFor, out);
  }
  for (const FieldKind kind : {FieldKind::kXForwardedProto, FieldKind::kXForwardedPort,
                               FieldKind::kXForwardedOther, FieldKind::kClientCertificate}) {
    AppendAsItCame(headers, kind, out);
  }
  if (style.rfc7239) {
    absl::StrAppend(&out, "Forwarded: ");
    AppendBefore(headers, FieldKind::kForwarded, out);
    AppendForwardedElement(facts, out);
  } else {
    AppendAsItCame(headers, FieldKind::kForwarded, out);
  }
}

std::optional<Address> ClientBehind(const Headers& headers, absl::Span<const Prefix> trusted) {
  const FieldKind kind =
      Has(headers, FieldKind::kXForwardedFor) ? FieldKind::kXForwardedFor : FieldKind::kForwarded;
  return LastUntrusted(headers, kind, trusted);
}

}  // namespace koi
