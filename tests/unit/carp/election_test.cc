// SPDX-License-Identifier: Apache-2.0
// The election's rules one by one, on virtual time.
#include "carp/election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/carp/carp_data.h"

namespace koi {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr TimePoint kStart{std::chrono::hours(1)};

class ElectionTest : public testing::Test {
 protected:
  // A backup since kStart, with its first wait ahead of it.
  Election Backup(Election::Settings settings = {}) {
    Election election(settings, kStart);
    EXPECT_TRUE(election.LinkUp(Addr("10.79.0.9"), kStart).role_changed);
    return election;
  }
  // Master, with `now` the time it became so.
  Election Master(Election::Settings settings = {}) {
    Election election = Backup(settings);
    now = election.deadline();
    EXPECT_TRUE(election.Tick(now).role_changed);
    EXPECT_EQ(election.role(), CarpRole::kMaster);
    return election;
  }
  static Election::Heard Advert(uint8_t advbase, uint8_t advskew,
                                const std::string& source = "10.79.0.200") {
    return {.advbase = advbase, .advskew = advskew, .source = Addr(source)};
  }

  TimePoint now = kStart;
};

TEST_F(ElectionTest, WithoutALinkItWaitsForever) {
  Election election({}, kStart);
  EXPECT_EQ(election.role(), CarpRole::kInit);
  EXPECT_EQ(election.deadline(), TimePoint::max());
  EXPECT_FALSE(election.Tick(kStart + seconds(100)).send_advert);
  EXPECT_FALSE(election.Receive(Advert(255, 255), kStart).role_changed);
}

TEST_F(ElectionTest, SilenceForTheDeadTimeMakesABackupMaster) {
  Election election = Backup({.advskew = 128});
  EXPECT_EQ(election.deadline(), kStart + seconds(3) + milliseconds(500));
  EXPECT_FALSE(election.Tick(election.deadline() - microseconds(1)).role_changed);

  const ElectionStep step = election.Tick(election.deadline());

  EXPECT_TRUE(step.role_changed);
  EXPECT_TRUE(step.send_advert);
  EXPECT_TRUE(step.announce);
  EXPECT_EQ(election.role(), CarpRole::kMaster);
  EXPECT_EQ(election.reason(), "no advert for 3.5s");
}

TEST_F(ElectionTest, DeadTimeMultipliesAdvbaseOnly) {
  EXPECT_EQ(Backup({.advbase = 2, .advskew = 64, .dead_ratio = 5}).deadline(),
            kStart + seconds(10) + milliseconds(250));
}

TEST_F(ElectionTest, MasterAdvertisesEveryInterval) {
  Election election = Master({.advbase = 2, .advskew = 64});
  EXPECT_EQ(election.deadline(), now + seconds(2) + milliseconds(250));
  const TimePoint due = election.deadline();
  const ElectionStep step = election.Tick(due);
  EXPECT_TRUE(step.send_advert);
  EXPECT_FALSE(step.role_changed);
  EXPECT_FALSE(step.announce);
  EXPECT_EQ(election.deadline(), due + seconds(2) + milliseconds(250));
}

TEST_F(ElectionTest, AnAdvertRestartsTheWait) {
  Election election = Backup();
  EXPECT_FALSE(election.Receive(Advert(1, 200), kStart + seconds(2)).role_changed);
  EXPECT_EQ(election.deadline(), kStart + seconds(5));
}

TEST_F(ElectionTest, ABackupLeavesAWorseMasterAloneUnlessItPreempts) {
  Election patient = Backup({.advskew = 10});
  EXPECT_FALSE(patient.Receive(Advert(1, 11), kStart).role_changed);

  Election eager = Backup({.advskew = 10, .preempt = true});
  EXPECT_FALSE(eager.Receive(Advert(1, 10), kStart).role_changed);
  EXPECT_FALSE(eager.Receive(Advert(1, 9), kStart).role_changed);
  EXPECT_TRUE(eager.Receive(Advert(1, 11), kStart).role_changed);
  EXPECT_THAT(eager.reason(), StartsWith("preempting a worse master: 10.79.0.200"));
}

TEST_F(ElectionTest, AMasterTooSlowForTheDeadTimeIsReplacedAtOnce) {
  Election election = Backup();
  EXPECT_FALSE(election.Receive(Advert(3, 0), kStart).role_changed);
  EXPECT_TRUE(election.Receive(Advert(3, 1), kStart).role_changed);
  EXPECT_THAT(election.reason(), HasSubstr("too slow"));
}

TEST_F(ElectionTest, ABowOutIsAnsweredAtOnce) {
  Election election = Backup();
  const ElectionStep step = election.Receive(Advert(255, 255), kStart + seconds(1));
  EXPECT_TRUE(step.role_changed);
  EXPECT_TRUE(step.send_advert);
  EXPECT_EQ(election.reason(), "the master left: 10.79.0.200");
}

TEST_F(ElectionTest, AMasterYieldsToABetterOneWithALastAdvert) {
  Election election = Master({.advskew = 100});
  const ElectionStep step = election.Receive(Advert(1, 99), now);
  EXPECT_TRUE(step.role_changed);
  EXPECT_TRUE(step.send_advert);
  EXPECT_FALSE(step.announce);
  EXPECT_EQ(election.role(), CarpRole::kBackup);
  EXPECT_EQ(election.reason(), "a better master advertised: 10.79.0.200 (advbase 1, advskew 99)");
}

TEST_F(ElectionTest, AMasterAnnouncesAnewWhenAWorseOneAdvertisesButNotForEachAdvert) {
  Election election = Master({.advskew = 100});
  const ElectionStep first = election.Receive(Advert(1, 101), now);
  EXPECT_FALSE(first.role_changed);
  EXPECT_TRUE(first.announce);
  EXPECT_TRUE(first.send_advert);
  EXPECT_FALSE(election.Receive(Advert(1, 101), now + milliseconds(999)).announce);
  EXPECT_TRUE(election.Receive(Advert(1, 101), now + milliseconds(1000)).announce);
}

// ucarp on a little-endian host: the last octet counts most. 10.79.1.2 is numerically higher than
// 10.79.0.9, and wins nevertheless.
TEST_F(ElectionTest, ATieGoesToTheAddressThatUcarpTakesForLower) {
  Election yields = Master();
  EXPECT_TRUE(yields.Receive(Advert(1, 0, "10.79.1.2"), now).role_changed);
  Election stays = Master();
  EXPECT_FALSE(stays.Receive(Advert(1, 0, "10.78.0.10"), now).role_changed);
  Election third_octet = Master();
  EXPECT_FALSE(third_octet.Receive(Advert(1, 0, "9.79.1.9"), now).role_changed);
  Election same = Master();
  EXPECT_FALSE(same.Receive(Advert(1, 0, "10.79.0.9"), now).role_changed);
}

TEST_F(ElectionTest, WithoutALinkAMasterGivesUpAtOnceAndComesBackAsABackup) {
  Election election = Master();
  EXPECT_TRUE(election.LinkDown("no carrier on eth0", now).role_changed);
  EXPECT_EQ(election.role(), CarpRole::kInit);
  EXPECT_EQ(election.reason(), "no carrier on eth0");
  EXPECT_TRUE(election.LinkUp(Addr("10.79.0.9"), now + seconds(1)).role_changed);
  EXPECT_EQ(election.role(), CarpRole::kBackup);
  EXPECT_EQ(election.deadline(), now + seconds(4));
}

TEST_F(ElectionTest, SuccessorOfAMasterThatJustDiedGoesOnAtOnce) {
  Election election({}, kStart);
  const ElectionStep step = election.LinkUp(Addr("10.79.0.9"), kStart, /*was_master=*/true);
  EXPECT_TRUE(step.role_changed);
  EXPECT_TRUE(step.send_advert);
  EXPECT_TRUE(step.announce);
  EXPECT_EQ(election.role(), CarpRole::kMaster);
  EXPECT_EQ(election.deadline(), kStart + seconds(1));
}

TEST_F(ElectionTest, ThreeFailedAdvertsDemoteAndThreeGoodOnesRecover) {
  Election election = Master({.advskew = 10});
  election.AdvertSent(false);
  election.AdvertSent(true);
  election.AdvertSent(false);
  election.AdvertSent(false);
  EXPECT_EQ(election.announced_advskew(), 10);
  election.AdvertSent(false);
  EXPECT_EQ(election.announced_advskew(), 240);
  election.AdvertSent(true);
  election.AdvertSent(true);
  EXPECT_EQ(election.announced_advskew(), 240);
  election.AdvertSent(true);
  EXPECT_EQ(election.announced_advskew(), 10);
}

TEST_F(ElectionTest, DemotionNeverImprovesTheRank) {
  Election election = Master({.advskew = 250});
  election.SetDemoted(true);
  EXPECT_EQ(election.announced_advskew(), 250);
}

TEST_F(ElectionTest, ADemotedMasterYieldsToAHostWithAHigherConfiguredSkew) {
  Election election = Master({.advskew = 10});
  election.SetDemoted(true);
  EXPECT_TRUE(election.Receive(Advert(1, 100), now).role_changed);
}

TEST_F(ElectionTest, AMasterThatStoodStillDoesNotSpeakAsIfItHadLived) {
  Election election = Master();
  // A little more than three seconds after its last advert: a backup may have waited just that
  // long.
  const ElectionStep step = election.Tick(election.deadline() + seconds(2) + milliseconds(100));
  EXPECT_FALSE(step.send_advert);
  EXPECT_TRUE(step.role_changed);
  EXPECT_EQ(election.role(), CarpRole::kBackup);
  EXPECT_EQ(election.reason(), "this process stood still for 2.1s");
}

TEST_F(ElectionTest, AMasterThatStoodStillYieldsEvenToAWorseAdvert) {
  Election election = Master();
  const ElectionStep step = election.Receive(Advert(1, 200), election.deadline() + seconds(4));
  EXPECT_FALSE(step.send_advert);
  EXPECT_EQ(election.role(), CarpRole::kBackup);
}

TEST_F(ElectionTest, ALateTickIsNoReasonToYield) {
  Election election = Master();
  EXPECT_TRUE(election.Tick(election.deadline() + seconds(2)).send_advert);
  EXPECT_EQ(election.role(), CarpRole::kMaster);
}

TEST_F(ElectionTest, StopOfABackupIsImmediateAndSilent) {
  Election election = Backup();
  EXPECT_FALSE(election.Stop(kStart).send_advert);
  EXPECT_TRUE(election.stopped());
  EXPECT_EQ(election.role(), CarpRole::kInit);
}

TEST_F(ElectionTest, StopOfAMasterBowsOutThriceAndLingersUntilAnotherIsHeard) {
  Election election = Master();
  (void)election.Receive(Advert(1, 200), now);

  ElectionStep step = election.Stop(now);
  for (int bow_out = 0; bow_out < 3; ++bow_out) {
    SCOPED_TRACE(bow_out);
    EXPECT_TRUE(step.send_advert);
    EXPECT_EQ(election.announced_advbase(), 255);
    EXPECT_EQ(election.announced_advskew(), 255);
    if (bow_out < 2) {
      EXPECT_EQ(election.deadline(), now + milliseconds(10));
      now = election.deadline();
      step = election.Tick(now);
    }
  }
  EXPECT_FALSE(election.stopped());
  EXPECT_EQ(election.role(), CarpRole::kMaster);

  const ElectionStep heard = election.Receive(Advert(1, 200), now + milliseconds(500));
  EXPECT_FALSE(heard.send_advert);
  EXPECT_TRUE(heard.role_changed);
  EXPECT_TRUE(election.stopped());
  EXPECT_EQ(election.role(), CarpRole::kInit);
  EXPECT_EQ(election.reason(), "handed over to 10.79.0.200");
}

// Backups are silent, so that one may be there though none was ever heard.
TEST_F(ElectionTest, ALeavingMasterLingersTwoSecondsWhenNobodyTakesOver) {
  Election election = Master();
  const TimePoint stop = now;
  (void)election.Stop(stop);
  while (!election.stopped()) (void)election.Tick(now = election.deadline());
  EXPECT_EQ(now, stop + seconds(2));
  EXPECT_EQ(election.reason(), "nobody took over within 2.0s");
}

TEST_F(ElectionTest, ALostLinkEndsTheLingering) {
  Election election = Master();
  (void)election.Stop(now);
  EXPECT_TRUE(election.LinkDown("no carrier on eth0", now).role_changed);
  EXPECT_TRUE(election.stopped());
}

TEST_F(ElectionTest, NewSettingsHoldFromTheNextAdvertOn) {
  Election election = Master();
  election.SetSettings({.advbase = 2, .advskew = 50});
  EXPECT_EQ(election.announced_advbase(), 2);
  EXPECT_EQ(election.announced_advskew(), 50);
  EXPECT_EQ(election.role(), CarpRole::kMaster);
}

}  // namespace
}  // namespace koi
