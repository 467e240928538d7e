// SPDX-License-Identifier: Apache-2.0
// What a node should be: made from texts, kept in a snapshot, compared for a reload; and the file
// that keeps what the CLI changed.
#include "manager/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/sealed_file.h"
#include "config/state_changes.h"
#include "manager/reload_plan.h"
#include "manager/snapshot.h"
#include "manager/state_file.h"
#include "support/tls/made_certificate.h"

namespace koi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr char kText[] = R"(version = 1
[node]
interface = "eth0"
name = "blue"
[[carp]]
vhid = 42
password_file = "carp.key"
[[vip]]
address = "10.0.1.201"
[[service]]
name = "web"
listen = ["10.0.1.201:443"]
tls = "terminate"
certificates = [{ chain = "web.pem", key = "web.key" }]
pool = "web"
[[pool]]
name = "other"
[[pool]]
name = "web"
backend = [{ name = "web-1", address = "10.0.2.11:8080" }]
)";

class DesiredTest : public testing::Test {
 protected:
  MadeCertificate made = MakeCertificate("koi.example");
  std::map<std::string, std::string> files = {
      {"carp.key", "secret\n"}, {"web.pem", made.chain_pem}, {"web.key", made.key_pem}};

  DesiredResult Make(const std::string& text, const State& state = {},
                     const Config& numbered = {}) {
    return MakeDesired({.sources = {{"koi.toml", text}}}, Readers(), state, numbered);
  }
  // Of what is in `files`.
  NamedFileReaders Readers() {
    const ConfigFileReader read = [this](const std::string& path) -> absl::StatusOr<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return absl::NotFoundError(path);
      return found->second;
    };
    return {.secrets = read,
            .services = {.certificates =
                             [this, read](const ServiceConfig& service) {
                               return LoadCertificates(service, reader, read, {});
                             },
                         .authorities = read}};
  }

  CertificateReader reader;
};

TEST_F(DesiredTest, EverythingThatIsReadIsRemembered) {
  const Desired desired = Make(kText).desired.value();
  EXPECT_THAT(desired.files, ElementsAre(Pair("carp.key", "secret\n")));
  ASSERT_EQ(desired.services.size(), 1U);
  EXPECT_EQ(desired.certificates.at("web").at(0)->facts.subject, "/CN=koi.example");
  EXPECT_EQ(desired.services[0].certificates.digest, DigestOf(desired.certificates.at("web")));
  EXPECT_EQ(desired.services[0].pool, desired.config.pools[1].number);
}

TEST_F(DesiredTest, WorkersAreToldOfTimeoutsLimitsAndWhomToBelieve) {
  const std::string text = absl::StrReplaceAll(
      kText, {{"pool = \"web\"\n",
               "pool = \"web\"\nforwarded = \"both\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n"
               "timeouts = { idle = \"7s\" }\nlimits = { headers = 70 }\n"},
              {"name = \"other\"", "name = \"other\"\ntimeouts = { response = \"9s\" }"}});
  const Desired desired = Make(text).desired.value();
  const WorkerService& service = desired.services.at(0);
  EXPECT_EQ(service.timeouts.idle, std::chrono::seconds(7));
  EXPECT_EQ(service.limits.headers, 70U);
  EXPECT_EQ(service.http.forwarded, ForwardedHeaders::kBoth);
  EXPECT_EQ(service.trusted_proxies.size(), 1U);
  EXPECT_EQ(desired.pools.at(0).timeouts.response, std::chrono::seconds(9));
}

TEST_F(DesiredTest, CertificateThatDoesNotMatchIsAnError) {
  files["web.key"] = MakeCertificate("other").key_pem;
  const DesiredResult result = Make(kText);
  EXPECT_FALSE(result.desired.has_value());
  EXPECT_THAT(result.errors.at(0).message, HasSubstr("service \"web\": web.pem with web.key"));
}

TEST_F(DesiredTest, SnapshotLeadsToTheSame) {
  State state =
      WithDraining({}, Make(kText).desired->file, {"web", "web-1", {"root", "T", "w"}}).value();
  Config numbered;
  numbered.pools.resize(1);
  numbered.pools[0].name = "web";
  numbered.pools[0].number = 7;
  const Desired before = Make(kText, state, numbered).desired.value();
  const std::string bytes = EncodeSnapshot(before);
  const Snapshot snapshot = DecodeSnapshot(bytes).value();
  const Fd held = FileOfAll(before.services).value();
  const CertificateSets certificates =
      DecodeCertificateSets(SealedBytes(held.get()).value()).value();
  files.clear();  // nothing is read from elsewhere
  const Desired after = MakeDesired({.sources = snapshot.sources},
                                    KeptReaders(snapshot.files, certificates, [] { return true; }),
                                    snapshot.state, snapshot.numbered)
                            .desired.value();
  EXPECT_THAT(DiffConfigs(before.config, after.config), IsEmpty());
  EXPECT_EQ(after.config.pools[1].number, 7U);
  EXPECT_EQ(after.services, before.services);
  EXPECT_EQ(after.state, state);
  EXPECT_EQ(EncodeSnapshot(after), bytes);
}

