// SPDX-License-Identifier: Apache-2.0
// koi as people run it: two containers as two hosts, with the arguments and flags that
// docs/operations.md documents. The image's run stage is built around the programs just built.
//
//   client ──┬── blue   --privileged, koid VIP PASSWORD
//            ├── red    the capability list only, the password in a file
//            ├── web-1
//            └── web-2
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "container/container.h"
#include "support/lab/eventually.h"
#include "support/lab/http_client.h"
#include "support/lab/load.h"
#include "support/lab/web_backend.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using std::chrono_literals::operator""s;

constexpr char kVip[] = "10.9.0.100";
constexpr char kPassword[] = "vip-password";
constexpr Duration kDeadTime = 3s + std::chrono::milliseconds(120);  // of red: advskew 10

const Argv kCapabilityList = {"--cap-drop=ALL",
                              "--cap-add=BPF,PERFMON,NET_ADMIN,NET_RAW,SETUID,SETGID,SETPCAP,KILL"};

// Made once for all tests: the image, and a lab to run it in.
struct Stage {
  Stage()
      : image(absl::StrCat("localhost/koi-test-", getpid())),
        client(lab.Add("client")),
        web_1(lab, "web-1"),
        web_2(lab, "web-2"),
        blue(lab, "blue"),
        red(lab, "red") {
    lab.AtTakeDown(Podman({"rmi", "--force", image, derived()}));
    MakeImage();
    const ProgramResult profile =
        lab.Run({absl::StrCat(KOI_SOURCE_DIR, "/docker/seccomp-profile")});
    if (!profile.ok()) Die(profile.Describe());
    Write("seccomp.json", profile.out);
    Write("carp.key", absl::StrCat(kPassword, "\n"));
  }

  void MakeImage() {
    const std::string programs = absl::StrCat(lab.directory(), "/programs/koi/sbin");
    lab.MustRun({"mkdir", "-p", programs});
    for (const char* program :
         {"koid", "koi", "koi-manager", "koi-carp", "koi-worker", "koi-decap"}) {
      lab.MustRun({"install", "-s", absl::StrCat(KOI_BINARY_DIR, "/bin/", program), programs});
    }
    const ProgramResult made = lab.Run(
        {ContainerScript("images"), "koi", image, absl::StrCat(lab.directory(), "/programs")},
        900s);
    if (!made.ok()) Die(absl::StrCat("podman cannot build the image:\n", made.Describe()));
  }

  std::string File(const std::string& name) const {
    return absl::StrCat(lab.directory(), "/", name);
  }
  void Write(const std::string& name, const std::string& text) const {
    const absl::Status written = WriteFile(File(name), text, 0600);
    if (!written.ok()) Die(std::string(written.message()));
  }
  std::string derived() const { return absl::StrCat(image, "-derived"); }

  Argv PrivilegedFlags() const { return {"--privileged"}; }
  Argv CapabilityFlags() const {
    Argv flags = kCapabilityList;
    flags.push_back(absl::StrCat("--security-opt=seccomp=", File("seccomp.json")));
    return flags;
  }

  Lab lab;
  const std::string image;
  Host& client;
  WebBackend web_1;
  WebBackend web_2;
  Container blue;
  Container red;
};

class ContainerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { stage_ = std::make_unique<Stage>(); }
  static void TearDownTestSuite() { stage_.reset(); }

  static HttpAnswer Get(const std::string& scheme, const std::string& path = "/") {
    return stage_->client.In([&] {
      return HttpClient({.ca_file = stage_->File("trusted.pem"), .timeout = 2s})
          .Get(absl::StrCat(scheme, "://", kVip, path));
    });
  }
  // Who answers over HTTPS: the first line of the body.
  static std::string ServedBy() {
    const std::string body = Get("https").body;
    return body.substr(0, body.find('\n'));
  }
  static bool Is(const Container& container, const std::string& role) {
    return container.Koi({"status"}).out.find(absl::StrCat("\nrole  ", role, " ")) !=
           std::string::npos;
  }
  // What clients trust: the certificates that the hosts made themselves.
  static void TrustBoth() {
    stage_->Write("trusted.pem",
                  absl::StrCat(ReadFile(stage_->blue.StateFile("default.pem")).value_or(""),
                               ReadFile(stage_->red.StateFile("default.pem")).value_or("")));
  }
  static int64_t ImageBytes(const std::string& image) {
    int64_t bytes = 0;
    const ProgramResult inspected =
        stage_->lab.Run(Podman({"image", "inspect", "--format={{.Size}}", image}));
    EXPECT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(inspected.out), &bytes));
    return bytes;
  }
  ProgramResult BuildDerived(const std::string& folder) {
    return stage_->lab.Run(
        Podman({"build", "--quiet", "--network=host", "--format=docker", "--layers=false",
                absl::StrCat("--build-context=koi=container-image://", stage_->image), "--secret",
                absl::StrCat("id=carp,src=", stage_->File("carp.key")), "-t", stage_->derived(),
                folder}),
        120s);
  }

  static std::unique_ptr<Stage> stage_;
};

