// SPDX-License-Identifier: Apache-2.0
// Addresses as text, as bytes, as sockaddr.
#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Address> FromText(absl::string_view text) {
  if (text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  in_addr ip4;
  if (::inet_pton(AF_INET, terminated.c_str(), &ip4) == 1) return Address::FromIp4(ip4);
  in6_addr ip6;
  if (::inet_pton(AF_INET6, terminated.c_str(), &ip6) == 1) return Address::FromIp6(ip6);
  return std::nullopt;
}

absl::string_view WithoutBrackets(absl::string_view text) {
  const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  return bracketed ? text.substr(1, text.size() - 2) : text;
}

std::optional<uint16_t> PortFromText(absl::string_view digits) {
  const bool plain = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  uint32_t port = 0;
  if (!plain || !absl::SimpleAtoi(digits, &port) || port < 1 || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

std::string DidYouMean(absl::string_view text) {
  return absl::StrCat("; did you mean \"", text, "\"?");
}

bool IsHostName(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_isalpha) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
         });
}

// What `text`, which is no address, was probably meant to be: an address with something around it.
std::string AddressHint(absl::string_view text) {
  for (const absl::string_view part :
       {text.substr(0, text.find('/')), text.substr(0, text.find('%')),
        WithoutBrackets(text.substr(0, text.rfind(':'))), WithoutBrackets(text)}) {
    if (FromText(part).has_value()) return DidYouMean(part);
  }
  return IsHostName(text) ? "; names are not looked up, write its address" : "";
}

// The same of what is no ADDRESS:PORT.
std::string EndpointHint(absl::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme != text.npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find('/'));
  const size_t colon = std::min(text.rfind(':'), text.size());
  const std::optional<Address> address = FromText(WithoutBrackets(text.substr(0, colon)));
  const std::optional<uint16_t> port = PortFromText(text.substr(std::min(colon + 1, text.size())));
  if (address.has_value() && port.has_value()) {
    return DidYouMean(Endpoint{*address, *port}.ToString());
  }
  return FromText(WithoutBrackets(text)).has_value() ? "; its port is missing" : "";
}

}  // namespace

absl::StatusOr<Address> Address::Parse(absl::string_view text) {
  const std::optional<Address> address = FromText(text);
  if (address.has_value()) return *address;
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text), " is not an IPv4 or IPv6 address", AddressHint(text)));
}

Address Address::FromIp4(const in_addr& ip4) {
  Address address;
  std::memcpy(address.bytes_.data(), kMappedPrefix.data(), 12);
  std::memcpy(address.bytes_.data() + 12, &ip4, 4);
  return address;
}

Address Address::FromIp6(const in6_addr& ip6) {
  Address address;
  std::memcpy(address.bytes_.data(), &ip6, 16);
  return address;
}

Address Address::FromBytes(const std::array<uint8_t, 16>& bytes) {
  Address address;
  address.bytes_ = bytes;
  return address;
}

Address Address::FromWire(absl::string_view bytes) {
  KOI_CHECK(bytes.size() == 4 || bytes.size() == 16);
  Address address;
  if (bytes.size() == 4) std::memcpy(address.bytes_.data(), kMappedPrefix.data(), 12);
  std::memcpy(address.bytes_.data() + 16 - bytes.size(), bytes.data(), bytes.size());
  return address;
}

bool Address::is_ip4() const { return std::memcmp(bytes_.data(), kMappedPrefix.data(), 12) == 0; }

in_addr Address::ip4() const {
  in_addr ip4;
  std::memcpy(&ip4, bytes_.data() + 12, 4);
  return ip4;
}

in6_addr Address::ip6() const {
  in6_addr ip6;
  std::memcpy(&ip6, bytes_.data(), 16);
  return ip6;
}

std::string Address::wire() const {
  const size_t skip = is_ip4() ? 12 : 0;
  return std::string(reinterpret_cast<const char*>(bytes_.data()) + skip, 16 - skip);
}

std::string Address::ToString() const {
  char text[INET6_ADDRSTRLEN];
  if (is_ip4()) {
    ::inet_ntop(AF_INET, bytes_.data() + 12, text, sizeof(text));
  } else {
    ::inet_ntop(AF_INET6, bytes_.data(), text, sizeof(text));
  }
  return text;
}

absl::StatusOr<Endpoint> Endpoint::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  const absl::string_view written = text.substr(0, colon);
  const absl::string_view host = WithoutBrackets(written);
  const bool bracketed = host.size() != written.size();
  const bool looks_like_ip6 = host.find(':') != absl::string_view::npos;
  if (colon == absl::string_view::npos || colon == 0 || bracketed != looks_like_ip6 ||
      text.find("://") != text.npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80",
                     EndpointHint(text)));
  }
  KOI_ASSIGN_OR_RETURN(const Address address, Address::Parse(host));
  const absl::string_view digits = text.substr(colon + 1);
  const std::optional<uint16_t> port = PortFromText(digits);
  if (port.has_value()) return Endpoint{address, *port};
  return absl::InvalidArgumentError(
      absl::StrCat("port ", Quoted(digits), " is not a number from 1 to 65535"));
}

absl::StatusOr<Endpoint> Endpoint::FromSockaddr(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof(in));
    return Endpoint{Address::FromIp4(in.sin_addr), ntohs(in.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &storage, sizeof(in6));
    return Endpoint{Address::FromIp6(in6.sin6_addr), ntohs(in6.sin6_port)};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("socket address of family ", storage.ss_family, " is not an IP endpoint"));
}

socklen_t Endpoint::ToSockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof(storage));
  if (address.is_ip4()) {
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    in.sin_addr = address.ip4();
    in.sin_port = htons(port);
    std::memcpy(&storage, &in, sizeof(in));
    return sizeof(in);
  }
  sockaddr_in6 in6 = {};
  in6.sin6_family = AF_INET6;
  in6.sin6_addr = address.ip6();
  in6.sin6_port = htons(port);
  std::memcpy(&storage, &in6, sizeof(in6));
  return sizeof(in6);
}

std::string Endpoint::ToString() const {
  if (address.is_ip4()) return absl::StrCat(address.ToString(), ":", port);
  return absl::StrCat("[", address.ToString(), "]:", port);
}

}  // namespace koi
