// SPDX-License-Identifier: Apache-2.0
// Which path does what, over HTTP.
#include "manager/control/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "http_client.h"
#include "net/socket.h"
#include "sample_stats.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Notes what it is asked to do.
class NotedActions : public ControlActions {
 public:
  Stats CollectStats() override { return stats; }
  void CollectDiff(DiffDone done) override { diff_done = std::move(done); }
  void Reload(const std::string& by, ReloadDone done) override {
    noted.push_back(absl::StrCat("reload by ", by));
    reload_done = std::move(done);
  }
  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& backend,
                                           const std::string& by) override {
    return Note(absl::StrCat("add ", backend.pool, " ", backend.name, " ", backend.address, " ",
                             backend.weight, " by ", by));
  }
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend,
                                             const std::string& by) override {
    return Note(absl::StrCat("drain ", backend.pool, " ", backend.name, " by ", by));
  }
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend,
                                               const std::string& by) override {
    return Note(absl::StrCat("undrain ", backend.pool, " ", backend.name, " by ", by));
  }
  absl::StatusOr<BackendChange> WeightBackend(const BackendWeight& backend,
                                              const std::string& by) override {
    return Note(
        absl::StrCat("weight ", backend.pool, " ", backend.name, " ", backend.weight, " by ", by));
  }
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend,
                                              const std::string& by) override {
    return Note(absl::StrCat("remove ", backend.pool, " ", backend.name, " by ", by));
  }

  void ListCertificates(CertificatesListed done) override { done(EncodeJson(certificates)); }
  void ReloadCertificates(CertificatesDone done) override {
    noted.push_back("reload certificates");
    certificates_done = std::move(done);
  }
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) override {
    noted.push_back(absl::StrCat("replace ", order.cpu, " ", order.limit_ms));
    if (!answer.ok()) return answer;
    return stats.cpus[0];
  }
  void AddDenied(std::string order, DenyDone done) override {
    noted.push_back("deny " + order);
    done(answer.ok() ? absl::StatusOr<DenyReport>(DenyReport{.added = 1}) : answer);
  }
  void RemoveDenied(std::string order, DenyDone done) override {
    noted.push_back("allow " + order);
    done(answer.ok() ? absl::StatusOr<DenyReport>(DenyReport{.removed = 1}) : answer);
  }
  void ListDenied(DenyListDone done) override { done("[]"); }
  absl::StatusOr<ExplainReport> Explain(const ExplainOrder&) override {
    if (!answer.ok()) return answer;
    return ExplainReport{.verdict = "NOT_OURS"};
  }

  Stats stats = SampleStats();
  CertificateList certificates = {.certificates = {{.service = "web",
                                                    .subject = "/CN=koi.example",
                                                    .names = {"koi.example", "10.0.0.1"},
                                                    .until = "2027-01-02T03:04:05Z",
                                                    .fingerprint = "AB:CD",
                                                    .chain_file = "/etc/koi/web.pem",
                                                    .key_file = "/etc/koi/web.key",
                                                    .loaded = "2026-01-02T03:04:05Z"}}};
  absl::Status answer = absl::OkStatus();
  std::vector<std::string> noted;
  DiffDone diff_done;
  ReloadDone reload_done;
  CertificatesDone certificates_done;

 private:
  absl::StatusOr<BackendChange> Note(std::string what) {
    noted.push_back(std::move(what));
    if (!answer.ok()) return answer;
    return BackendChange{.pool = "web", .backend = stats.pools[0].backends[0]};
  }
};

class RoutesTest : public testing::Test {
 protected:
  HttpResponse Control(const std::string& method, const std::string& path,
                       const std::string& body = "") {
    return ControlHandler(actions_)(
        {.method = method, .path = path, .body = body, .peer = "uid=0 pid=1", .peer_uid = 0});
  }
  HttpResponse Stats(const std::string& method, const std::string& path) {
    return StatsHandler(actions_)({.method = method, .path = path});
  }

  NotedActions actions_;
  const std::string web1_ = EncodeJson(BackendName{.pool = "web", .name = "web-1"});
};

TEST_F(RoutesTest, StatsAreJson) {
  const HttpResponse response = Stats("GET", "/stats");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  const koi::Stats stats = DecodeStats(response.body).value();
  EXPECT_EQ(stats.node, "blue");
  EXPECT_EQ(stats.access_log.written, 19u);
  EXPECT_EQ(stats.access_log.dropped, 1u);
}

TEST_F(RoutesTest, OneCpuHasAPathOfItsOwn) {
  EXPECT_EQ(Stats("GET", "/stats/cpu/1").body, EncodeJson(actions_.stats.cpus[0]));
  for (const char* path : {"/stats/cpu/0", "/stats/cpu/", "/stats/cpu/1x", "/stats/cpu/-1"}) {
    EXPECT_EQ(Stats("GET", path).status, 404) << path;
  }
}

TEST_F(RoutesTest, MetricsAreText) {
  const HttpResponse response = Stats("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("koi_carp_state{vhid=\"42\"} 2\n"));
}