std::unique_ptr<Stage> ContainerTest::stage_;

TEST_F(ContainerTest, TwoContainersAreTwoHosts) {
  Container& blue = stage_->blue;
  Container& red = stage_->red;
  const TimePoint run = Now();
  blue.Start(stage_->image, stage_->PrivilegedFlags(), {kVip, kPassword});
  ASSERT_TRUE(Eventually(
      10s, [&] { return blue.Koi({"health"}).ok(); }, "container_run_to_healthy"))
      << blue.Log();
  TrustBoth();
  ASSERT_TRUE(Eventually(5 * kDeadTime, [&] { return Get("https").ok(); })) << blue.Log();
  PrintMeasured("container_run_to_first_answer", ToMilliseconds(Now() - run), "ms");
  Argv flags = stage_->CapabilityFlags();
  for (const std::string& flag :
       {std::string("--env=KOI_PASSWORD_FILE=/run/secrets/carp"),
        std::string("--env=KOI_ADVSKEW=10"),
        absl::StrCat("--volume=", stage_->File("carp.key"), ":/run/secrets/carp:ro")}) {
    flags.push_back(flag);
  }
  red.Start(stage_->image, flags, {kVip});
  ASSERT_TRUE(Eventually(10s, [&] { return Is(red, "backup"); })) << red.Log();
  TrustBoth();

  // What was chosen is said; the password is not.
  EXPECT_THAT(blue.Log(), HasSubstr("interface=eth0 vhid=100 services=default"));
  EXPECT_THAT(red.Log(), HasSubstr("interface=eth0 vhid=100 advskew=10 services=default"));
  EXPECT_THAT(absl::StrCat(blue.Log(), red.Log()), Not(HasSubstr(kPassword)));
  EXPECT_THAT(
      blue.Exec({"sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"}).out,
      ::testing::AllOf(HasSubstr(absl::StrCat("koid ", kVip, " ****")), Not(HasSubstr(kPassword))));
  // The default service, before and after it has backends.
  EXPECT_THAT(Get("https").body,
              HasSubstr("docker exec CONTAINER koi backend add default NAME ADDRESS:PORT"));
  EXPECT_EQ(Get("http", "/path").location, absl::StrCat("https://", kVip, "/path"));
  for (Container* host : {&blue, &red}) {
    for (WebBackend* web : {&stage_->web_1, &stage_->web_2}) {
      const ProgramResult added =
          host->Koi({"backend", "add", "default", web->name(), web->endpoint4()});
      EXPECT_TRUE(added.ok()) << added.Describe();
    }
  }
  EXPECT_TRUE(Eventually(5s, [] { return ServedBy() == "web-1"; }));
  EXPECT_TRUE(Eventually(5s, [] { return ServedBy() == "web-2"; }));
  EXPECT_TRUE(blue.Koi({"backend", "drain", "default", "web-1"}).ok());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ServedBy(), "web-2");
  for (const Container* host : {&blue, &red}) {
    const ProgramResult checked = host->HealthCheck();
    EXPECT_TRUE(checked.ok()) << checked.Describe();
  }
  EXPECT_TRUE(blue.HasAddress(kVip));
  EXPECT_FALSE(red.HasAddress(kVip));

  // One dies, the other takes over, and only it has the VIP.
  OutageProber prober(stage_->client, absl::StrCat("https://", kVip, "/"),
                      stage_->File("trusted.pem"));
  ASSERT_TRUE(Eventually(5s, [&] { return prober.last_answer() > run; }));
  const TimePoint killed = Now();
  blue.Kill();
  EXPECT_TRUE(Eventually(5 * kDeadTime, [&] {
    return Is(red, "master") && prober.last_answer() > killed + 1s;
  })) << red.Log();
  PrintMeasured("outage_container_killed", prober.Stop().longest_gap_ms, "ms");
  EXPECT_TRUE(Eventually(10s, [&] { return !blue.HasAddress(kVip) && red.HasAddress(kVip); }));

  // The other leaves cleanly.
  const TimePoint stop = Now();
  EXPECT_EQ(red.Stop(), 0) << red.Log();
  EXPECT_LT(Now() - stop, 10s);
  PrintMeasured("container_stop", ToMilliseconds(Now() - stop), "ms");
  EXPECT_FALSE(red.HasAddress(kVip));
  EXPECT_FALSE(stage_->lab.Run({"ls", absl::StrCat(red.host().directory(), "/bpf/koi")}).ok());
}

