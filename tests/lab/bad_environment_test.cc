// SPDX-License-Identifier: Apache-2.0
// What keeps koid from starting, or from keeping what the CLI changes: each is said in one line,
// with its exit code, and leaves nothing behind.
//
//   blue   alone, and in one test a client
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class BadEnvironmentTest : public ::testing::Test {
 protected:
  std::string In(const std::string& file) { return absl::StrCat(directory, "/", file); }

  // A configuration of blue in which `right` is `wrong`; where it is.
  std::string ConfigWith(const std::string& right, const std::string& wrong) {
    const std::string text = ReadFile(In("koi.toml")).value_or("");
    const std::string changed = absl::StrReplaceAll(text, {{right, wrong}});
    EXPECT_NE(changed, text) << right;
    EXPECT_TRUE(WriteFile(In("bad.toml"), changed).ok());
    return In("bad.toml");
  }
  // Runs koid, by way of `prefix`, until it ends.
  ProgramResult Koid(const std::string& config, const Argv& prefix = {}) {
    Argv argv = prefix;
    argv.insert(argv.end(), {KoiProgram("koid"), "--config", config});
    return blue.host().Run(argv, 10s);
  }
  // That of koid which may not have `capabilities` ("-bpf,-net_raw").
  static Argv Without(const std::string& capabilities) {
    return {"setpriv", absl::StrCat("--bounding-set=", capabilities)};
  }
  std::string Mounts() {
    std::string ours;
    for (const absl::string_view line :
         absl::StrSplit(lab.Run({"cat", "/proc/mounts"}).out, '\n')) {
      if (absl::StrContains(line, directory)) absl::StrAppend(&ours, line, "\n");
    }
    return ours;
  }
  void Mount(const std::string& folder, const std::string& options) {
    EXPECT_TRUE(MakeDirectories(In(folder)).ok());
    lab.MustRun({"mount", "-t", "tmpfs", "-o", options, "tmpfs", In(folder)});
  }

  // Leaves no room below node.state.
  void Fill() {
    (void)lab.Run({"dd", "if=/dev/zero", absl::StrCat("of=", In("state/fill")), "bs=4k"});
  }
  ProgramResult Add() { return blue.Koi({"backend", "add", "web", "web-1", "10.9.0.200:8080"}); }
  // Of blue's one pool.
  size_t Backends() {
    const absl::StatusOr<Stats> stats = blue.ReadStats();
    return stats.ok() && stats->pools.size() == 1 ? stats->pools[0].backends.size() : 0;
  }
  // That a backend cannot be added, for `reason`, and is not.
  void ExpectNotKept(const std::string& reason) {
    SCOPED_TRACE(reason);
    const ProgramResult refused = Add();
    EXPECT_EQ(refused.exit_code, 6) << refused.Describe();
    EXPECT_THAT(refused.err, HasSubstr("nothing was changed, since it could not be kept: "));
    EXPECT_THAT(refused.err, HasSubstr(reason));
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
    EXPECT_EQ(Backends(), 0U);
  }

  // That `result` says `line` and little else, with `exit_code`, and that nothing is left.
  void ExpectRefused(const ProgramResult& result, int exit_code, const std::string& line) {
    SCOPED_TRACE(line);
    EXPECT_EQ(result.exit_code, exit_code) << result.Describe();
    EXPECT_THAT(result.err, HasSubstr(line));
    EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 8) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("unexpectedly")));
    EXPECT_THAT(blue.VipsPresent(), IsEmpty());
    EXPECT_FALSE(blue.XdpPresent());
    EXPECT_EQ(lab.Run({"ls", In("bpf")}).out, "maps.debug\nprogs.debug\n");
    EXPECT_FALSE(lab.Run({"ls", In("run/koi.sock")}).ok());
    EXPECT_EQ(lab.Run({"ip", "netns", "pids", blue.host().namespace_name()}).out, "");
    EXPECT_EQ(Mounts(), mounts_before) << "a mount is left";
  }

  Lab lab;
  const Certificate certificate = MakeCertificate(lab, {kVip4, kVip6});
  Balancer blue{lab, "blue", {.certificate = certificate}};
  const std::string directory = blue.host().directory();
  std::string mounts_before = Mounts();
};

