// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message to or from the keeper: they are one, byte for byte, or refused.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "protocol/keeper_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<KeeperMessage> message = KeeperMessage::FromBytes(bytes);
  KOI_CHECK(message.ok() == (size == sizeof(KeeperMessage)));
  if (!message.ok()) return 0;
  KOI_CHECK(std::strlen(message->name) < sizeof(message->name));
  KOI_CHECK(message->bytes().size() == size);
  return 0;
}
