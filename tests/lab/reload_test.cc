// SPDX-License-Identifier: Apache-2.0
// The configuration changes under load, in every way that a file, a command or a crash changes it.
//
//   client ──┬── blue (master) ──┬── web-1, web-2, and later web-3
//            └── red  (backup) ──┘
#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "lab/koi_test.h"
#include "net/socket.h"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kNewVip[] = "10.9.0.101";

class ReloadTest : public KoiTest {
 protected:
  // Of pool "web".
  BackendStats Backend(const std::string& name) {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    if (!stats.ok()) return {};
    for (const PoolStats& pool : stats->pools) {
      for (const BackendStats& backend : pool.backends) {
        if (pool.name == "web" && backend.name == name) return backend;
      }
    }
    return {};
  }
  CarpGroupReport Group(const Balancer& balancer) {
    const absl::StatusOr<Stats> stats = balancer.ReadStats();
    return stats.ok() && stats->carp.size() == 1 ? stats->carp[0] : CarpGroupReport();
  }
  bool HasNewVip() {
    return lab.blue.host().Run({"ip", "-o", "addr", "show", "dev", "eth0"}).out.find(kNewVip) !=
           std::string::npos;
  }
  int StatsStatus(const std::string& port, const std::string& user_password) {
    return lab.blue.host().In([&] {
      return HttpClient({.user_password = user_password})
          .Get(absl::StrCat("http://127.0.0.1:", port, "/stats"))
          .status;
    });
  }
  std::string StateFile() { return lab.blue.host().directory() + "/state/state.toml"; }
  bool BlueServes() {
    return Eventually(30s, [&] { return lab.Get(KoiLab::Url4("https", "/")).ok(); });
  }

  // Everything that a reload can change, and two things that it must not move.
  void ChangeEverything() {
    lab.blue.EditConfig("[stats]\nlisten = \"127.0.0.1:8404\"\n",
                        absl::StrCat("[[vip]]\naddress = \"", kNewVip,
                                     "\"\n\n[stats]\nlisten = \"127.0.0.1:8405\"\n"));
    lab.blue.EditConfig("advskew = 0", "advskew = 1");
    lab.blue.EditConfig(
        "[[service]]\nname = \"web\"\n",
        absl::StrCat("[[service]]\nname = \"extra\"\nlisten = [\"", kNewVip,
                     ":8081\"]\npool = \"more\"\n\n[[pool]]\nname = \"more\"\n"
                     "backend = [{ name = \"web-3\", address = \"",
                     lab.web_3.endpoint4(), "\" }]\n\n[[service]]\nname = \"web\"\n"));
    // Another address is another backend: pool "web" is never without one meanwhile.
    lab.blue.EditConfig(lab.web_2.endpoint6(), lab.web_2.endpoint4());
    lab.blue.EditConfig(absl::StrCat(lab.web_1.endpoint4(), "\" }"),
                        absl::StrCat(lab.web_1.endpoint4(), "\", weight = 50 }"));
    const absl::Status written =
        WriteFile(lab.blue.host().directory() + "/stats.auth", "admin:other\n", 0600);
    ASSERT_TRUE(written.ok()) << written;
  }
};

