// SPDX-License-Identifier: Apache-2.0
// Certificates whose files change under a running koi.
#include "manager/certificate_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "manager/desired.h"
#include "support/tls/made_certificate.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CertificateWatchTest : public ::testing::Test {
 protected:
  CertificateWatchTest() {
    std::string name = testing::TempDir() + "koi-certificates-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    Put("web", MakeCertificate("one.example"));
    config_.node.name = "blue";
    config_.services.push_back(
        {.name = "web",
         .listen = {*Endpoint::Parse("10.0.0.1:443")},
         .tls = TlsMode::kTerminate,
         .certificates = {{.chain_file = File("web.pem"), .key_file = File("web.key")}}});
    LoadedServices loaded = Loaded();
    EXPECT_THAT(loaded.errors, SizeIs(0));
    workers_.SetBriefing("blue", std::move(loaded.services), {});
    watch_.OnChange([this] { ++changes_; });
    watch_.Follow(config_, loaded.certificates);
  }
  ~CertificateWatchTest() override { std::filesystem::remove_all(folder_); }

  LoadedServices Loaded() const {
    const NamedFileReaders readers = DiskReaders(nothing_before_, [] { return true; });
    return LoadServices(config_, readers.services);
  }
  std::string File(const std::string& name) const { return absl::StrCat(folder_, "/", name); }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFile(File(name), text).ok());
  }
  void Put(const std::string& name, const MadeCertificate& made) {
    Write(name + ".key", made.key_pem);
    Write(name + ".pem", made.chain_pem);
  }
  // Turns the loop until `condition` holds.
  bool Eventually(const std::function<bool()>& condition) {
    const TimePoint end = Now() + std::chrono::seconds(15);
    while (!condition() && Now() < end) loop_->Turn(std::chrono::milliseconds(20));
    return condition();
  }
  CertificateList Reload() {
    std::optional<CertificateList> list;
    watch_.Reload([&](const CertificateList& reloaded) { list = reloaded; });
    EXPECT_TRUE(Eventually([&] { return list.has_value(); }));
    return list.value_or(CertificateList());
  }
  std::string Subject() const { return watch_.List().certificates[0].subject; }
  std::string Waits() const { return watch_.List().certificates[0].waits; }

  std::string folder_;
  const CertificateSets nothing_before_;
  Config config_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  WorkerFleet workers_{*loop_, [](KeeperMessageType, int, pid_t) {}};
  CertificateWatch watch_{*loop_, workers_};
  int changes_ = 0;
};

TEST_F(CertificateWatchTest, ListSaysWhatIsInUse) {
  const CertificateStats web = watch_.List().certificates[0];
  EXPECT_EQ(web.service, "web");
  EXPECT_EQ(web.subject, "/CN=one.example");
  EXPECT_EQ(web.fingerprint.size(), 95u);
  EXPECT_EQ(web.chain_file, File("web.pem"));
  EXPECT_EQ(web.waits, "");
}

TEST_F(CertificateWatchTest, PairThatMatchesIsTakenByItself) {
  Put("web", MakeCertificate("two.example"));
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_EQ(Subject(), "/CN=two.example");
  EXPECT_EQ(workers_.services()[0].certificates.digest, DigestOf(watch_.certificates()["web"]));
}

TEST_F(CertificateWatchTest, HalfOfAChangeWaitsForTheOther) {
  const MadeCertificate two = MakeCertificate("two.example");
  const uint64_t revision = workers_.revision();
  Write("web.key", two.key_pem);
  EXPECT_TRUE(Eventually([&] { return !Waits().empty(); }));
  EXPECT_THAT(Waits(), HasSubstr("the private key is not that of"));
  EXPECT_EQ(workers_.revision(), revision);
  EXPECT_EQ(Subject(), "/CN=one.example");
  Write("web.pem", two.chain_pem);
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_EQ(Subject(), "/CN=two.example");
  EXPECT_EQ(Waits(), "");
}

TEST_F(CertificateWatchTest, SymbolicLinksMayBeSwapped) {
  Put("new", MakeCertificate("two.example"));
  for (const char* end : {".key", ".pem"}) {
    std::filesystem::create_symlink(File(absl::StrCat("new", end)),
                                    File(absl::StrCat("link", end)));
    std::filesystem::rename(File(absl::StrCat("link", end)), File(absl::StrCat("web", end)));
  }
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_EQ(Subject(), "/CN=two.example");
}