TEST_F(BadEnvironmentTest, WhatIsWrongIsSaidOnceAndNothingIsLeft) {
  const std::string koi_toml = In("koi.toml");
  ExpectRefused(Koid(ConfigWith("interface = \"eth0\"", "interface = \"eth1\"")), 1,
                "does not exist; there are: lo, eth0");

  ExpectRefused(Koid(koi_toml, Without("-bpf")), 6, "this process lacks CAP_BPF, which koi needs");
  ExpectRefused(Koid(koi_toml, Without("-net_raw,-perfmon")), 6, "lacks CAP_PERFMON, CAP_NET_RAW,");
  ExpectRefused(Koid(koi_toml, Without("-setuid,-kill")), 6, "lacks CAP_SETUID, CAP_KILL,");
  ExpectRefused(Koid(koi_toml, {"setpriv", "--reuid=65534", "--clear-groups"}), 6,
                "must be started as root");

  // Files that the configuration is, or names.
  ExpectRefused(Koid(In("none")), 3, absl::StrCat("cannot open ", In("none")));
  EXPECT_TRUE(MakeDirectories(In("empty")).ok());
  ExpectRefused(Koid(In("empty")), 3, absl::StrCat("neither ", In("empty"), "/koi.toml nor"));
  EXPECT_TRUE(MakeDirectories(In("odd/koi.toml")).ok());
  ExpectRefused(Koid(In("odd")), 3, "/odd/koi.toml is a folder, not a file");
  ASSERT_EQ(::mkfifo(In("fifo").c_str(), 0600), 0);
  ExpectRefused(Koid(In("fifo")), 3, "/fifo is not a file");
  ASSERT_TRUE(WriteFile(In("closed.toml"), "version = 1\n", 0).ok());
  lab.MustRun({"chown", "65534", In("closed.toml")});
  ExpectRefused(Koid(In("closed.toml"), Without("-dac_override,-dac_read_search")), 3,
                "closed.toml: Permission denied");
  ExpectRefused(Koid(ConfigWith("version = 1", "version = 2")), 3,
                "bad.toml:1:11: version 2 is not the number 1");
  ASSERT_TRUE(WriteFile(In("long.key"), "12345678901234567890\n", 0600).ok());
  ExpectRefused(Koid(ConfigWith("/carp.key", "/long.key")), 3,
                "password_file holds a password of 20 bytes; CARP takes 1 to 19");
  lab.MustRun({"openssl", "genpkey", "-algorithm", "ed25519", "-out", In("other.key")});
  ExpectRefused(Koid(ConfigWith(certificate.key, In("other.key"))), 3,
                "the private key is not that of the chain's first certificate");
  ExpectRefused(Koid(ConfigWith(certificate.key, In("none.key"))), 3,
                absl::StrCat("cannot open ", In("none.key")));

  // Places that cannot be used.
  Mount("full", "nr_inodes=1");
  Mount("fixed", "ro");
  mounts_before = Mounts();
  ExpectRefused(Koid(ConfigWith(In("run"), In("full/run"))), 1, "No space left on device");
  ExpectRefused(Koid(ConfigWith(In("run"), In("fixed/run"))), 6, "Read-only file system");
  ExpectRefused(Koid(ConfigWith(In("run"), koi_toml)), 1, "koi.toml/koi.sock: Not a directory");
  ExpectRefused(Koid(ConfigWith(In("bpf/koi"), In("odd"))), 1, "is no bpffs and not empty");
  ExpectRefused(Koid(ConfigWith(In("bpf/koi"), In("plain")), Without("-sys_admin")), 6,
                absl::StrCat("cannot mount a bpffs on ", In("plain")));
  EXPECT_FALSE(lab.Run({"ls", In("plain")}).ok());
  // Where koi makes its certificate itself, it must be able to keep it.
  const std::string named = absl::StrCat("certificates = [{ chain = \"", certificate.chain,
                                         "\", key = \"", certificate.key, "\" }]");
  blue.SetConfig(absl::StrReplaceAll(blue.Config(), {{named, "self_signed = true"}}));
  ExpectRefused(Koid(ConfigWith(In("state"), In("full/state"))), 3, "No space left on device");
  ExpectRefused(Koid(ConfigWith(In("state"), In("fixed/state"))), 3, "Read-only file system");
}

