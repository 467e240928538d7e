// SPDX-License-Identifier: Apache-2.0
// Keys of session tickets over time, processes and hosts.
#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

using namespace std::chrono_literals;

constexpr char kSecret[] = "a secret that both hosts have, in a file";
constexpr int64_t kBegin = 1'800'000'000;  // divides by an hour

TEST(TicketKeysTest, NextBecomesCurrentAndCurrentPrevious) {
  for (const char* secret : {"", kSecret}) {
    SCOPED_TRACE(secret);
    TicketKeyring ring = *secret == '\0' ? TicketKeyring::Random(1h, kBegin)
                                         : TicketKeyring::Shared(secret, 1h, kBegin);
    const TicketKeys before = ring.keys();
    EXPECT_EQ(ring.next_change_s(), kBegin + 3600);
    EXPECT_FALSE(ring.Advance(kBegin + 3599));
    EXPECT_TRUE(ring.Advance(kBegin + 3600));
    EXPECT_EQ(ring.keys().previous, before.current);
    EXPECT_EQ(ring.keys().current, before.next);
    EXPECT_FALSE(ring.keys().next == before.next);
    EXPECT_TRUE(ring.Advance(kBegin + 100 * 3600));
    EXPECT_FALSE(ring.keys().previous == before.next) << "after so long none is known any more";
  }
}

TEST(TicketKeysTest, HostsWithOneSecretHaveTheSameKeys) {
  const TicketKeyring one = TicketKeyring::Shared(kSecret, 1h, kBegin);
  EXPECT_EQ(TicketKeyring::Shared(kSecret, 1h, kBegin + 3599).keys(), one.keys());
  // A clock that is ahead: what one host uses the other knows.
  EXPECT_EQ(TicketKeyring::Shared(kSecret, 1h, kBegin + 3600).keys().previous, one.keys().current);
  EXPECT_EQ(TicketKeyring::Shared(kSecret, 1h, kBegin + 3600).keys().current, one.keys().next);
  EXPECT_FALSE(TicketKeyring::Shared("another", 1h, kBegin).keys() == one.keys());
  EXPECT_FALSE(TicketKeyring::Shared(kSecret, 2h, kBegin).keys() == one.keys());
  EXPECT_FALSE(TicketKeyring::Random(1h, kBegin).keys() ==
               TicketKeyring::Random(1h, kBegin).keys());
}

TEST(TicketKeysTest, FollowerGoesOnWithThoseThatWere) {
  const TicketKeyring before = TicketKeyring::Random(1h, kBegin);
  const std::string kept = before.Encode();
  EXPECT_EQ(TicketKeyring::Continue(kept, "", 1h, kBegin + 10).keys(), before.keys());
  EXPECT_EQ(TicketKeyring::Continue(kept, "", 1h, kBegin + 3600).keys().previous,
            before.keys().current);
  EXPECT_FALSE(TicketKeyring::Continue(kept, "", 2h, kBegin).keys() == before.keys());
  const TicketKeys shared = TicketKeyring::Shared(kSecret, 1h, kBegin).keys();
  EXPECT_EQ(TicketKeyring::Continue(kept, kSecret, 1h, kBegin).keys(), shared);
  const std::string of_secret = TicketKeyring::Shared(kSecret, 1h, kBegin).Encode();
  EXPECT_FALSE(TicketKeyring::Continue(of_secret, "", 1h, kBegin).keys() == shared)
      << "the secret was taken out of the configuration";
  for (const char* broken : {"", "koi", "koi tickets 1"}) {
    EXPECT_FALSE(TicketKeyring::Continue(broken, "", 1h, kBegin).keys() == before.keys());
  }
}

TEST(TicketKeysTest, KeysArriveAsTheyWereSent) {
  const TicketKeys keys = TicketKeyring::Random(1h, kBegin).keys();
  EXPECT_EQ(DecodeTicketKeys(EncodeTicketKeys(keys)).value(), keys);
  EXPECT_FALSE(DecodeTicketKeys("short").ok());
}

}  // namespace
}  // namespace koi
