// SPDX-License-Identifier: Apache-2.0
// The commands that ask koi-manager, against its own HTTP server and routes with a table of
// backends behind them that the test looks into.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "manager/control/routes.h"
#include "manager/control/user_name.h"
#include "net/socket.h"
#include "typed.h"
#include "unit/manager/sample_stats.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FakeManager : public ControlActions {
 public:
  Stats CollectStats() override { return stats; }
  void CollectDiff(DiffDone done) override { done(diff); }
  void Reload(const std::string&, ReloadDone done) override {
    asked.push_back("reload");
    done(reload);
  }
  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& backend,
                                           const std::string& by) override {
    asked.push_back(absl::StrCat("add ", backend.pool, " ", backend.name, " ", backend.address, " ",
                                 backend.weight, Why(backend.reason, by)));
    if (!answer.ok()) return answer;
    BackendStats added = stats.pools[0].backends[0];
    added.name = backend.name;
    added.address = backend.address;
    added.weight = backend.weight;
    added.health = "unknown";
    return BackendChange{.pool = backend.pool, .backend = added};
  }
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend,
                                             const std::string& by) override {
    return Note("drain", backend, by);
  }
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend,
                                               const std::string& by) override {
    return Note("undrain", backend, by);
  }
  absl::StatusOr<BackendChange> WeightBackend(const BackendWeight& backend,
                                              const std::string& by) override {
    asked.push_back(absl::StrCat("weight ", backend.pool, " ", backend.name, " ", backend.weight,
                                 Why(backend.reason, by)));
    if (!answer.ok()) return answer;
    BackendStats weighted = stats.pools[0].backends[0];
    weighted.weight = backend.weight;
    return BackendChange{.pool = backend.pool, .backend = weighted};
  }
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend,
                                              const std::string& by) override {
    return Note("remove", backend, by);
  }

  void ListCertificates(CertificatesListed done) override { done(EncodeJson(certificates)); }
  void ReloadCertificates(CertificatesDone done) override {
    asked.push_back("reload certificates");
    done(certificates);
  }
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) override {
    asked.push_back(absl::StrCat("replace ", order.cpu, " ", order.limit_ms));
    if (!answer.ok()) return answer;
    const CpuStats before = stats.cpus[0];
    stats.cpus[0] = replaced;
    return before;
  }
  void AddDenied(std::string order, DenyDone done) override { ChangeDenied("deny", order, done); }
  void RemoveDenied(std::string order, DenyDone done) override {
    ChangeDenied("allow", order, done);
  }
  void ListDenied(DenyListDone done) override { done(EncodeJson(denied)); }

  absl::StatusOr<ExplainReport> Explain(const ExplainOrder& order) override {
    asked.push_back("explain " + EncodeJson(order));
    if (!answer.ok()) return answer;
    return explained;
  }

  ExplainReport explained = {};
  DenyListing denied = {};
  CpuStats replaced = {.cpu = 1, .pid = 78, .state = "serving", .cut = 2};
  Stats stats = SampleStats();
  CertificateList certificates = {
      .certificates = {{.service = "web",
                        .subject = "/CN=koi.example",
                        .names = {"koi.example", "10.0.0.1"},
                        .until = "2027-01-02T03:04:05Z",
                        .fingerprint = "AB:CD",
                        .chain_file = "/etc/koi/web.pem",
                        .key_file = "/etc/koi/web.key",
                        .loaded = "2026-01-02T03:04:05Z"},
                       {.pool = "api", .subject = "/CN=koi", .until = "2027-02-03T04:05:06Z"}}};
  absl::Status answer = absl::OkStatus();
  absl::StatusOr<DiffReport> diff = DiffReport();
  absl::StatusOr<ReloadReport> reload = ReloadReport();
  std::vector<std::string> asked;

 private:
  // Everything here is asked by this test's own user.
  static std::string Why(const std::string& reason, const std::string& by) {
    EXPECT_EQ(by, UserName(::getuid()));
    return reason.empty() ? "" : absl::StrCat(" because ", reason);
  }
  void ChangeDenied(absl::string_view what, const std::string& order, const DenyDone& done) {
    asked.push_back(absl::StrCat(what, " ", order));
    if (!answer.ok()) return done(answer);
    done(DenyReport{.added = 1, .removed = 2, .unchanged = 3, .denied = 4});
  }
  absl::StatusOr<BackendChange> Note(absl::string_view what, const BackendName& backend,
                                     const std::string& by) {
    asked.push_back(
        absl::StrCat(what, " ", backend.pool, " ", backend.name, Why(backend.reason, by)));
    if (!answer.ok()) return answer;
    return BackendChange{.pool = backend.pool, .backend = stats.pools[0].backends[0]};
  }
};