TEST_F(RoutesTest, IndexListsThePaths) {
  const HttpResponse response = Stats("GET", "/");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, StartsWith("koi 0.1.0 on blue: master\n"));
  for (const char* path : {"/stats ", "/stats/cpu/N ", "/metrics ", "/health "}) {
    EXPECT_THAT(response.body, HasSubstr(path));
  }
}

TEST_F(RoutesTest, HostThatServesIsHealthy) {
  EXPECT_EQ(Stats("GET", "/health").status, 200);
  EXPECT_EQ(Stats("GET", "/health").body, "ok\n");
  EXPECT_EQ(Stats("HEAD", "/health").status, 200);
}

TEST_F(RoutesTest, HostWithoutAWorkerIsNotHealthy) {
  actions_.stats.cpus[0].state = "failed";
  EXPECT_EQ(Stats("GET", "/health").status, 503);
  EXPECT_EQ(Stats("GET", "/health").body, "no worker serves\n");
}

TEST_F(RoutesTest, MasterWithoutXdpIsNotHealthy) {
  actions_.stats.xdp = {.attached = false, .mode = "off", .why = "no such interface"};
  EXPECT_EQ(Stats("GET", "/health").status, 503);
  EXPECT_EQ(Stats("GET", "/health").body, "master, but XDP is not attached: no such interface\n");
  actions_.stats.role = "backup";
  EXPECT_EQ(Stats("GET", "/health").status, 200);
}

TEST_F(RoutesTest, HostWhoseBackendsAreDownIsHealthy) {
  actions_.stats.pools[0].backends[0].health = "down";
  actions_.stats.services[0].backends_up = 0;
  EXPECT_EQ(Stats("GET", "/health").status, 200);
}

TEST_F(RoutesTest, ChangesReachTheActions) {
  const std::string add = EncodeJson(
      BackendAdd{.pool = "web", .name = "web-2", .address = "10.0.0.3:80", .weight = 50});
  EXPECT_EQ(Control("POST", "/backends/add", add).status, 200);
  EXPECT_EQ(Control("POST", "/backends/drain", web1_).status, 200);
  EXPECT_EQ(Control("POST", "/backends/undrain", web1_).status, 200);
  const HttpResponse removed = Control("POST", "/backends/remove", web1_);
  EXPECT_EQ(DecodeBackendChange(removed.body).value().backend.name, "web-1");
  EXPECT_THAT(actions_.noted,
              ElementsAre("add web web-2 10.0.0.3:80 50 by root", "drain web web-1 by root",
                          "undrain web web-1 by root", "remove web web-1 by root"));
}

TEST_F(RoutesTest, ReloadIsAnsweredWhenItIsDone) {
  const HttpResponse response = Control("POST", "/reload", "{}");
  ASSERT_NE(response.later, nullptr);
  std::vector<HttpResponse> answers;
  response.later([&answers](HttpResponse answer) { answers.push_back(std::move(answer)); });
  EXPECT_THAT(actions_.noted, ElementsAre("reload by root"));
  EXPECT_THAT(answers, IsEmpty());

  actions_.reload_done(ReloadReport{.outcome = ReloadReport::Outcome::kApplied,
                                    .changes = {{.noun = "pool", .name = "web"}}});
  actions_.reload_done(absl::AbortedError("a reload is under way; try again"));
  ASSERT_EQ(answers.size(), 2U);
  const ReloadReport report = DecodeReloadReport(answers[0].body).value();
  EXPECT_EQ(report.outcome, ReloadReport::Outcome::kApplied);
  EXPECT_EQ(report.changes.at(0).name, "web");
  EXPECT_EQ(answers[1].status, 409);
}

TEST_F(RoutesTest, DiffIsForTheControlSocketAlone) {
  std::vector<HttpResponse> answers;
  Control("GET", "/diff").later([&answers](HttpResponse answer) {
    answers.push_back(std::move(answer));
  });
  EXPECT_THAT(answers, IsEmpty());
  actions_.diff_done(DiffReport{.reload = {.outcome = ReloadReport::Outcome::kPending},
                                .cli = {{.change = "draining", .pool = "web", .name = "web-1"}}});
  actions_.diff_done(absl::AbortedError("a reload is under way; try again"));
  ASSERT_EQ(answers.size(), 2U);
  const DiffReport diff = DecodeDiffReport(answers[0].body).value();
  EXPECT_EQ(diff.reload.outcome, ReloadReport::Outcome::kPending);
  EXPECT_EQ(diff.cli.at(0).change, "draining");
  EXPECT_EQ(answers[1].status, 409);
  EXPECT_EQ(Stats("GET", "/diff").status, 404);
  EXPECT_EQ(StatsHandler(actions_)({.method = "POST", .path = "/reload"}).status, 404);
}

TEST_F(RoutesTest, LongReasonIsRefused) {
  const std::string body =
      EncodeJson(BackendName{.pool = "web", .name = "web-1", .reason = std::string(201, 'x')});
  EXPECT_EQ(Control("POST", "/backends/drain", body).status, 400);
  EXPECT_THAT(actions_.noted, IsEmpty());
}

