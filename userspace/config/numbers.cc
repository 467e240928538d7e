// SPDX-License-Identifier: Apache-2.0
// Keeping and choosing numbers.
#include "config/numbers.h"

#include <set>

#include "config/schema.h"

namespace koi {
namespace {

constexpr uint32_t kMaxGroups = 255;  // a vhid each

// The lowest number below `limit` that is in neither set; where all are, the lowest that is not
// `taken`.
uint32_t FreeNumber(const std::set<uint32_t>& taken, const std::set<uint32_t>& had, size_t limit) {
  uint32_t number = 0;
  while (number < limit && (taken.contains(number) || had.contains(number))) ++number;
  if (number < limit) return number;
  for (number = 0; taken.contains(number);) ++number;
  return number;
}

template <typename Item, typename NameOf>
void Assign(const std::vector<Item>& before, std::vector<Item>& items, size_t limit,
            NameOf name_of) {
  std::set<uint32_t> had;
  std::set<uint32_t> taken;
  for (const Item& item : before) had.insert(item.number);
  std::vector<Item*> unnumbered;
  for (Item& item : items) {
    bool known = false;
    for (const Item& other : before) {
      if (name_of(other) != name_of(item)) continue;
      item.number = other.number;
      known = true;
    }
    if (known) {
      taken.insert(item.number);
    } else {
      unnumbered.push_back(&item);
    }
  }
  for (Item* item : unnumbered) {
    item->number = FreeNumber(taken, had, limit);
    taken.insert(item->number);
  }
}

}  // namespace

void AssignNumbers(const Config& before, Config& config) {
  Assign(before.carp, config.carp, kMaxGroups, [](const CarpConfig& group) { return group.vhid; });
  Assign(before.vips, config.vips, kMaxVips, [](const VipConfig& vip) { return vip.address; });
  Assign(before.services, config.services, kMaxListens,
         [](const ServiceConfig& service) { return service.name; });
  Assign(before.pools, config.pools, kMaxPools, [](const PoolConfig& pool) { return pool.name; });
}

}  // namespace koi