class ManagerCommandsTest : public testing::Test {
 protected:
  ManagerCommandsTest() {
    std::string name = testing::TempDir() + "koi-cli-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    server_ = HttpServer::Start(*loop_, ListenUnix(folder_ + "/koi.sock").value(), {},
                                ControlHandler(manager_))
                  .value();
  }
  ~ManagerCommandsTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Runs the command line in a thread while the manager's loop turns in this one.
  Said Run(const std::string& words) {
    const std::string line = absl::StrCat(words, " --socket ", folder_, "/koi.sock");
    std::future<Said> said = std::async(std::launch::async, Typed, line);
    while (said.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      loop_->Turn(std::chrono::milliseconds(5));
    }
    return said.get();
  }

  FakeManager manager_;
  std::string folder_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ManagerCommandsTest, StatusIsOneScreen) {
  manager_.stats.since_ms_ago = 250'000;
  manager_.stats.carp[0].since_ms_ago = 250'000;
  manager_.stats.carp[0].reason = "no advert for 3.0s";
  manager_.stats.carp[0].peers = {
      {.source = "10.0.0.7", .advbase = 1, .advskew = 100, .heard_ms_ago = 400}};
  manager_.stats.warnings = {"the clock of 10.0.0.7 is off"};
  const Said said = Run("status");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.talk, "");
  EXPECT_EQ(said.out,
            R"(node  blue, koi 0.1.0, up 12.5s
role  master for 4m10s, since 2026-01-02T03:04:05Z
xdp   native on eth0: the driver takes XDP

VIP       GROUP  ROLE    HERE
10.0.0.1     42  master  yes

SERVICE  MODE  TLS        LISTEN        POOL  BACKENDS UP
web      http  terminate  10.0.0.1:443  web   1 of 1

CPU  WORKER   CONNECTIONS  ACCEPTED  MISPLACED
  1  serving            3         9          0

GROUP  ROLE    FOR    PEERS                                    REASON
   42  master  4m10s  10.0.0.7 (advskew 100, heard 400ms ago)  no advert for 3.0s

warning: the clock of 10.0.0.7 is off
)");
}

TEST_F(ManagerCommandsTest, ServicesAreListedWithWhatTheyDo) {
  EXPECT_EQ(Run("service list").out,
            R"(SERVICE  MODE  TLS        LISTEN        POOL  BACKENDS UP  CONNECTIONS  REQUESTS
web      http  terminate  10.0.0.1:443  web   1 of 1                 3        20
)");
  EXPECT_THAT(Run("service list -o json").out, HasSubstr("\"total_time\": {"));
}

TEST_F(ManagerCommandsTest, StatusOfAHostWithoutVipsIsShort) {
  manager_.stats.vips.clear();
  manager_.stats.services.clear();
  manager_.stats.cpus.clear();
  manager_.stats.carp.clear();
  manager_.stats.role = "init";
  manager_.stats.since = "";
  manager_.stats.xdp = {.attached = false, .mode = "off", .why = "not master"};
  EXPECT_EQ(Run("status").out,
            "node  blue, koi 0.1.0, up 12.5s\nrole  init for 0ms\nxdp   off on eth0: not master\n");
}

