// SPDX-License-Identifier: Apache-2.0
// Backends that die or misbehave, each in its own way: what clients get, what is logged and
// counted.
//
//   client ── blue ──┬── web-1, web-2: nginx
//                    └── web-3: a server without manners on port 9100
#include <signal.h>

#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr char kOddService[] = R"(
[[service]]
name = "odd"
mode = "http"
listen = ["VIP:8081"]
pool = "odd"
access_log = "LOG"

[[pool]]
name = "odd"
check = { interval = "1h" }
timeouts = { response = "700ms" }
backend = [{ name = "web-3", address = "WEB3:9100" }]
)";

// Answers by the path. A connection that was used once ends when it is used again.
constexpr char kOddServer[] = R"(import socket, threading
def serve(peer):
    asked = 0
    head = b''
    while True:
        while b'\r\n\r\n' not in head:
            more = peer.recv(65536)
            if not more:
                return peer.close()
            head += more
        asked += 1
        if b'/garbage' in head:
            peer.sendall(b'\x7fELF and no HTTP\r\n\r\n')
            return peer.close()
        if b'/silent' in head:
            peer.recv(1)
            return peer.close()
        if asked > 1:
            return peer.close()
        head = b''
        peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n')
server = socket.create_server(('', 9100), backlog=64)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
)";

class BackendFaultsTest : public KoiTest {
 protected:
  void SetUp() override {
    odd_ = lab.web_3.host().Start({"python3", "-c", kOddServer}, "odd.log");
    ASSERT_TRUE(Eventually(10s, [&] {
      return lab.client
          .Run({"curl", "-s", absl::StrCat("http://", lab.web_3.host().ip4(), ":9100")})
          .ok();
    }));
    lab.blue.EditConfig("tls = \"terminate\"\n",
                        absl::StrCat("tls = \"terminate\"\naccess_log = \"", LogPath(), "\"\n"));
    lab.blue.SetConfig(
        lab.blue.Config() +
        absl::StrReplaceAll(
            kOddService, {{"VIP", kVip4}, {"LOG", LogPath()}, {"WEB3", lab.web_3.host().ip4()}}));
    ASSERT_TRUE(lab.StartBlue());
  }

  std::string LogPath() const { return absl::StrCat(lab.blue.host().directory(), "/access.log"); }
  // The lines of the access log for `path` that have a response of `status`, once there are
  // `count`.
  std::vector<std::string> Lines(const std::string& path, int status, size_t count = 1) const {
    std::vector<std::string> lines;
    EXPECT_TRUE(Eventually(5s, [&] {
      lines.clear();
      for (absl::string_view line :
           absl::StrSplit(ReadFile(LogPath()).value_or(""), '\n', absl::SkipEmpty())) {
        if (absl::StrContains(line,
                              absl::StrCat("\"path\":\"", path, "\",\"status\":", status, ","))) {
          lines.emplace_back(line);
        }
      }
      return lines.size() >= count;
    })) << path;
    return lines;
  }
  static testing::Matcher<std::string> Says(const std::string& member, const std::string& value) {
    return HasSubstr(absl::StrCat("\"", member, "\":", value));
  }
  BackendStats Backend(size_t index) const {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    return stats.ok() ? stats->pools.front().backends[index] : BackendStats();
  }
  Process StartDownload(const std::string& path, const std::string& name,
                        const Argv& options = {}) {
    Argv argv = {"curl",     "-sS",
                 "--cacert", lab.certificate.chain,
                 "-o",       absl::StrCat(lab.client.directory(), "/", name)};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(KoiLab::Url4("https", path));
    return lab.client.Start(argv, absl::StrCat(name, ".log"));
  }
  size_t DownloadedBytes(const std::string& name) const {
    std::error_code none_yet;
    const uintmax_t bytes =
        std::filesystem::file_size(absl::StrCat(lab.client.directory(), "/", name), none_yet);
    return none_yet ? 0 : bytes;
  }
  std::string AskOdd(const Argv& paths) const {
    Argv argv = {"curl", "-s", "-m", "10", "-w", "%{http_code} "};
    for (const std::string& path : paths) {
      argv.insert(argv.end(), {"-o", "/dev/null", absl::StrCat("http://", kVip4, ":8081", path)});
    }
    return lab.client.Run(argv).out;
  }

