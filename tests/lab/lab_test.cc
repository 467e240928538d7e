// SPDX-License-Identifier: Apache-2.0
// The lab itself: what the other lab tests stand on.
//
//   client ──┬── web
//            └── other
#include "support/lab/lab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "support/lab/certificate.h"
#include "support/lab/eventually.h"
#include "support/lab/load.h"
#include "support/lab/web_backend.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::HasSubstr;
using ::testing::Not;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string DirectoryOf(pid_t pid) { return absl::StrCat("/run/koi-lab-", pid); }
std::string NamespaceOf(pid_t pid, const std::string& host) {
  return absl::StrCat("/run/netns/koi-", pid, "-", host);
}

// One that has ended and waits for its parent has no command line any more.
bool Runs(pid_t pid) {
  return !ReadFile(absl::StrCat("/proc/", pid, "/cmdline")).value_or("").empty();
}

// Another program that builds a lab, with a backend, and then waits to be killed.
class OtherProgram {
 public:
  OtherProgram() : pid_(fork()) {
    if (pid_ != 0) return;
    Lab lab;
    const WebBackend web(lab, "web");
    lab.Run({"touch", absl::StrCat(lab.directory(), "/standing")});
    pause();
    _exit(0);
  }
  ~OtherProgram() { Kill(); }
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;