TEST_F(ManagerCommandsTest, BackendsAreListed) {
  EXPECT_EQ(
      Run("backend list").out,
      R"(POOL  BACKEND  ADDRESS      ADMIN    HEALTH  WEIGHT  CONNECTIONS  REQUESTS  ERRORS  FROM  WHY
web   web-1    10.0.0.2:80  enabled  up         100      4 of 10        50       5  file  -
)");
}

TEST_F(ManagerCommandsTest, BackendsOfOnePoolAreListed) {
  manager_.stats.pools.push_back({.name = "api", .balance = "round-robin", .backends = {}});
  EXPECT_THAT(Run("backend list api").out, ::testing::Not(HasSubstr("web-1")));
  EXPECT_THAT(Run("backend list web").out, HasSubstr("web-1"));
  const std::string json = Run("backend list api -o json").out;
  EXPECT_THAT(json, HasSubstr("\n    \"name\": \"api\",\n"));
  EXPECT_THAT(json, ::testing::Not(HasSubstr("\"web\"")));
}

TEST_F(ManagerCommandsTest, UnknownPoolIsNotFound) {
  const Said said = Run("backend list wbe");
  EXPECT_EQ(said.code, kExitNotFound);
  EXPECT_EQ(said.talk, "koi: there is no pool \"wbe\"; did you mean \"web\"?\n");
}

TEST_F(ManagerCommandsTest, BackendIsAdded) {
  const Said said = Run("backend add web web-9 10.0.0.9:80 --weight 50");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out, "web-9: added to pool web at 10.0.0.9:80, weight 50, health unknown\n");
  EXPECT_EQ(said.talk, "This change was made on this host only.\n");
  EXPECT_THAT(manager_.asked, ElementsAre("add web web-9 10.0.0.9:80 50"));
}

TEST_F(ManagerCommandsTest, BackendIsAddedWithTheUsualWeight) {
  EXPECT_EQ(Run("backend add web web-9 10.0.0.9:80").code, kExitOk);
  EXPECT_THAT(manager_.asked, ElementsAre("add web web-9 10.0.0.9:80 100"));
}

TEST_F(ManagerCommandsTest, WeightIsANumber) {
  const Said said = Run("backend add web web-9 10.0.0.9:80 --weight many");
  EXPECT_EQ(said.code, kExitUsage);
  EXPECT_EQ(said.talk, "koi: --weight \"many\" is not a number\n");
  EXPECT_THAT(manager_.asked, IsEmpty());
}

TEST_F(ManagerCommandsTest, BackendIsDrainedUndrainedAndRemoved) {
  EXPECT_EQ(Run("backend drain web web-1").out, "web-1: draining, 4 connections open\n");
  EXPECT_EQ(Run("backend undrain web web-1").out, "web-1: enabled, health up\n");
  EXPECT_EQ(Run("backend remove web web-1").out,
            "web-1: removed from pool web, 4 connections open\n");
  EXPECT_THAT(manager_.asked,
              ElementsAre("drain web web-1", "undrain web web-1", "remove web web-1"));
}

TEST_F(ManagerCommandsTest, BackendIsGivenAWeight) {
  EXPECT_EQ(Run("backend weight web web-1 50").out, "web-1: weight 50\n");
  EXPECT_THAT(manager_.asked, ElementsAre("weight web web-1 50"));
  EXPECT_EQ(Run("backend weight web web-1 half").code, kExitUsage);
}

TEST_F(ManagerCommandsTest, DrainWaitsForTheLastConnectionAndNoLongerThanItMay) {
  BackendStats& backend = manager_.stats.pools[0].backends[0];
  backend.admin = "draining";
  const Said late = Run("backend drain web web-1 --wait --timeout 10ms");
  EXPECT_EQ(late.code, kExitTimedOut);
  EXPECT_THAT(late.talk, HasSubstr("web-1 has not drained in 10ms: 4 connections open"));

  backend.connections = 0;
  const Said drained = Run("backend drain web web-1 --wait");
  EXPECT_EQ(drained.code, kExitOk);
  EXPECT_THAT(drained.talk, HasSubstr("web-1: drained in "));

  backend.admin = "enabled";
  EXPECT_THAT(Run("backend drain web web-1 --wait").talk, HasSubstr("is not draining any more"));
  EXPECT_EQ(Run("backend drain web web-1 --wait --timeout soon").code, kExitUsage);
}

