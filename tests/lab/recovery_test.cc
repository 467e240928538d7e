// SPDX-License-Identifier: Apache-2.0
// One koi in a network namespace, and what is left of one that died: found, said, removed.
//
//   client ── blue (koi)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "net/socket.h"
#include "support/lab/balancer.h"
#include "support/lab/certificate.h"
#include "support/lab/eventually.h"
#include "support/lab/lab.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr int kConflict = 7;

class RecoveryTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << "--- end of koid.log:\n" << blue.LogTail() << '\n';
  }

  bool Ready() {
    return Eventually(30s, [&] { return blue.Koi({"status"}).ok(); });
  }
  std::string Config() const { return absl::StrCat(blue.host().directory(), "/koi.toml"); }
  Argv Koid() const { return {KoiProgram("koid"), "--config", Config()}; }
  // The configuration of a second koi on blue, with one line of the first one's replaced.
  std::string ConfigWith(const std::string& key, const std::string& value) const {
    const std::string file = absl::StrCat(blue.host().directory(), "/", key, ".toml");
    lab.MustRun({"sh", "-c",
                 absl::StrCat("sed 's|^", key, " = .*|", key, " = \"", value, "\"|' ", Config(),
                              " > ", file)});
    return file;
  }
  ProgramResult Cleanup(Argv options = {}) const {
    Argv argv = {"cleanup", "--config", Config()};
    argv.insert(argv.end(), options.begin(), options.end());
    return blue.Koi(argv);
  }
  size_t PinCount() const {
    const std::string list = lab.Run({"ls", blue.host().directory() + "/bpf/koi"}).out;
    return static_cast<size_t>(std::count(list.begin(), list.end(), '\n'));
  }
  // A process called as koi's worker is, which no koid has started.
  Process StartOrphan() {
    lab.MustRun({"cp", "/bin/sleep", blue.host().directory() + "/koi-worker"});
    Process orphan =
        blue.host().Start({blue.host().directory() + "/koi-worker", "600"}, "orphan.log");
    EXPECT_TRUE(Eventually(5s, [&] {
      return lab.Run({"cat", absl::StrCat("/proc/", orphan.pid(), "/comm")}).out == "koi-worker\n";
    }));
    return orphan;
  }

  Lab lab;
  Host& client = lab.Add("client");
  const Certificate certificate = MakeCertificate(lab, {kVip4, kVip6});
  Balancer blue{lab, "blue", {.certificate = certificate}};
};

TEST_F(RecoveryTest, SecondKoiIsRefusedInOneLineAndTouchesNothing) {
  blue.Start();
  ASSERT_TRUE(Ready());
  const size_t pins = PinCount();
  EXPECT_GT(pins, 0U);

  const std::string holder =
      absl::StrCat("another koi runs in this network namespace: .*koid --config .*koi.toml \\(pid ",
                   blue.koid().pid(), "\\)\"\n");
  const ProgramResult same = blue.host().Run(Koid());
  EXPECT_EQ(same.exit_code, kConflict);
  EXPECT_THAT(same.err, MatchesRegex(absl::StrCat("[^\n]*", holder)));
  EXPECT_EQ(same.out, "");

  const ProgramResult hidden = blue.host().Run(
      {"unshare", "--pid", "--fork", "--mount-proc", Koid()[0], Koid()[1], Koid()[2]});
  EXPECT_EQ(hidden.exit_code, kConflict);
  EXPECT_THAT(hidden.err, HasSubstr("namespace: a process in another PID namespace\"\n"));

  const ProgramResult cleanup = Cleanup();
  EXPECT_EQ(cleanup.exit_code, kConflict) << cleanup.Describe();
  EXPECT_THAT(cleanup.err, HasSubstr(absl::StrCat("(pid ", blue.koid().pid(), ")")));

  // From another network namespace: the same pins, then the same control socket.
  const std::string other = client.directory();
  const ProgramResult same_pins =
      client.Run({Koid()[0], "--config", ConfigWith("run", other + "/run")});
  EXPECT_EQ(same_pins.exit_code, kConflict) << same_pins.Describe();
  EXPECT_THAT(same_pins.err, HasSubstr("another koi has its pins in "));
  const ProgramResult same_run =
      client.Run({Koid()[0], "--config", ConfigWith("bpffs", other + "/bpf")});
  EXPECT_EQ(same_run.exit_code, kConflict) << same_run.Describe();
  EXPECT_THAT(same_run.err, HasSubstr("another process answers on "));

  EXPECT_EQ(PinCount(), pins);
  EXPECT_TRUE(blue.Koi({"status"}).ok());
  EXPECT_EQ(blue.Stop(), 0);
}