TEST_F(RoutesTest, WorkerIsReplaced) {
  const HttpResponse begun =
      Control("POST", "/workers/replace", EncodeJson(WorkerReplace{.cpu = 1, .limit_ms = 500}));
  EXPECT_EQ(DecodeCpuStats(begun.body).value().pid, 77);
  EXPECT_THAT(actions_.noted, ElementsAre("replace 1 500"));
  EXPECT_EQ(Control("POST", "/workers/replace", R"({"cpu":1,"limit_ms":-1})").status, 400);
  actions_.answer = absl::FailedPreconditionError("not now");
  EXPECT_EQ(Control("POST", "/workers/replace", EncodeJson(WorkerReplace{})).status, 409);
}

TEST_F(RoutesTest, CertificatesAreListedAndReloaded) {
  const HttpResponse list = Control("GET", "/certificates");
  ASSERT_NE(list.later, nullptr);
  std::string listed;
  list.later([&listed](const HttpResponse& response) { listed = response.body; });
  EXPECT_EQ(listed, EncodeJson(actions_.certificates));
  const HttpResponse reload = Control("POST", "/certificates/reload", "{}");
  ASSERT_NE(reload.later, nullptr);
  std::string answer;
  reload.later([&answer](const HttpResponse& response) { answer = response.body; });
  EXPECT_THAT(actions_.noted, ElementsAre("reload certificates"));
  EXPECT_EQ(answer, "");
  actions_.certificates_done(actions_.certificates);
  EXPECT_EQ(answer, EncodeJson(actions_.certificates));
}

TEST_F(RoutesTest, StatsPortChangesNothing) {
  for (const char* path : {"/backends/add", "/backends/drain", "/backends/undrain",
                           "/backends/remove", "/workers/replace", "/certificates/reload"}) {
    EXPECT_EQ(StatsHandler(actions_)({.method = "POST", .path = path, .body = web1_}).status, 404)
        << path;
  }
  EXPECT_THAT(actions_.noted, IsEmpty());
}

TEST_F(RoutesTest, OtherMethodsAreRefused) {
  EXPECT_EQ(Control("GET", "/backends/drain", web1_).status, 405);
  EXPECT_EQ(Control("POST", "/stats").status, 405);
  EXPECT_EQ(DecodeError(Control("POST", "/stats").body), "/stats takes GET alone");
  EXPECT_THAT(actions_.noted, IsEmpty());
}

TEST_F(RoutesTest, UnknownPathIsNotFound) {
  const HttpResponse response = Control("GET", "/stat");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(DecodeError(response.body), "there is no /stat; / lists all");
}

TEST_F(RoutesTest, BodyThatCannotBeReadIsRefused) {
  for (const char* body : {"", "{", "[]", "{\"pool\": \"web\"}", "{\"pool\": 1, \"name\": 2}"}) {
    EXPECT_EQ(Control("POST", "/backends/drain", body).status, 400) << body;
  }
  EXPECT_THAT(actions_.noted, IsEmpty());
}

TEST_F(RoutesTest, FailureOfAnActionIsAStatusAndASentence) {
  const std::pair<absl::Status, int> cases[] = {
      {absl::InvalidArgumentError("why"), 400},    {absl::PermissionDeniedError("why"), 403},
      {absl::NotFoundError("why"), 404},           {absl::AlreadyExistsError("why"), 409},
      {absl::FailedPreconditionError("why"), 409}, {absl::ResourceExhaustedError("why"), 507},
      {absl::UnavailableError("why"), 503},        {absl::DeadlineExceededError("why"), 504},
      {absl::InternalError("why"), 500},
  };
  for (const auto& [answer, status] : cases) {
    SCOPED_TRACE(answer.ToString());
    actions_.answer = answer;
    const HttpResponse response = Control("POST", "/backends/drain", web1_);
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(DecodeError(response.body), "why");
  }
}

TEST_F(RoutesTest, StatsPortAsksForThePasswordExceptForHealth) {
  const std::unique_ptr<EventLoop> loop = EventLoop::Create().value();
  Fd listener = ListenTcp({.address = Address::Parse("127.0.0.1").value(), .port = 0}).value();
  const std::string url = absl::StrCat("http://", LocalEndpoint(listener.get())->ToString());
  const auto server =
      HttpServer::Start(*loop, std::move(listener),
                        {.user = "admin", .password = "foobar23", .open_paths = {kHealthPath}},
                        StatsHandler(actions_));
  ASSERT_TRUE(server.ok()) << server.status();

  EXPECT_EQ(FetchFrom(*loop, {.url = url + "/stats"}).status, 401);
  EXPECT_EQ(FetchFrom(*loop, {.url = url + "/health"}).status, 200);
  EXPECT_THAT(FetchFrom(*loop, {.url = url + "/metrics", .credentials = "admin:foobar23"}).body,
              HasSubstr("\nkoi_build_info{"));
}

}  // namespace
}  // namespace koi