TEST_F(ManagerCommandsTest, BackendOfAnL4PoolIsDrainedWhenNoPacketGoesThereAnyMore) {
  PoolStats& pool = manager_.stats.pools[0];
  pool.forward = "dsr";
  pool.slots = 65537;
  BackendStats& backend = pool.backends[0];
  backend.admin = "draining";
  backend.packets = 12;
  backend.flow_entries = 3;
  const Said late = Run("backend drain web web-1 --wait --timeout 10ms");
  EXPECT_EQ(late.code, kExitTimedOut);
  EXPECT_THAT(late.talk, HasSubstr("3 flows with an entry, 12 packets"));
  EXPECT_EQ(Run("backend drain web web-1 --wait --quiet 100ms").code, kExitOk);

  EXPECT_THAT(Run("backend list").out, HasSubstr("L4 POOL  BACKEND"));
  EXPECT_THAT(Run("stats").out, HasSubstr("web      dsr      65537              0\n"));
}

TEST_F(ManagerCommandsTest, ReasonOfAChangeIsPassedOn) {
  EXPECT_EQ(Run("backend drain web web-1 --reason disk").code, kExitOk);
  EXPECT_EQ(Run("backend add web web-9 10.0.0.9:80 --reason load").code, kExitOk);
  EXPECT_THAT(manager_.asked, ElementsAre("drain web web-1 because disk",
                                          "add web web-9 10.0.0.9:80 100 because load"));
}

TEST_F(ManagerCommandsTest, ReloadSaysWhatItChanged) {
  manager_.reload = ReloadReport{
      .outcome = ReloadReport::Outcome::kApplied,
      .changes = {{ConfigChange::Kind::kChanged, "backend", "web/web-1", {{"weight", "100", "50"}}},
                  {ConfigChange::Kind::kRemoved, "service", "old", {}}},
      .certificates = {"web"},
      .dropped = {"backend web/x, added by root at T: dropped, the file has it now"},
      .warnings = {"koi.toml:3:1: hm"}};
  const Said said = Run("reload");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out,
            "~ backend web/web-1: weight 100 -> 50\n"
            "- service old\n"
            "~ certificate of service web\n"
            "! backend web/x, added by root at T: dropped, the file has it now\n");
  EXPECT_EQ(said.talk, "warning: koi.toml:3:1: hm\n");
}

TEST_F(ManagerCommandsTest, ReloadWithoutChangesSaysSo) {
  EXPECT_EQ(Run("reload").out, "nothing to change\n");
}

TEST_F(ManagerCommandsTest, ReloadOfAnInvalidConfigurationShowsAllErrors) {
  manager_.reload = ReloadReport{.outcome = ReloadReport::Outcome::kInvalid,
                                 .errors = {{"koi.toml", 1, 1, "no", "x = 1"}, {.message = "and"}}};
  const Said said = Run("reload");
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.talk,
            "koi.toml:1:1: no\n  x = 1\n  ^\nand\n2 errors: koi goes on with what runs\n");
}

TEST_F(ManagerCommandsTest, ReloadThatNeedsARestartIsRefused) {
  manager_.reload = ReloadReport{.outcome = ReloadReport::Outcome::kNeedsRestart,
                                 .needs_restart = {"node.interface eth0 -> eth1"}};
  const Said said = Run("reload");
  EXPECT_EQ(said.code, kExitRefused);
  EXPECT_EQ(said.talk,
            "needs a restart of koid: node.interface eth0 -> eth1; until then nothing of it is "
            "changed\n");
}

