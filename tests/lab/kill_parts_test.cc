// SPDX-License-Identifier: Apache-2.0
// The kill matrix, first half: the death or the stop of one part costs no VIP its place.
//
//   client ──┬── blue (master) ──┬── web-1
//            └── red  (backup) ──┴── web-2
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lab/kill_matrix.h"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;

class KillPartsTest : public KillMatrix {
 protected:
  bool RolesStay(Duration time) {
    return Stays(time, [&] { return VipsOn(master()) == 2; }) && master().role() == "master" &&
           backup().role() == "backup";
  }
  // The pid of the worker of `cpu`; 0: none serves.
  static int WorkerPid(Balancer& host, int cpu) {
    const absl::StatusOr<Stats> stats = host.ReadStats();
    if (!stats.ok()) return 0;
    for (const CpuStats& one : stats->cpus) {
      if (one.cpu == cpu && one.state == "serving") return one.pid;
    }
    return 0;
  }
  // Sends `signal` to the worker of `cpu` of the master: how long until the next one served.
  bool NextWorkerServes(int cpu, const std::string& signal, Duration limit,
                        const std::string& row) {
    const int pid = WorkerPid(master(), cpu);
    const std::string serves = absl::StrCat("koi-worker: worker serves cpu=", cpu, " ");
    const size_t before = Logged(master(), serves);
    Send(signal, {pid});
    return Eventually(
        limit, [&] { return Logged(master(), serves) > before; }, absl::StrCat(row, "_back"));
  }
};

TEST_F(KillPartsTest, ManagersKilledOnBothHostsCostNoRequestAndNoChange) {
  ASSERT_TRUE(master().Koi({"backend", "add", "web", "web-3", lab().web_3.endpoint4()}).ok());
  ASSERT_TRUE(master().Koi({"backend", "drain", "web", "web-2"}).ok());
  std::vector<int> managers = Pids(master(), "koi-manager");
  managers.push_back(Pids(backup(), "koi-manager").at(0));

  Send("KILL", managers);

  EXPECT_TRUE(Eventually(
      5s, [&] { return Logged(master(), "koi-manager: ready") > 0; }, "kill_manager_back"));
  EXPECT_TRUE(Eventually(5s, [&] { return Logged(backup(), "koi-manager: ready") > 0; }));
  EXPECT_TRUE(Eventually(5s, [&] { return RolesStay(0s); }));
  ASSERT_TRUE(Answers(100));
  EXPECT_EQ(Saw("kill_manager").failed(), 0U);
  const std::string backends = master().Koi({"backend", "list"}).out;
  EXPECT_THAT(backends, AllOf(ContainsRegex("web-2.*draining"), ContainsRegex("web-3.*enabled")));
  EXPECT_TRUE(master().Koi({"backend", "undrain", "web", "web-2"}).ok());
  EXPECT_TRUE(master().Koi({"backend", "remove", "web", "web-3"}).ok());
}

TEST_F(KillPartsTest, ManagersStoppedOnBothHostsAreReplacedAndCostNoRequest) {
  std::vector<int> managers = Pids(master(), "koi-manager");
  managers.push_back(Pids(backup(), "koi-manager").at(0));

  Send("STOP", managers);

  EXPECT_TRUE(Eventually(
      15s, [&] { return Logged(master(), "koi-manager: ready") > 0; }, "stop_manager_back"));
  EXPECT_TRUE(Eventually(15s, [&] { return Logged(backup(), "koi-manager: ready") > 0; }));
  EXPECT_TRUE(Eventually(5s, [&] { return RolesStay(0s); }));
  EXPECT_EQ(Saw("stop_manager").failed(), 0U);
}