TEST_F(CertificateWatchTest, FilesThatAreOnlyTouchedChangeNothing) {
  const uint64_t revision = workers_.revision();
  Write("web.pem", *ReadFile(File("web.pem")));
  const CertificateList list = Reload();
  EXPECT_THAT(list.errors, SizeIs(0));
  EXPECT_EQ(list.changed, 0u);
  EXPECT_EQ(workers_.revision(), revision);
}

TEST_F(CertificateWatchTest, ReloadTakesAllOrNothing) {
  config_.services.push_back(config_.services[0]);
  config_.services[1].name = "other";
  config_.services[1].listen = {*Endpoint::Parse("10.0.0.1:444")};
  config_.services[1].certificates = {
      {.chain_file = File("other.pem"), .key_file = File("other.key")}};
  Put("other", MakeCertificate("other.example"));
  LoadedServices both = Loaded();
  workers_.SetBriefing("blue", both.services, {});
  watch_.Follow(config_, both.certificates);
  Put("web", MakeCertificate("two.example"));
  Write("other.key", "no key");

  const CertificateList bad = Reload();
  EXPECT_THAT(bad.errors, ElementsAre(HasSubstr("service \"other\": ")));
  EXPECT_EQ(bad.changed, 0u);
  EXPECT_EQ(Subject(), "/CN=one.example");
  EXPECT_EQ(changes_, 0);

  Put("other", MakeCertificate("other.example"));
  EXPECT_EQ(Reload().changed, 2u);
  EXPECT_EQ(Subject(), "/CN=two.example");
  EXPECT_EQ(changes_, 1);
}

TEST_F(CertificateWatchTest, ExpiredCertificateIsNotTaken) {
  Put("web", MakeCertificate("late.example", -7200, -3600));
  EXPECT_THAT(Reload().errors, ElementsAre(HasSubstr("/CN=late.example expired on ")));
  EXPECT_EQ(Subject(), "/CN=one.example");
}

TEST_F(CertificateWatchTest, ExpiredCertificateInUseDoesNotHinderOthers) {
  Put("web", MakeCertificate("late.example", -7200, -3600));
  LoadedServices loaded = Loaded();
  EXPECT_THAT(loaded.errors, SizeIs(0));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("expired on ")));
  workers_.SetBriefing("blue", std::move(loaded.services), {});
  watch_.Follow(config_, loaded.certificates);
  EXPECT_THAT(Reload().errors, SizeIs(0));
}

TEST_F(CertificateWatchTest, FilesOfAFolderComeAndGo) {
  std::filesystem::create_directory(File("more"));
  Put("more/two", MakeCertificate("two.example"));
  Write("more/broken.pem", "nothing");
  config_.services[0].certificates_folder = File("more");
  LoadedServices loaded = Loaded();
  EXPECT_THAT(loaded.errors, SizeIs(0));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("more/broken.pem: no certificate")));
  workers_.SetBriefing("blue", std::move(loaded.services), {});
  watch_.Follow(config_, loaded.certificates);
  const auto subjects = [this] {
    std::vector<std::string> subjects;
    const CertificateSets sets = watch_.certificates();
    for (const auto& one : sets.at("web")) subjects.push_back(one->facts.subject);
    return subjects;
  };
  EXPECT_THAT(subjects(), ElementsAre("/CN=one.example", "/CN=two.example"));

  Put("more/a-third", MakeCertificate("three.example"));
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_THAT(subjects(), ElementsAre("/CN=one.example", "/CN=three.example", "/CN=two.example"));
  EXPECT_EQ(workers_.services()[0].certificates.digest, DigestOf(watch_.certificates()["web"]));
  EXPECT_THAT(Reload().errors, SizeIs(0)) << "for one that never could be used";

  std::filesystem::remove(File("more/two.pem"));
  EXPECT_TRUE(Eventually([&] { return changes_ == 2; }));
  EXPECT_THAT(subjects(), ElementsAre("/CN=one.example", "/CN=three.example"));
}

MATCHER_P2(IsOf, pool, name, "") {
  return arg.service.empty() && arg.pool == pool && arg.name == name;
}