TEST_F(ContainerTest, WhatIsMissingIsOneLineAndTheFlagThatAddsIt) {
  Container host(stage_->lab, "bare");
  const auto last_line_of = [&](const Argv& flags, const Argv& arguments, int exit_code) {
    const ProgramResult result = host.Run(stage_->image, flags, arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.Describe();
    return result.err;
  };
  EXPECT_THAT(last_line_of({"--cap-drop=ALL",
                            "--cap-add=BPF,PERFMON,NET_ADMIN,SETUID,SETGID,"
                            "SETPCAP,KILL"},
                           {kVip, kPassword}, 6),
              HasSubstr("lacks CAP_NET_RAW, which koi needs; a container gets that by "
                        "--cap-add=NET_RAW\"\n"));
  EXPECT_THAT(last_line_of({"--privileged"}, {}, 3),
              HasSubstr("neither /etc/koi/koi.toml nor arguments: "));
  EXPECT_THAT(last_line_of({"--privileged"}, {"10.9.0.300", kPassword}, 3),
              HasSubstr("command line: VIP \"10.9.0.300\" is not an IPv4 or IPv6 address\n"));
  // Engines whose profile knows CAP_BPF start it; the others' refusal says what to do.
  const ProgramResult default_profile =
      stage_->lab.Run({"grep", "-q", "CAP_BPF", "/usr/share/containers/seccomp.json"});
  if (!default_profile.ok()) {
    EXPECT_THAT(last_line_of(kCapabilityList, {kVip, kPassword}, 6),
                HasSubstr("--security-opt seccomp=FILE"));
  }
}

TEST_F(ContainerTest, DerivedImageIsBuiltOnlyWithAValidConfiguration) {
  const std::string example = absl::StrCat(KOI_SOURCE_DIR, "/docker/examples/derived");
  const ProgramResult good = BuildDerived(example);
  EXPECT_TRUE(good.ok()) << good.Describe();

  const std::string broken = stage_->File("broken");
  stage_->lab.MustRun({"cp", "-r", example, broken});
  stage_->lab.MustRun({"sed", "-i", "s/^pool = \"web\"/pool = \"wbe\"/", broken + "/koi.toml"});
  const ProgramResult bad = BuildDerived(broken);
  EXPECT_FALSE(bad.ok());
  EXPECT_THAT(
      bad.Describe(),
      HasSubstr("/etc/koi/koi.toml:18:8: service \"web\" names pool \"wbe\", which does not "
                "exist; did you mean \"web\"?"));
}

TEST_F(ContainerTest, ImageIsSmall) {
  const ProgramResult base = stage_->lab.Run({ContainerScript("images"), "base"});
  ASSERT_TRUE(base.ok()) << base.Describe();
  const int64_t on_top =
      ImageBytes(stage_->image) - ImageBytes(std::string(absl::StripAsciiWhitespace(base.out)));
  PrintMeasured("container_image_on_top_of_base", on_top >> 10, "KiB");
  EXPECT_LT(on_top, 64 << 20) << "something of the build came along";
}

}  // namespace
}  // namespace koi::lab