TEST_F(ManagerCommandsTest, ReloadThatFailsSaysWhy) {
  manager_.reload = absl::AlreadyExistsError("nothing was changed: stats endpoint: taken");
  const Said said = Run("reload");
  EXPECT_EQ(said.code, kExitConflict);
  EXPECT_EQ(said.talk, "koi: nothing was changed: stats endpoint: taken\n");
}

TEST_F(ManagerCommandsTest, DiffShowsWhatAReloadWouldChangeAndWhatTheCliChanged) {
  EXPECT_EQ(Run("diff").out, "A reload would change nothing.\n");
  manager_.diff = DiffReport{
      .reload =
          {.outcome = ReloadReport::Outcome::kPending,
           .changes = {{ConfigChange::Kind::kAdded, "VIP", "10.0.0.2", {{"group", "", "42"}}}}},
      .cli = {{.change = "draining",
               .pool = "web",
               .name = "web-1",
               .by = "root",
               .at = "2026-01-02T03:04:05Z",
               .why = "disk"}}};
  const Said said = Run("diff");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out,
            "A reload would change:\n"
            "+ VIP 10.0.0.2: group 42\n"
            "\n"
            "Changed by koi backend on this host:\n"
            "CHANGE    POOL  BACKEND  ADDRESS  BY    AT                    WHY\n"
            "draining  web   web-1    -        root  2026-01-02T03:04:05Z  disk\n");
  EXPECT_EQ(DecodeDiffReport(Run("diff -o json").out)->cli.at(0).why, "disk");
}

TEST_F(ManagerCommandsTest, DiffWithAnInvalidFileShowsItsErrors) {
  manager_.diff->reload = {.outcome = ReloadReport::Outcome::kInvalid,
                           .errors = {{.message = "no"}}};
  const Said said = Run("diff");
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.talk, "no\n1 error: koi goes on with what runs\n");
  EXPECT_EQ(Run("diff -o json").code, kExitConfigInvalid);
}

TEST_F(ManagerCommandsTest, ChangeAsJsonIsTheManagersAnswer) {
  const Said said = Run("backend drain web web-1 -o json");
  EXPECT_EQ(DecodeBackendChange(said.out).value().backend.name, "web-1");
  EXPECT_EQ(said.talk, "This change was made on this host only.\n");
}

TEST_F(ManagerCommandsTest, RefusalsHaveExitCodesOfTheirOwn) {
  const std::pair<absl::Status, ExitCode> cases[] = {
      {absl::InvalidArgumentError("why"), kExitUsage},
      {absl::NotFoundError("why"), kExitNotFound},
      {absl::PermissionDeniedError("why"), kExitRefused},
      {absl::ResourceExhaustedError("why"), kExitRefused},
      {absl::AlreadyExistsError("why"), kExitConflict},
      {absl::FailedPreconditionError("why"), kExitConflict},
      {absl::DeadlineExceededError("why"), kExitTimedOut},
  };
  for (const auto& [answer, code] : cases) {
    SCOPED_TRACE(answer.ToString());
    manager_.answer = answer;
    const Said said = Run("backend remove web web-1");
    EXPECT_EQ(said.code, code);
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(said.talk, "koi: why\n");
  }
  manager_.answer = absl::InternalError("why");
  EXPECT_EQ(Run("backend remove web web-1").code, kExitFailure);
}

TEST_F(ManagerCommandsTest, WorkersAreListed) {
  EXPECT_EQ(
      Run("worker list").out,
      R"(CPU  PID  STATE    STARTS  CONNECTIONS  STEERED  ACCEPTED  MISPLACED  HANDSHAKES  FAILED  REQUESTS  CUT
  1   77  serving       1            3       10         9          0           8       1        20    0
)");
  EXPECT_THAT(Run("worker list -o json").out, HasSubstr("\"cpu\": 1,"));
}

