// SPDX-License-Identifier: Apache-2.0
// Addresses as the ABI has them, and as everybody else does.
#pragma once

#include <koi/abi/abi.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "base/address.h"

namespace koi {

inline koi_addr ToAbi(const Address& address) {
  koi_addr abi = {};
  std::memcpy(abi.words_be, address.bytes().data(), sizeof(abi.words_be));
  return abi;
}

inline Address FromAbi(const koi_addr& abi) {
  std::array<uint8_t, 16> bytes = {};
  std::memcpy(bytes.data(), abi.words_be, bytes.size());
  return Address::FromBytes(bytes);
}

}  // namespace koi