class PoolTlsWatchTest : public CertificateWatchTest {
 protected:
  PoolTlsWatchTest() {
    Write("ca.pem", MakeCertificate("first authority").chain_pem);
    Put("own", MakeCertificate("koi"));
    PoolConfig pool;
    pool.number = 7;
    pool.name = "backends";
    pool.has_tls = true;
    pool.tls_files = {.ca = File("ca.pem"), .certificate = File("own.pem"), .key = File("own.key")};
    config_.pools = {{.number = 6, .name = "plain"}, pool};
    LoadedServices loaded = Loaded();
    EXPECT_THAT(loaded.errors, SizeIs(0));
    workers_.SetBriefing("blue", std::move(loaded.services), std::move(loaded.pools));
    watch_.Follow(config_, loaded.certificates);
  }
  const WorkerPoolTls& Tls() const { return workers_.pools()[1].tls; }
  CertificateStats Listed() const { return watch_.List().certificates.back(); }
};

TEST_F(PoolTlsWatchTest, WhatChangesIsTakenByItself) {
  const std::string second = MakeCertificate("second authority").chain_pem;
  const WorkerPoolTls before = Tls();
  Write("ca.pem", second);
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_NE(Tls().trust, before.trust);
  EXPECT_EQ(*Tls().trust.pem, second);
  EXPECT_EQ(Tls().chain_pem, before.chain_pem);
  EXPECT_EQ(watch_.pool_files().at(File("ca.pem")), second);
  EXPECT_FALSE(workers_.pools()[0].has_tls);

  // One half of a change waits for the other.
  const MadeCertificate own = MakeCertificate("koi anew");
  const uint64_t revision = workers_.revision();
  Write("own.key", own.key_pem);
  EXPECT_THAT(Reload().errors, ElementsAre(HasSubstr("pool \"backends\": tls: ")));
  EXPECT_EQ(workers_.revision(), revision);
  Write("own.pem", own.chain_pem);
  EXPECT_TRUE(Eventually([&] { return changes_ == 2; }));
  EXPECT_EQ(Tls().key_pem, own.key_pem);
  EXPECT_EQ(Tls().chain_pem, own.chain_pem);
}

TEST_F(PoolTlsWatchTest, OwnCertificateIsListedAndExpires) {
  EXPECT_THAT(watch_.List().certificates, SizeIs(2));
  const CertificateStats before = Listed();
  EXPECT_EQ(before.pool, "backends");
  EXPECT_EQ(before.service, "");
  EXPECT_EQ(before.subject, "/CN=koi");
  EXPECT_EQ(before.fingerprint.size(), 95u);
  EXPECT_EQ(before.chain_file, File("own.pem"));
  EXPECT_EQ(before.key_file, File("own.key"));
  EXPECT_NE(before.loaded, "");

  Put("own", MakeCertificate("koi anew", -60, 600));
  EXPECT_EQ(Reload().changed, 1u);
  EXPECT_EQ(Listed().subject, "/CN=koi anew");
  EXPECT_THAT(watch_.Expiries()[0], IsOf("backends", "/CN=koi anew"));
  EXPECT_LT(watch_.Expiries()[0].until_s, before.until_s);
  Write("own.key", "no key");
  EXPECT_THAT(Reload().errors, SizeIs(1));
  EXPECT_TRUE(Eventually([&] { return !Listed().waits.empty(); }));
}

TEST_F(PoolTlsWatchTest, WhatCannotBeUsedChangesNothing) {
  const WorkerPoolTls before = Tls();
  Write("ca.pem", "nothing");
  EXPECT_THAT(Reload().errors, ElementsAre(HasSubstr("pool \"backends\": tls: ")));
  Write("ca.pem", MakeCertificate("second authority").chain_pem);
  Put("own", MakeCertificate("late", -7200, -3600));
  EXPECT_THAT(Reload().errors, ElementsAre(HasSubstr("expired on ")));
  EXPECT_EQ(Tls(), before);
  EXPECT_EQ(changes_, 0);

  std::filesystem::remove(File("ca.pem"));
  EXPECT_THAT(Reload().errors, ElementsAre(HasSubstr("ca.pem")));
  Write("ca.pem", MakeCertificate("second authority").chain_pem);
  Put("own", MakeCertificate("koi anew"));
  EXPECT_EQ(Reload().changed, 1u);
  EXPECT_NE(Tls(), before);
}

}  // namespace
}  // namespace koi