TEST_F(RecoveryTest, PinsOfAKilledKoiAreInertAndCleanupRemovesAllThatIsLeft) {
  blue.Start();
  ASSERT_TRUE(Ready());
  ASSERT_TRUE(Eventually(30s, [&] { return blue.XdpPresent() && !blue.VipsPresent().empty(); }));
  const std::string program = blue.host().directory() + "/bpf/left_program";
  const std::string ids = blue.host().Run({"bpftool", "net", "show", "dev", "eth0"}).out;
  const std::vector<std::string> words = absl::StrSplit(ids, absl::ByAnyChar(" \n"));
  const auto id = std::find(words.begin(), words.end(), "id");
  ASSERT_NE(id, words.end()) << ids;
  lab.MustRun({"bpftool", "prog", "pin", "id", *(id + 1), program});
  blue.Kill();
  ASSERT_TRUE(Eventually(10s, [&] { return blue.VipsPresent().empty(); }));
  EXPECT_GT(PinCount(), 0U);

  // The host answers at the VIP's address and port itself: the sk_lookup link that is still pinned
  // stands in nobody's way.
  blue.host().Run({"ip", "address", "add", absl::StrCat(kVip4, "/32"), "dev", "lo"});
  absl::StatusOr<Fd> fallback = blue.host().In([] {
    return absl::StatusOr<Fd>(ListenTcp(Endpoint{*Address::Parse(kVip4), 443}));
  });
  ASSERT_TRUE(fallback.ok()) << fallback.status();
  const std::string connect = absl::StrCat("exec 3<>/dev/tcp/", kVip4, "/443");
  const ProgramResult connected = client.Run({"bash", "-c", connect});
  EXPECT_TRUE(connected.ok()) << connected.Describe();

  Process orphan = StartOrphan();
  blue.host().Run({"ip", "link", "set", "dev", "eth0", "xdp", "pinned", program});
  ASSERT_TRUE(blue.XdpPresent());

  const ProgramResult dry = Cleanup({"--dry-run"});
  EXPECT_TRUE(dry.ok()) << dry.Describe();
  // Last of all: it goes by itself after two seconds.
  blue.host().Run({"ip", "address", "add", absl::StrCat(kVip6, "/128"), "dev", "eth0", "valid_lft",
                   "2", "preferred_lft", "0"});
  const ProgramResult cleanup = Cleanup();
  EXPECT_TRUE(cleanup.ok()) << cleanup.Describe();
  EXPECT_THAT(dry.out, HasSubstr("would remove pin "));
  EXPECT_THAT(cleanup.out,
              AllOf(HasSubstr(absl::StrCat("removed process koi-worker ", orphan.pid(), "\n")),
                    HasSubstr(absl::StrCat("removed VIP ", kVip6, " on eth0\n")),
                    HasSubstr("removed XDP program koi_xdp on eth0\n"),
                    HasSubstr("/bpf/koi/koi_sk_lookup_link\n"), HasSubstr("/bpf/koi/koi_vips\n"),
                    HasSubstr("removed socket "), Not(HasSubstr("mount"))));
  // The host's own address stays, and is said to be in the way.
  EXPECT_THAT(cleanup.err, HasSubstr(absl::StrCat("ip addr del ", kVip4, "/32 dev lo")));
  EXPECT_THAT(blue.host().Run({"ip", "-o", "address", "show", "dev", "lo"}).out, HasSubstr(kVip4));
  EXPECT_FALSE(blue.XdpPresent());
  EXPECT_THAT(blue.VipsPresent(), IsEmpty());
  EXPECT_FALSE(lab.Run({"ls", blue.host().directory() + "/bpf/koi"}).ok());
  EXPECT_FALSE(orphan.running());
  const ProgramResult again = Cleanup();
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(again.out, "nothing to clean\n");
}

TEST_F(RecoveryTest, NextStartSaysWhatItFoundAndRemovesIt) {
  blue.Start();
  ASSERT_TRUE(Ready());
  blue.Kill();
  Process orphan = StartOrphan();
  blue.Start();
  ASSERT_TRUE(Ready());
  EXPECT_FALSE(orphan.running());
  const std::string log = blue.LogTail(100'000);
  EXPECT_THAT(log, HasSubstr(absl::StrCat("processes=1 which=\"koi-worker ", orphan.pid(), "\"")));
  EXPECT_THAT(log, HasSubstr("removed what an earlier koi left kind=pin count="));
  EXPECT_THAT(log, HasSubstr("kind=socket count=1"));
  EXPECT_EQ(blue.Stop(), 0);
  EXPECT_EQ(Cleanup().out, "nothing to clean\n");
}

TEST_F(RecoveryTest, VipThatIsTheHostsOwnAddressIsRefusedAndLeftAlone) {
  blue.host().Run({"ip", "address", "add", absl::StrCat(kVip4, "/24"), "dev", "eth0"});
  const ProgramResult refused = blue.host().Run(Koid());
  EXPECT_EQ(refused.exit_code, kConflict);
  EXPECT_THAT(refused.err, HasSubstr(absl::StrCat("ip addr del ", kVip4, "/24 dev eth0")));
  EXPECT_THAT(blue.VipsPresent(), ::testing::ElementsAre(kVip4));
  EXPECT_FALSE(lab.Run({"ls", blue.host().directory() + "/bpf/koi"}).ok());
  EXPECT_FALSE(lab.Run({"ls", blue.host().directory() + "/run/koi.sock"}).ok());
}

TEST_F(RecoveryTest, AsPidOneItReapsOrphansAndStopsOnSigterm) {
  Process engine = blue.host().Start({"unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                                      Koid()[0], Koid()[1], Koid()[2]},
                                     "koid.log");
  ASSERT_TRUE(Ready());
  const std::string koid = std::string(absl::StripAsciiWhitespace(
      blue.host().Run({"ps", "-o", "pid=", "--ppid", absl::StrCat(engine.pid())}).out));
  // The inner shell ends at once; what it started is koid's to reap.
  const ProgramResult orphaned = lab.Run(
      {"nsenter", "--pid", "--mount", "--target", koid, "sh", "-c", "sh -c 'sleep 0.1 & echo $!'"});
  ASSERT_TRUE(orphaned.ok()) << orphaned.Describe();
  const std::string orphan(absl::StripAsciiWhitespace(orphaned.out));
  EXPECT_TRUE(Eventually(5s, [&] {
    return !lab.Run({"nsenter", "--pid", "--mount", "--target", koid, "ls", "/proc/" + orphan})
                .ok();
  })) << "a zombie stays";
  lab.MustRun({"kill", "-TERM", koid});
  EXPECT_EQ(engine.Wait(15s), 0);
  EXPECT_EQ(Cleanup().out, "nothing to clean\n");
}

}  // namespace
}  // namespace koi::lab