TEST_F(KillPartsTest, KeepersStoppedOnBothHostsChangeNothingAndKillNobodyWhenTheyGoOn) {
  const std::vector<int> before = AllPids(master());
  const std::vector<int> before_backup = AllPids(backup());
  const std::vector<int> keepers = {before[0], before_backup[0]};

  Send("STOP", keepers);
  EXPECT_TRUE(RolesStay(5s));
  EXPECT_TRUE(Answers(20));
  Send("CONT", keepers);

  EXPECT_TRUE(RolesStay(2500ms));
  EXPECT_EQ(AllPids(master()), before);
  EXPECT_EQ(AllPids(backup()), before_backup);
  EXPECT_EQ(Saw("stop_keeper").failed(), 0U);
}

TEST_F(KillPartsTest, CarpKilledOnTheMasterIsBackAndTheVipsStay) {
  Process monitor = master().host().Start({"ip", "-o", "monitor", "address"}, "monitor.log");
  const std::vector<int> carp = Pids(master(), "koi-carp");

  Send("KILL", carp);

  EXPECT_TRUE(Eventually(
      5 * kDeadTime, [&] { return Logged(master(), "role changed vhid=42 role=master") > 0; },
      "kill_carp_back"));
  // Longer than a dead time: the backup has heard adverts all the time.
  EXPECT_TRUE(RolesStay(kDeadTime + 500ms));
  monitor.Signal(SIGKILL);
  EXPECT_EQ(
      lab().lab.Run({"grep", "-c", "Deleted", master().host().directory() + "/monitor.log"}).out,
      "0\n");
  EXPECT_EQ(Logged(backup(), "role changed"), 0U);
  EXPECT_EQ(Saw("kill_carp").failed(), 0U);
}

TEST_F(KillPartsTest, CarpKilledOnTheBackupAndTheNextStoppedAtItsStartCostNothing) {
  const auto configured = [&] { return Logged(backup(), "koi-carp: configured"); };
  Send("KILL", Pids(backup(), "koi-carp"));
  ASSERT_TRUE(Eventually(5s, [&] { return configured() == 1; }));
  Send("STOP", Pids(backup(), "koi-carp"));
  EXPECT_TRUE(Eventually(
      15s, [&] { return configured() == 2; }, "stop_carp_at_start_back"));
  EXPECT_TRUE(Eventually(5s, [&] { return RolesStay(0s); }));
  EXPECT_EQ(Saw("kill_backup_carp").failed(), 0U);
}

TEST_F(KillPartsTest, WorkersKilledLoseOnlyWhatTheyHeld) {
  Send("KILL", Pids(backup(), "koi-worker"));
  const int other = WorkerPid(master(), 1);
  EXPECT_TRUE(NextWorkerServes(0, "KILL", 1s, "kill_worker_0"));
  ASSERT_TRUE(Answers(50));
  EXPECT_EQ(WorkerPid(master(), 1), other);
  EXPECT_LE(Saw("kill_worker_0").failed(), MixedLoad::kClients);

  EXPECT_TRUE(NextWorkerServes(1, "KILL", 1s, "kill_worker_1"));
  ASSERT_TRUE(Answers(50));
  EXPECT_LE(Saw("kill_worker_1").failed(), MixedLoad::kClients);
  EXPECT_TRUE(Eventually(5s, [&] { return Logged(backup(), "koi-worker: worker serves") >= 2; }));
  EXPECT_TRUE(RolesStay(0s));
}

TEST_F(KillPartsTest, WorkersStoppedAreReplaced) {
  Send("STOP", Pids(backup(), "koi-worker"));
  for (const int cpu : {0, 1}) {
    const std::string row = absl::StrCat("stop_worker_", cpu);
    EXPECT_TRUE(NextWorkerServes(cpu, "STOP", 15s, row));
    ASSERT_TRUE(Answers(50));
    EXPECT_LE(Saw(row).failed(), MixedLoad::kClients);
  }
  EXPECT_TRUE(Eventually(15s, [&] { return Logged(backup(), "koi-worker: worker serves") >= 2; }));
  EXPECT_TRUE(RolesStay(0s));
}

}  // namespace
}  // namespace koi::lab
