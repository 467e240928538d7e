// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_deny4 and koi_deny6.
#include "dataplane/deny_map.h"

#include <koi/abi/deny.h>
#include <koi/abi/limits.h>

#include "absl/strings/str_cat.h"
#include "dataplane/abi_address.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

koi_deny4_key Key4(const Prefix& prefix) {
  return {.prefix_bits = static_cast<__u32>(prefix.bits()),
          .addr_be = prefix.address().ip4().s_addr};
}

koi_deny6_key Key6(const Prefix& prefix) {
  return {.prefix_bits = static_cast<__u32>(prefix.bits()), .addr = ToAbi(prefix.address())};
}

Prefix PrefixOf(const koi_deny4_key& key) {
  return Prefix::Of(Address::FromIp4({.s_addr = key.addr_be}), static_cast<int>(key.prefix_bits));
}

Prefix PrefixOf(const koi_deny6_key& key) {
  return Prefix::Of(FromAbi(key.addr), static_cast<int>(key.prefix_bits));
}

template <typename Key>
absl::Status ListInto(const Fd& map, std::vector<DenyEntry>& entries) {
  constexpr absl::string_view kDoing = "cannot list the denied prefixes";
  KOI_ASSIGN_OR_RETURN(const auto keys, map_calls::Keys<Key>(map.get(), kDoing));
  for (const Key& key : keys) {
    KOI_ASSIGN_OR_RETURN(const koi_deny value, map_calls::Get<koi_deny>(map.get(), key, kDoing));
    entries.push_back({.prefix = PrefixOf(key), .since_s = value.since});
  }
  return absl::OkStatus();
}

}  // namespace

size_t DenyMap::room() { return KOI_DENIED_MAX; }

absl::Status DenyMap::Add(absl::Span<const DenyEntry> entries) {
  constexpr absl::string_view kDoing = "cannot deny a prefix";
  for (const DenyEntry& entry : entries) {
    const koi_deny value = {.since = entry.since_s};
    KOI_RETURN_IF_ERROR(entry.prefix.is_ip4()
                            ? map_calls::Set(deny4_.get(), Key4(entry.prefix), value, kDoing)
                            : map_calls::Set(deny6_.get(), Key6(entry.prefix), value, kDoing));
  }
  return absl::OkStatus();
}

absl::Status DenyMap::Remove(absl::Span<const DenyEntry> entries) {
  constexpr absl::string_view kDoing = "cannot allow a denied prefix again";
  for (const DenyEntry& entry : entries) {
    KOI_RETURN_IF_ERROR(entry.prefix.is_ip4()
                            ? map_calls::Remove(deny4_.get(), Key4(entry.prefix), kDoing)
                            : map_calls::Remove(deny6_.get(), Key6(entry.prefix), kDoing));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DenyEntry>> DenyMap::List() const {
  std::vector<DenyEntry> entries;
  KOI_RETURN_IF_ERROR(ListInto<koi_deny4_key>(deny4_, entries));
  KOI_RETURN_IF_ERROR(ListInto<koi_deny6_key>(deny6_, entries));
  return entries;
}

}  // namespace koi