  pid_t pid() const { return pid_; }
  bool Stands() const {
    return Eventually(20s, [this] { return Exists(absl::StrCat(DirectoryOf(pid_), "/standing")); });
  }
  void Kill() {
    if (killed_) return;
    killed_ = true;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
  bool killed_ = false;
};

TEST(LabTest, HostsReachEachOtherOverBothFamilies) {
  Lab lab;
  const Host& client = lab.Add("client");
  const WebBackend web(lab, "web");

  const auto get = [&](const std::string& url) {
    return client.In([&] { return HttpClient({}).Get(url); });
  };

  EXPECT_EQ(get(absl::StrCat("http://", web.endpoint4(), "/")).body, "web\n");
  EXPECT_EQ(get(absl::StrCat("http://", web.endpoint6(), "/")).body, "web\n");
  EXPECT_EQ(get(absl::StrCat("http://", web.endpoint4(), "/mib")).body.size(), 1U << 20);
}

TEST(LabTest, NothingIsLeftWhenItEnds) {
  std::string directory;
  {
    Lab lab;
    const WebBackend web(lab, "web");
    directory = lab.directory();
    EXPECT_TRUE(Exists(NamespaceOf(getpid(), "web")));
    lab.MustRun({"mkdir", absl::StrCat(directory, "/web/bpf")});
    lab.MustRun({"mount", "-t", "bpf", "bpf", absl::StrCat(directory, "/web/bpf")});
  }
  EXPECT_FALSE(Exists(directory));
  EXPECT_FALSE(Exists(NamespaceOf(getpid(), "web")));
  EXPECT_FALSE(Exists(NamespaceOf(getpid(), "switch")));
  EXPECT_THAT(ReadFile("/proc/mounts").value_or("?"), Not(HasSubstr(directory)));
}

TEST(LabTest, NothingIsLeftWhenItsProgramIsKilled) {
  OtherProgram other;
  ASSERT_TRUE(other.Stands());
  const std::string nginx_pid_file = absl::StrCat(DirectoryOf(other.pid()), "/web/nginx.pid");
  const int nginx_pid = std::stoi(ReadFile(nginx_pid_file).value_or("0"));
  ASSERT_GT(nginx_pid, 0);

  other.Kill();

  EXPECT_TRUE(Eventually(10s, [&] {
    return !Exists(DirectoryOf(other.pid())) && !Exists(NamespaceOf(other.pid(), "web")) &&
           !Exists(NamespaceOf(other.pid(), "switch")) && !Runs(nginx_pid);
  }));
}

TEST(LabTest, KeptOneStandsUntilItsScriptIsRun) {
  const pid_t pid = fork();
  if (pid == 0) {
    {
      Lab lab(AtEnd::kKeep);
      const WebBackend web(lab, "web");
    }
    _exit(0);
  }
  int wait_status = -1;
  waitpid(pid, &wait_status, 0);
  ASSERT_EQ(wait_status, 0);
  EXPECT_TRUE(Exists(NamespaceOf(pid, "web")));

  const ProgramResult down = RunProgram({"sh", absl::StrCat(DirectoryOf(pid), "/down")});

  EXPECT_TRUE(down.ok()) << down.Describe();
  EXPECT_FALSE(Exists(DirectoryOf(pid)));
  EXPECT_FALSE(Exists(NamespaceOf(pid, "web")));
}

TEST(LabTest, TwoStandAtOnce) {
  OtherProgram other;
  Lab lab;
  const Host& client = lab.Add("client");
  const WebBackend web(lab, "web");
  ASSERT_TRUE(other.Stands());

  other.Kill();
  ASSERT_TRUE(Eventually(10s, [&] { return !Exists(DirectoryOf(other.pid())); }));

  const std::string url = absl::StrCat("http://", web.endpoint4(), "/");
  EXPECT_TRUE(client.In([&] { return HttpClient({}).Get(url); }).ok());
}

TEST(LabTest, UnpluggedHostIsNotReachedUntilPluggedAgain) {
  Lab lab;
  const Host& client = lab.Add("client");
  WebBackend web(lab, "web");
  const std::string url = absl::StrCat("http://", web.endpoint4(), "/");
  const auto answers = [&] {
    return client.In([&] { return HttpClient({.timeout = 500ms}).Get(url); }).ok();
  };
  ASSERT_TRUE(Eventually(5s, answers));

  lab.Unplug(web.host());
  EXPECT_FALSE(answers());

  lab.Plug(web.host());
  EXPECT_TRUE(Eventually(10s, answers));
}

TEST(LabTest, EveryCommandIsLoggedAsItCouldBeTyped) {
  Lab lab;
  const Host& client = lab.Add("client");
  client.Run({"echo", "two words"});
  const std::string log = ReadFile(absl::StrCat(lab.directory(), "/log")).value_or("");
  EXPECT_THAT(log, HasSubstr(absl::StrCat("ip netns add koi-", getpid(), "-client\n")));
  EXPECT_THAT(log, HasSubstr(absl::StrCat("nsenter --net=/run/netns/koi-", getpid(),
                                          "-client -- echo 'two words'\n")));
}

TEST(LabTest, CertificateNamesTheAddresses) {
  Lab lab;
  const Certificate certificate = MakeCertificate(lab, {"10.9.0.100", "fd00:9::100"});
  const ProgramResult text =
      lab.Run({"openssl", "x509", "-in", certificate.chain, "-noout", "-ext", "subjectAltName"});
  EXPECT_THAT(text.out, HasSubstr("IP Address:10.9.0.100"));
  EXPECT_THAT(text.out, HasSubstr("FD00:9:0:0:0:0:0:100"));
}

TEST(LabTest, LoadCountsAnswersAndTheirServers) {
  Lab lab;
  const Host& client = lab.Add("client");
  const WebBackend web(lab, "web");
  const std::string url = absl::StrCat("http://", web.endpoint4(), "/");

  const LoadReport burst = Burst(client, {url}, "", 100);
  EXPECT_EQ(burst.ok, 100U) << burst.Describe();
  EXPECT_EQ(burst.served_by.at("web"), 100U);

  Load load(client, {url}, "");
  EXPECT_TRUE(Eventually(10s, [&] { return load.SoFar().ok > 50; }));
  EXPECT_EQ(load.Stop().failed, 0U);
}

TEST(LabTest, ProberTimesAnOutageAndLoadSaysWhyItFailed) {
  Lab lab;
  const Host& client = lab.Add("client");
  WebBackend web(lab, "web");
  const std::string url = absl::StrCat("http://", web.endpoint4(), "/");
  OutageProber prober(client, url, "");
  Load load(client, {url}, "");

  const TimePoint start = Now();
  web.Kill();
  const auto failed = [&] { return load.SoFar().failed > 0; };
  EXPECT_TRUE(Eventually(10s, failed));
  EXPECT_TRUE(Eventually(5s, [&] { return Now() - start > 500ms; }));
  web.Start();
  EXPECT_TRUE(Eventually(10s, [&] { return prober.last_answer() > start + 500ms; }));

  const OutageReport outage = prober.Stop();
  EXPECT_GE(outage.longest_gap_ms, 490);
  EXPECT_LT(outage.longest_gap_ms, 10000);
  EXPECT_THAT(load.Stop().Describe(), HasSubstr("Failed to connect"));
}

TEST(ProgramTest, ResultTellsExitOutputAndTimeout) {
  const ProgramResult ended = RunProgram({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err, "err\n");

  const ProgramResult late = RunProgram({"tail", "-f", "/dev/null"}, 100ms);
  EXPECT_TRUE(late.timed_out);
  EXPECT_FALSE(late.ok());

  EXPECT_EQ(RunProgram({"/no/such/program"}).exit_code, 127);
}

}  // namespace
}  // namespace koi::lab