TEST_F(ReloadTest, NothingIsDroppedAndNoVipMoves) {
  ASSERT_TRUE(lab.StartBoth());
  const std::string original = lab.blue.Config();
  Load load = StartLoad();
  Process download = lab.client.Start(
      {"curl", "--silent", "--show-error", "--fail", "--cacert", lab.certificate.chain,
       "--limit-rate", "60k", "--output", "/dev/null", KoiLab::Url4("https", "/mib")},
      "download.log");
  ASSERT_TRUE(Answers(load, 100));
  const CarpGroupReport blue_before = Group(lab.blue);
  const CarpGroupReport red_before = Group(lab.red);

  ChangeEverything();
  const ProgramResult diff = lab.blue.Koi({"diff"});
  EXPECT_TRUE(diff.ok()) << diff.Describe();
  EXPECT_THAT(diff.out, HasSubstr("A reload would change:\n~ group 42: advskew 0 -> 1\n"));
  EXPECT_FALSE(HasNewVip());
  const TimePoint begun = Now();
  const ProgramResult reload = lab.blue.Koi({"reload"});
  PrintMeasured("reload", ToMilliseconds(Now() - begun), "ms");
  ASSERT_TRUE(reload.ok()) << reload.Describe();
  EXPECT_THAT(reload.out,
              AllOf(HasSubstr("+ VIP 10.9.0.101: group 42\n"), HasSubstr("+ service extra: "),
                    HasSubstr("~ backend web/web-1: weight 100 -> 50\n"),
                    HasSubstr("~ stats: listen 127.0.0.1:8404 -> 127.0.0.1:8405, "
                              "password (secret) changed\n")));
  EXPECT_THAT(reload.out, Not(HasSubstr("other\n")));
  EXPECT_EQ(Backend("web-1").weight, 50U);
  EXPECT_EQ(Backend("web-2").address, lab.web_2.endpoint4());
  EXPECT_EQ(Backend("web-2").health, "up");
  EXPECT_TRUE(HasNewVip());
  EXPECT_TRUE(Eventually(
      5s, [&] { return lab.Get(absl::StrCat("http://", kNewVip, ":8081/")).ok(); },
      "reload_new_vip_serves"));
  EXPECT_EQ(StatsStatus("8405", "admin:other"), 200);
  EXPECT_EQ(StatsStatus("8405", kStatsUser), 401);
  EXPECT_EQ(StatsStatus("8404", kStatsUser), 0);
  EXPECT_EQ(lab.blue.Koi({"reload"}).out, "nothing to change\n");
  ASSERT_TRUE(Answers(load, 200));

  lab.blue.SetConfig(original);
  lab.blue.koid().Signal(SIGHUP);
  EXPECT_TRUE(Eventually(
      10s, [&] { return !HasNewVip(); }, "reload_by_signal"));
  EXPECT_TRUE(Eventually(10s, [&] { return Backend("web-1").weight == 100; }));
  EXPECT_FALSE(lab.Get(absl::StrCat("http://", kNewVip, ":8081/")).ok());
  ASSERT_TRUE(Answers(load, 200));

  EXPECT_THAT(lab.blue.VipsPresent(), SizeIs(2));
  EXPECT_THAT(lab.red.VipsPresent(), IsEmpty());
  EXPECT_EQ(Group(lab.blue).role, CarpRole::kMaster);
  EXPECT_GT(Group(lab.blue).since_ms_ago, blue_before.since_ms_ago);
  EXPECT_GT(Group(lab.red).since_ms_ago, red_before.since_ms_ago);
  EXPECT_EQ(download.Wait(60s), 0);
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(ReloadTest, WhatCannotBeAppliedChangesNothing) {
  ASSERT_TRUE(lab.StartBlue());
  const std::string original = lab.blue.Config();
  Load load = StartLoad();
  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1", "--reason", "disk"}).ok());

  lab.blue.EditConfig("rise = 2", "rise = 0");
  const ProgramResult invalid = lab.blue.Koi({"reload"});
  EXPECT_EQ(invalid.exit_code, 3) << invalid.Describe();
  EXPECT_THAT(invalid.err, AllOf(HasSubstr("/koi.toml:"), HasSubstr("rise 0 is not a number from"),
                                 HasSubstr("^\n1 error: koi goes on with what runs\n")));
  EXPECT_EQ(lab.blue.Koi({"diff"}).exit_code, 3);

  // A crash is not a reload: the next manager starts from what was applied.
  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(lab.blue.ChildPid("koi-manager"))});
  EXPECT_TRUE(Eventually(
      5s, [&] { return Backend("web-1").admin == "draining"; }, "manager_back_broken_file"));
  EXPECT_EQ(Backend("web-1").reason, "disk");
  EXPECT_EQ(Backend("web-1").by, "root");

  lab.blue.SetConfig(original);
  lab.blue.EditConfig("interface = \"eth0\"", "interface = \"lo\"");
  const ProgramResult restart = lab.blue.Koi({"reload"});
  EXPECT_EQ(restart.exit_code, 6) << restart.Describe();
  EXPECT_THAT(restart.err, HasSubstr("needs a restart of koid: node.interface eth0 -> lo"));

  // The stats port is taken: what came before it is taken back.
  lab.blue.SetConfig(original);
  lab.blue.EditConfig("127.0.0.1:8404", "127.0.0.1:8405");
  Fd holder;
  lab.blue.host().In([&] {
    auto listener = ListenTcp({Address::Parse("127.0.0.1").value(), 8405});
    if (listener.ok()) holder = *std::move(listener);
  });
  ASSERT_TRUE(holder.valid());
  const ProgramResult taken = lab.blue.Koi({"reload"});
  EXPECT_EQ(taken.exit_code, 7) << taken.Describe();
  EXPECT_THAT(taken.err, HasSubstr("nothing was changed: stats endpoint: "));
  EXPECT_EQ(StatsStatus("8404", kStatsUser), 200);

  lab.blue.SetConfig(original);
  EXPECT_EQ(lab.blue.Koi({"reload"}).out, "nothing to change\n");
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(ReloadTest, ChangesOfTheCliOutliveKoidAndABrokenFileOfThemIsSaid) {
  ASSERT_TRUE(lab.StartBlue());
  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1", "--reason", "disk"}).ok());
  ASSERT_TRUE(lab.blue.Koi({"backend", "add", "web", "web-3", lab.web_3.endpoint4()}).ok());
  EXPECT_EQ(lab.blue.Stop(), 0);
  lab.blue.Start();
  ASSERT_TRUE(BlueServes());
  EXPECT_EQ(Backend("web-1").admin, "draining");
  EXPECT_EQ(Backend("web-3").origin, "cli");
  const std::string diff = lab.blue.Koi({"diff"}).out;
  EXPECT_THAT(diff, AllOf(HasSubstr("A reload would change nothing."), HasSubstr("disk"),
                          HasSubstr("koi backend add web web-3 ")));

  // Nothing is changed that cannot be kept.
  const std::string state_folder = lab.blue.host().directory() + "/state";
  lab.lab.MustRun({"mount", "-t", "tmpfs", "-o", "ro", "tmpfs", state_folder});
  const ProgramResult full = lab.blue.Koi({"backend", "drain", "web", "web-2"});
  lab.lab.MustRun({"umount", state_folder});
  EXPECT_EQ(full.exit_code, 6) << full.Describe();
  EXPECT_THAT(full.err, HasSubstr("nothing was changed, since it could not be kept: "));
  EXPECT_EQ(Backend("web-2").admin, "enabled");

  EXPECT_EQ(lab.blue.Stop(), 0);
  lab.lab.MustRun({"truncate", "--size", "100", StateFile()});
  lab.blue.Start();
  ASSERT_TRUE(BlueServes());
  EXPECT_EQ(Backend("web-1").admin, "enabled");
  EXPECT_EQ(Backend("web-3").name, "");
  EXPECT_THAT(lab.blue.Koi({"status"}).out,
              HasSubstr("warning: the changes made by the command line were lost: "));
  EXPECT_TRUE(lab.lab.Run({"test", "-f", StateFile() + ".broken-1"}).ok());
}

}  // namespace
}  // namespace koi::lab