TEST_F(ManagerCommandsTest, WorkerThatLeavesIsListedBelowItsCpu) {
  manager_.stats.cpus[0].leaving = {{.pid = 76, .connections = 2}};
  EXPECT_THAT(Run("worker list").out, HasSubstr("\n  1   76  draining       -            2 "));
}

TEST_F(ManagerCommandsTest, EveryWorkerIsReplacedAndSaid) {
  const Said said = Run("worker replace --limit 500ms");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_THAT(said.out, HasSubstr("CPU 1: process 78 in place of 77, 2 connections cut, "));
  EXPECT_THAT(manager_.asked, ElementsAre("replace 1 500"));
}

TEST_F(ManagerCommandsTest, WorkerThatIsNotReplacedIsSaid) {
  manager_.replaced = manager_.stats.cpus[0];
  manager_.replaced.replace_failure = "its follower ended before it served";
  const Said said = Run("worker replace 1");
  EXPECT_EQ(said.code, kExitFailure);
  EXPECT_EQ(said.talk, "koi: CPU 1: process 77 stays: its follower ended before it served\n");
  EXPECT_EQ(Run("worker replace one").code, kExitUsage);
  EXPECT_EQ(Run("worker replace 1 --limit soon").code, kExitUsage);
}

TEST_F(ManagerCommandsTest, CertificatesAreListed) {
  const std::string out = Run("cert list").out;
  EXPECT_THAT(out, HasSubstr("web       koi.example,10.0.0.1  2027-01-02T03:04:05Z"));
  EXPECT_THAT(out, HasSubstr("AB:CD"));
  EXPECT_THAT(out, HasSubstr("pool api  /CN=koi               2027-02-03T04:05:06Z"));
  EXPECT_EQ(DecodeCertificateList(Run("cert list -o json").out)->certificates.size(), 2u);
}

TEST_F(ManagerCommandsTest, CertificatesAreReloadedAndWorkersWaitedFor) {
  manager_.stats.cpus[0].services_current = true;
  manager_.certificates.changed = 1;
  EXPECT_EQ(Run("cert reload").out, "2 certificates read, 1 changed\n");
  manager_.stats.cpus[0].services_current = false;
  manager_.stats.cpus[0].services_refusal = "no";
  const Said refused = Run("cert reload");
  EXPECT_EQ(refused.code, kExitFailure);
  EXPECT_EQ(refused.talk, "koi: the worker of CPU 1 keeps the certificates it had: no\n");
}

TEST_F(ManagerCommandsTest, CertificateThatCannotBeUsedIsSaid) {
  manager_.certificates.errors = {"service \"web\": no"};
  const Said said = Run("cert reload");
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.talk, "koi: service \"web\": no\nNothing was changed.\n");
}

TEST_F(ManagerCommandsTest, VipsAreListed) {
  EXPECT_EQ(Run("vip list").out,
            "VIP       GROUP  ROLE    HERE  PACKETS  BYTES  NEW FLOWS\n"
            "10.0.0.1     42  master  yes       110   9000          0\n");
  EXPECT_THAT(Run("vip list -o json").out, HasSubstr("\"address\": \"10.0.0.1\","));
}

TEST_F(ManagerCommandsTest, StatsShowWorkersBackendsAndVerdictsMet) {
  manager_.stats.verdicts.push_back({.name = "NEVER", .action = "drop", .packets = 0});
  const std::string out = Run("stats").out;
  EXPECT_THAT(out, HasSubstr("\nall "));
  EXPECT_THAT(out, HasSubstr("\nweb   web-1 "));
  EXPECT_THAT(out, HasSubstr("\nBAD_FLAGS  drop            7\n"));
  EXPECT_THAT(out, ::testing::Not(HasSubstr("NEVER")));
}

TEST_F(ManagerCommandsTest, StatsAndStatusAsJsonAreAllOfIt) {
  for (const char* command : {"stats -o json", "status -o json"}) {
    const Said said = Run(command);
    EXPECT_EQ(said.code, kExitOk);
    EXPECT_EQ(DecodeStats(said.out).value().node, "blue");
  }
}

