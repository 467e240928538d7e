// SPDX-License-Identifier: Apache-2.0
// Backends come and go under load, by hand and by their health.
//
//   client ── blue ── web-1, web-2, and later web-3
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

class BackendsTest : public KoiTest {
 protected:
  void SetUp() override { ASSERT_TRUE(lab.StartBlue()); }

  BackendStats Backend(const std::string& name) {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    if (!stats.ok()) return {};
    for (const BackendStats& backend : stats->pools.front().backends) {
      if (backend.name == name) return backend;
    }
    return {};
  }
  bool Becomes(const std::string& name, const std::string& health) {
    return Eventually(15s, [&] { return Backend(name).health == health; });
  }
  static uint64_t ServedBy(const Load& load, const std::string& name) {
    const LoadReport report = load.SoFar();
    const auto served = report.served_by.find(name);
    return served == report.served_by.end() ? 0 : served->second;
  }
};

TEST_F(BackendsTest, AddedOneServesAndDrainedOneStopsWithNoFailedRequest) {
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 100));

  const ProgramResult add = lab.blue.Koi({"backend", "add", "web", "web-3", lab.web_3.endpoint4()});
  ASSERT_TRUE(add.ok()) << add.Describe();
  EXPECT_TRUE(Eventually(
      10s, [&] { return ServedBy(load, "web-3") > 0; }, "added_serves"));

  const ProgramResult drain = lab.blue.Koi({"backend", "drain", "web", "web-1"});
  ASSERT_TRUE(drain.ok()) << drain.Describe();
  EXPECT_TRUE(Eventually(
      10s, [&] { return Backend("web-1").connections == 0; }, "drained"));
  const uint64_t served_before = ServedBy(load, "web-1");
  ASSERT_TRUE(Answers(load, 200));
  EXPECT_EQ(ServedBy(load, "web-1"), served_before);

  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(BackendsTest, DrainedOneFinishesWhatItHasBegun) {
  LoadReport report;
  std::thread slow([&] {
    report = Burst(lab.client, {KoiLab::Url4("https", "/slow")}, lab.certificate.chain, 8, 8);
  });
  EXPECT_TRUE(Eventually(10s, [&] { return Backend("web-1").connections > 0; }));
  EXPECT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1"}).ok());
  slow.join();
  EXPECT_EQ(report.ok, 8U) << report.Describe();
  EXPECT_GT(report.served_by["web-1"], 0U);
}

TEST_F(BackendsTest, UndrainedOneServesAgain) {
  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1"}).ok());
  ASSERT_TRUE(lab.blue.Koi({"backend", "undrain", "web", "web-1"}).ok());
  const LoadReport report =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 40);
  EXPECT_GT(report.served_by.count("web-1"), 0U);
}

TEST_F(BackendsTest, RemovedOneIsGoneWithNoFailedRequest) {
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 50));
  ASSERT_TRUE(lab.blue.Koi({"backend", "add", "web", "web-3", lab.web_3.endpoint4()}).ok());
  ASSERT_TRUE(Eventually(10s, [&] { return ServedBy(load, "web-3") > 0; }));

  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-3"}).ok());
  ASSERT_TRUE(Eventually(10s, [&] { return Backend("web-3").connections == 0; }));
  const ProgramResult remove = lab.blue.Koi({"backend", "remove", "web", "web-3"});
  ASSERT_TRUE(remove.ok()) << remove.Describe();

  EXPECT_EQ(Backend("web-3").name, "");
  ASSERT_TRUE(Answers(load, 100));
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(BackendsTest, ChangesOutliveAManager) {
  ASSERT_TRUE(lab.blue.Koi({"backend", "add", "web", "web-3", lab.web_3.endpoint4()}).ok());
  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1"}).ok());

  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(lab.blue.ChildPid("koi-manager"))});
  EXPECT_TRUE(Becomes("web-3", "up"));
  EXPECT_EQ(Backend("web-1").admin, "draining");
}

TEST_F(BackendsTest, DeadOneGetsNoTrafficUntilItIsBack) {
  lab.web_1.Kill();
  ASSERT_TRUE(Becomes("web-1", "down"));
  const LoadReport without =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 100);
  EXPECT_EQ(without.served_by.at("web-2"), 100U) << without.Describe();

  lab.web_1.Start();
  ASSERT_TRUE(Becomes("web-1", "up"));
  const LoadReport with =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 40);
  EXPECT_GT(with.served_by.count("web-1"), 0U);
}

TEST_F(BackendsTest, NoneUpIsAnswered503) {
  lab.web_1.Kill();
  lab.web_2.Kill();
  ASSERT_TRUE(Becomes("web-1", "down"));
  ASSERT_TRUE(Becomes("web-2", "down"));
  EXPECT_EQ(lab.Get(KoiLab::Url4("https", "/")).status, 503);
}

TEST_F(BackendsTest, UnknownOneIsNotFound) {
  EXPECT_EQ(lab.blue.Koi({"backend", "drain", "web", "web-9"}).exit_code, 4);
  EXPECT_EQ(lab.blue.Koi({"backend", "drain", "wbe", "web-1"}).exit_code, 4);
  EXPECT_EQ(lab.blue.Koi({"backend", "add", "web", "web-1", lab.web_3.endpoint4()}).exit_code, 7);
}

}  // namespace
}  // namespace koi::lab