  void KillOneInTheMiddleOfResponses();
  void AskOneWithoutManners();

  Process odd_;
};

void BackendFaultsTest::KillOneInTheMiddleOfResponses() {
  // Who has the first turn is found out; whoever comes later must meet the other, too.
  Process whole_length = StartDownload("/long", "length");
  ASSERT_TRUE(Eventually(5s, [&] { return DownloadedBytes("length") > 0; }));
  const size_t dies = Backend(0).connections > 0 ? 0 : 1;
  WebBackend& victim = dies == 0 ? lab.web_1 : lab.web_2;
  const WebBackend& other = dies == 0 ? lab.web_2 : lab.web_1;
  std::map<std::string, Process> others;
  while (Backend(1 - dies).connections == 0 && others.size() < 8) {
    const std::string name = absl::StrCat("other-", others.size());
    others[name] = StartDownload("/long", name, {"-r", "0-3999999"});
    ASSERT_TRUE(Eventually(5s, [&] { return DownloadedBytes(name) > 0; }));
  }
  Process chunked;  // the last of these is the victim's
  const uint64_t without = Backend(dies).connections;
  for (int i = 0; Backend(dies).connections == without && i < 8; ++i) {
    const std::string name = absl::StrCat("chunked-", i);
    chunked = StartDownload("/drip", name, {"-N"});
    ASSERT_TRUE(Eventually(5s, [&] { return DownloadedBytes(name) > 0; }));
  }
  const BackendStats before = Backend(dies);
  ASSERT_GE(before.connections, 2U);

  victim.Kill();

  // 18: less came than was to come; 56: the connection was reset.
  EXPECT_THAT(whole_length.Wait(10s).value_or(0), AnyOf(18, 56));
  EXPECT_LT(DownloadedBytes("length"), size_t{16} << 20);
  EXPECT_THAT(chunked.Wait(10s).value_or(0), AnyOf(18, 56));
  const LoadReport next =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 20);
  EXPECT_EQ(next.ok, 20U) << next.Describe();
  EXPECT_EQ(next.served_by.at(other.name()), 20U) << next.Describe();
  size_t unaffected = 0;
  for (auto& [name, process] : others) {
    SCOPED_TRACE(name);
    const int exit_code = process.Wait(20s).value_or(-1);
    EXPECT_THAT(exit_code, AnyOf(0, 18, 56));
    EXPECT_EQ(exit_code == 0, DownloadedBytes(name) == 4'000'000U);
    if (exit_code == 0) ++unaffected;
  }
  EXPECT_GE(unaffected, 1U);
  for (const std::string& line : {Lines("/long", 200)[0], Lines("/drip", 200)[0]}) {
    EXPECT_THAT(line, AllOf(Says("reason", "\"backend-broke-off\""),
                            Says("backend", absl::StrCat("\"", victim.name(), "\""))));
  }
  EXPECT_GE(Backend(dies).errors, before.errors + before.connections);
}

void BackendFaultsTest::AskOneWithoutManners() {
  EXPECT_EQ(AskOdd({"/garbage"}), "502 ");
  EXPECT_THAT(Lines("/garbage", 502)[0], Says("reason", "\"backend-malformed\""));
  EXPECT_EQ(AskOdd({"/silent"}), "504 ");
  EXPECT_THAT(Lines("/silent", 504)[0], Says("reason", "\"backend-timed-out\""));
  // Over one connection, so at one worker, which keeps its own to the backend.
  EXPECT_EQ(AskOdd({"/twice", "/twice"}), "200 200 ");
  EXPECT_THAT(Lines("/twice", 200, 2)[1],
              AllOf(Says("reason", "\"finished\""), Says("retries", "1")));

  odd_.Signal(SIGKILL);
  ASSERT_TRUE(odd_.Wait(5s).has_value());
  EXPECT_EQ(AskOdd({"/refused"}), "502 ");
  EXPECT_THAT(Lines("/refused", 502)[0], Says("reason", "\"backend-refused\""));
}

TEST_F(BackendFaultsTest, WhomAFaultConcernsIsToldAndNobodyElse) {
  KillOneInTheMiddleOfResponses();
  AskOneWithoutManners();
}

}  // namespace
}  // namespace koi::lab