TEST_F(ManagerCommandsTest, HealthIsAWordAndAnExitCode) {
  Said said = Run("health");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out, "ok\n");
  EXPECT_EQ(Run("health -o json").out, "{\n  \"well\": true,\n  \"why\": \"ok\"\n}\n");

  manager_.stats.cpus.clear();
  said = Run("health");
  EXPECT_EQ(said.code, kExitFailure);
  EXPECT_EQ(said.out, "no worker serves\n");
}

TEST_F(ManagerCommandsTest, DenyTakesPrefixesAndAddresses) {
  const Said added = Run("deny add 10.0.0.0/8 2001:db8::1");
  EXPECT_EQ(added.code, kExitOk) << added.talk;
  EXPECT_EQ(added.out, "1 prefix added, 2 removed, 3 denied already, 4 denied now\n");
  EXPECT_EQ(added.talk, "This change was made on this host only.\n");
  EXPECT_EQ(Run("deny remove 10.0.0.0/8 -o json").out,
            "{\"added\":1,\"denied\":4,\"removed\":2,\"unchanged\":3}\n");
  EXPECT_THAT(manager_.asked,
              ElementsAre(R"(deny {"prefixes":["10.0.0.0/8","2001:db8::1/128"],"replace":false})",
                          R"(allow {"prefixes":["10.0.0.0/8"],"replace":false})"));
}

TEST_F(ManagerCommandsTest, DenyOfNoPrefixAsksNobody) {
  EXPECT_EQ(Run("deny add").code, kExitUsage);
  const Said mistyped = Run("deny add 192.0.2.1 10.0.0.1/8");
  EXPECT_EQ(mistyped.code, kExitUsage);
  EXPECT_EQ(
      mistyped.talk,
      "koi: \"10.0.0.1/8\" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32; did you mean "
      "\"10.0.0.0/8\"?\n");
  EXPECT_THAT(manager_.asked, IsEmpty());
}

TEST_F(ManagerCommandsTest, DenyThatCannotBeDoneSaysWhy) {
  manager_.answer = absl::NotFoundError("192.0.2.1/32 is not in the deny list");
  const Said said = Run("deny remove 192.0.2.1");
  EXPECT_EQ(said.code, kExitNotFound);
  EXPECT_EQ(said.talk, "koi: 192.0.2.1/32 is not in the deny list\n");
}

TEST_F(ManagerCommandsTest, DeniedAreListedWithTheirTime) {
  manager_.denied.denied = {
      {.prefix = Prefix::Parse("192.0.2.0/24").value(), .since_s = 1764012345},
      {.prefix = Prefix::Parse("2001:db8::/32").value()}};
  EXPECT_EQ(Run("deny list").out,
            "PREFIX         SINCE\n"
            "192.0.2.0/24   2025-11-24T19:25:45Z\n"
            "2001:db8::/32  -\n");
  EXPECT_THAT(Run("deny list -o json").out, HasSubstr("\"prefix\": \"192.0.2.0/24\""));
}

TEST_F(ManagerCommandsTest, DenyImportSendsTheFileOrSaysEveryMistake) {
  const std::string file = folder_ + "/bad.txt";
  ASSERT_TRUE(WriteFile(file, "192.0.2.2 # one\n192.0.2.1\n").ok());
  EXPECT_EQ(Run("deny import " + file).code, kExitOk);
  EXPECT_EQ(Run("deny import --replace " + file).code, kExitOk);
  EXPECT_THAT(manager_.asked,
              ElementsAre(R"(deny {"prefixes":["192.0.2.1/32","192.0.2.2/32"],"replace":false})",
                          R"(deny {"prefixes":["192.0.2.1/32","192.0.2.2/32"],"replace":true})"));

  ASSERT_TRUE(WriteFile(file, "192.0.2.1\nx\ny\n").ok());
  const Said wrong = Run("deny import " + file);
  EXPECT_EQ(wrong.code, kExitConfigInvalid);
  EXPECT_THAT(wrong.talk, HasSubstr(file + ":2: \"x\" is not"));
  EXPECT_THAT(wrong.talk, HasSubstr(file + ":3: \"y\" is not"));
  ASSERT_TRUE(WriteFile(file, "# nothing\n").ok());
  EXPECT_EQ(Run("deny import " + file).code, kExitUsage);
  EXPECT_EQ(Run("deny import /nonexistent/file").code, kExitNotFound);
  EXPECT_EQ(manager_.asked.size(), 2U);
}