TEST_F(DesiredTest, SnapshotThatIsNotWholeIsRefused) {
  const std::string bytes = EncodeSnapshot(Make(kText).desired.value());
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    ASSERT_FALSE(DecodeSnapshot(bytes.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(DecodeSnapshot(bytes + "x").ok());
}

TEST_F(DesiredTest, PlanOfAReloadSaysWhatItWouldDo) {
  const Desired running = Make(kText).desired.value();
  EXPECT_EQ(PlanReload(running, Make(kText)).outcome, ReloadReport::Outcome::kUnchanged);

  const ReloadReport weight =
      PlanReload(running, Make(absl::StrReplaceAll(kText, {{"8080\"", "8080\", weight = 5"}})));
  EXPECT_EQ(weight.outcome, ReloadReport::Outcome::kPending);
  EXPECT_EQ(weight.changes.at(0).ToString(), "~ backend web/web-1: weight 100 -> 5");

  const ReloadReport interface =
      PlanReload(running, Make(absl::StrReplaceAll(kText, {{"eth0", "eth1"}})));
  EXPECT_EQ(interface.outcome, ReloadReport::Outcome::kNeedsRestart);
  EXPECT_THAT(interface.needs_restart, ElementsAre("node.interface eth0 -> eth1"));

  const ReloadReport invalid = PlanReload(running, Make("version = 1\n"));
  EXPECT_EQ(invalid.outcome, ReloadReport::Outcome::kInvalid);
  EXPECT_FALSE(invalid.errors.empty());

  const MadeCertificate renewed = MakeCertificate("koi.example");
  files["web.pem"] = renewed.chain_pem;
  files["web.key"] = renewed.key_pem;
  EXPECT_THAT(PlanReload(running, Make(kText)).certificates, ElementsAre("web"));
}

TEST_F(DesiredTest, ChangesOfTheCliAreListed) {
  const StateNote note = {"root", "T", "w"};
  const std::vector<CliChange> changes =
      CliChangesOf({.added = {{"web", "x", Endpoint::Parse("10.0.0.1:80").value(), 5, note}},
                    .removed = {{"web", "web-1", note}}});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].address, "10.0.0.1:80");
  EXPECT_EQ(changes[0].change, "added");
  EXPECT_EQ(changes[1].change, "removed");
  EXPECT_EQ(changes[1].why, "w");
}

class StateFileTest : public testing::Test {
 protected:
  ~StateFileTest() override { std::filesystem::remove_all(folder_); }

  static std::string NewFolder() {
    std::string name = testing::TempDir() + "koi-state-XXXXXX";
    return ::mkdtemp(name.data());
  }

  const std::string folder_ = NewFolder();
  const StateFile file_{folder_ + "/lib"};
};

TEST_F(StateFileTest, NoFileIsNoChange) {
  EXPECT_EQ(file_.Load().state, State());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/lib"));
}

TEST_F(StateFileTest, WhatIsSavedIsLoadedAndForItsOwnerAlone) {
  const State state = {.revision = 4, .draining = {{"web", "web-1", {"root", "T", "w"}}}};
  ASSERT_TRUE(file_.Save(state).ok());
  EXPECT_EQ(file_.Load().state, state);
  EXPECT_EQ(std::filesystem::status(file_.path()).permissions(), std::filesystem::perms(0600));
}

TEST_F(StateFileTest, BrokenOneIsSetAsideAndNeverWrittenOver) {
  const State state = {.revision = 4, .draining = {{"web", "web-1", {"root", "T", "w"}}}};
  const std::string whole = FormatState(state);
  const std::pair<std::string, std::string> broken[] = {
      {"version = 9\nrevision = 1\nchanges = 0\n", ":1:11: version 9 is not the number 1"},
      {"version = 1\nrevision = 1\nchanges = 0\ncolour = 1\n", ":4:1: unknown key \"colour\""},
      {"version = = 1\n", ":1:11: "},
      {"", ": "},
      {std::string(whole, 0, whole.find("[[draining]]")), "the file was cut short or edited"},
      {std::string(whole, 0, whole.size() - 3), "encountered end-of-file"},
      {std::string("\0\0\0\0", 4), ":1:1: "},
  };
  int number = 0;
  for (const auto& [text, why] : broken) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(file_.Save({}).ok());
    ASSERT_TRUE(WriteFile(file_.path(), text).ok());
    const StateFile::Loaded loaded = file_.Load();
    EXPECT_FALSE(loaded.state.has_value());
    const std::string aside = absl::StrCat(file_.path(), ".broken-", ++number);
    EXPECT_THAT(
        loaded.warning,
        AllOf(StartsWith(absl::StrCat(
                  "the changes made by the command line were lost: ", file_.path(), ":")),
              HasSubstr(why), EndsWith(absl::StrCat("; it is now ", aside)), Not(HasSubstr("\n"))));
    EXPECT_EQ(ReadFile(aside).value_or("none"), text);
    EXPECT_EQ(file_.Load().state, State());
  }
  // One that somebody breaks later.
  ASSERT_TRUE(WriteFile(file_.path(), "mine").ok());
  ASSERT_TRUE(file_.Save(state).ok());
  EXPECT_EQ(ReadFile(absl::StrCat(file_.path(), ".broken-", ++number)).value_or("none"), "mine");
  EXPECT_EQ(file_.Load().state, state);
}

TEST_F(StateFileTest, WhatCannotBeSavedIsRefusedInOneLineAndLeavesWhatWas) {
  ASSERT_TRUE(WriteFile(folder_ + "/lib", "a file").ok());
  const absl::Status saved = file_.Save({});
  EXPECT_TRUE(absl::IsResourceExhausted(saved)) << saved;
  EXPECT_THAT(std::string(saved.message()),
              AllOf(StartsWith("nothing was changed, since it could not be kept: cannot "),
                    HasSubstr("/lib/state.toml"), EndsWith(": Not a directory")));
}

}  // namespace
}  // namespace koi