TEST_F(BadEnvironmentTest, TakenStatsPortIsAConflict) {
  Process other = blue.host().Start({"python3", "-m", "http.server", "--bind", "127.0.0.1", "8404"},
                                    "other.log");
  ASSERT_TRUE(Eventually(20s, [&] {
    return blue.host().Run({"curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8404/"}).ok();
  }));
  const ProgramResult result = Koid(In("koi.toml"));
  EXPECT_EQ(result.exit_code, 7) << result.Describe();
  EXPECT_THAT(result.err, HasSubstr("stats endpoint: cannot listen on 127.0.0.1:8404: another"));
  EXPECT_EQ(lab.Run({"ls", In("bpf")}).out, "maps.debug\nprogs.debug\n");
}

// What is lost with state.toml is less than a node that does not serve.
TEST_F(BadEnvironmentTest, WhatCannotBeKeptIsRefusedAndEverythingElseGoesOn) {
  Host& client = lab.Add("client");
  Mount("state", "size=64k");
  const std::string state_toml = In("state/state.toml");
  ASSERT_TRUE(
      WriteFile(state_toml, "version = 1\nrevision = 1\nchanges = 0\ncolour = 1\n", 0600).ok());
  lab.MustRun({"mount", "-o", "remount,ro", In("state")});
  blue.Start();
  const auto served = [&] {
    return client.In([] { return HttpClient({}).Get(absl::StrCat("http://", kVip4, "/")); }).status;
  };
  EXPECT_TRUE(Eventually(20s, [&] { return served() == 301; }));
  const std::string lost =
      absl::StrCat("the changes made by the command line were lost: ", state_toml,
                   ":4:1: unknown key \"colour\"");
  const std::string aside = absl::StrCat(state_toml, ".broken-1");
  const std::vector<std::string> said = absl::StrSplit(blue.LogTail(1 << 20), lost);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], HasSubstr(absl::StrCat("cannot rename ", state_toml, " to ", aside,
                                              ": Read-only file system\n")));
  EXPECT_THAT(blue.Koi({"status"}).out, HasSubstr(absl::StrCat("warning: ", lost)));
  ExpectNotKept("Read-only file system");

  // What is broken is set aside before anything is written in its place.
  lab.MustRun({"mount", "-o", "remount,rw", In("state")});
  Fill();
  ExpectNotKept("No space left on device");
  EXPECT_EQ(lab.Run({"ls", In("state")}).out, "fill\nstate.toml.broken-1\n");
  EXPECT_EQ(served(), 301);
  lab.MustRun({"rm", In("state/fill")});
  const ProgramResult added = Add();
  EXPECT_TRUE(added.ok()) << added.Describe();
  EXPECT_EQ(Backends(), 1U);

  // A start needs no room.
  Fill();
  EXPECT_EQ(blue.Stop(), 0);
  blue.Start();
  EXPECT_TRUE(Eventually(20s, [&] { return Backends() == 1; }));
  const ProgramResult drained = blue.Koi({"backend", "drain", "web", "web-1"});
  EXPECT_EQ(drained.exit_code, 6) << drained.Describe();
  EXPECT_EQ(blue.Stop(), 0);
}

// A node that serves with it is better than one that does not serve at all.
TEST_F(BadEnvironmentTest, ExpiredCertificateIsAWarning) {
  lab.MustRun({"faketime", "2020-01-01 00:00:00", "openssl", "req", "-x509", "-newkey", "ec",
               "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
               "/CN=old", "-keyout", certificate.key, "-out", certificate.chain});
  blue.Start();
  EXPECT_TRUE(Eventually(20s, [&] { return blue.role() != ""; }));
  EXPECT_THAT(blue.LogTail(1 << 20), HasSubstr("warning koi-manager: service \"web\": "));
  EXPECT_THAT(blue.LogTail(1 << 20), HasSubstr("expired"));
  // As a terminal's Ctrl-C or systemd: to all of koi's processes at once.
  Argv all = {"kill", "-TERM"};
  for (const absl::string_view pid :
       absl::StrSplit(lab.Run({"ip", "netns", "pids", blue.host().namespace_name()}).out, '\n',
                      absl::SkipEmpty())) {
    all.emplace_back(pid);
  }
  lab.MustRun(all);
  EXPECT_EQ(blue.koid().Wait(15s), 0);
  EXPECT_EQ(lab.Run({"ls", In("bpf")}).out, "maps.debug\nprogs.debug\n");
  EXPECT_FALSE(lab.Run({"ls", In("run/koi.sock")}).ok());
}

}  // namespace
}  // namespace koi::lab