TEST_F(ManagerCommandsTest, ExplainTellsTheWayOfAPacket) {
  manager_.explained = {.verdict = "FORWARDED",
                        .action = "transmit",
                        .help = "Sent on to its backend",
                        .service = "dns",
                        .mode = "l4",
                        .pool = "resolvers",
                        .forward = "dsr",
                        .choice = "entry",
                        .has_slot = true,
                        .slot = 5,
                        .ring_size = 65537,
                        .epoch = 2,
                        .moved = true,
                        .current = {"dns-2", "10.0.2.12:53", "enabled", "up"},
                        .previous = {"dns-1", "10.0.2.11:53", "draining", "up"},
                        .has_flow = true,
                        .flow_epoch = 1,
                        .flow_used_ms_ago = 2500,
                        .flow_backend = {"dns-1", "10.0.2.11:53", "draining", "up"},
                        .backend = {"dns-1", "10.0.2.11:53", "draining", "up"}};
  EXPECT_EQ(Run("explain [2001:db8::7]:4000 [2001:db8::1]:53 udp").out,
            R"(verdict   FORWARDED (transmit): Sent on to its backend
service   dns, mode l4
pool      resolvers, forwards by dsr
slot      5 of 65537, epoch 2, has changed
current   dns-2 (10.0.2.12:53, enabled, up)
previous  dns-1 (10.0.2.11:53, draining, up)
flow      has an entry for dns-1 (10.0.2.11:53, draining, up), epoch 1, which no longer counts, used 2.5s ago
backend   dns-1 (10.0.2.11:53, draining, up)
why       The slot has changed, and the flow has an entry that says where it belongs.
)");
  manager_.explained = {.verdict = "NOT_OURS", .action = "pass", .help = "No VIP matches"};
  const Said unknown = Run("explain 192.0.2.7:4000 192.0.2.1:80 --syn");
  EXPECT_EQ(unknown.code, kExitOk);
  EXPECT_EQ(unknown.out, "verdict   NOT_OURS (pass): No VIP matches\n");
  EXPECT_THAT(Run("explain 192.0.2.7:4000 192.0.2.1:80 -o json").out,
              HasSubstr("\"verdict\": \"NOT_OURS\""));
  EXPECT_THAT(
      manager_.asked,
      ElementsAre(
          R"(explain {"client":"[2001:db8::7]:4000","protocol":"udp","syn":false,"vip":"[2001:db8::1]:53"})",
          R"(explain {"client":"192.0.2.7:4000","protocol":"tcp","syn":true,"vip":"192.0.2.1:80"})",
          R"(explain {"client":"192.0.2.7:4000","protocol":"tcp","syn":false,"vip":"192.0.2.1:80"})"));
}

TEST_F(ManagerCommandsTest, ExplainOfWhatIsNoPacketAsksNobody) {
  for (const char* words : {"explain", "explain 192.0.2.7:4000", "explain 192.0.2.7 192.0.2.1:80",
                            "explain 192.0.2.7:4000 192.0.2.1:80 icmp",
                            "explain 192.0.2.7:4000 192.0.2.1:80 udp --syn"}) {
    SCOPED_TRACE(words);
    EXPECT_EQ(Run(words).code, kExitUsage);
  }
  EXPECT_THAT(manager_.asked, IsEmpty());
}

}  // namespace
}  // namespace koi
