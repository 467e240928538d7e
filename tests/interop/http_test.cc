// SPDX-License-Identifier: Apache-2.0
// mode = "http" between real clients (curl, Python's websockets) and real servers (nginx, haproxy,
// lighttpd, websockets).
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "interop/http_servers.h"
#include "support/http/smuggling.h"
#include "support/tls/bundled.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// A client in Python: messages of several sizes, each of which must come back; then an orderly end.
constexpr char kWebSocketClient[] = R"(import asyncio, ssl, sys, websockets
async def main():
    trust = None
    if sys.argv[1].startswith("wss"):
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    async with websockets.connect(sys.argv[1], max_size=None, ssl=trust, compression=None) as socket:
        for message in ["", "hello", "x" * 70000, bytes(range(256)) * 8192]:
            await socket.send(message)
            assert await socket.recv() == message
    assert socket.close_code == 1000
    print("echoed")
asyncio.run(main())
)";

class HttpInteropTest : public ::testing::Test {
 protected:
  // A plain and a TLS service of a pool of its own with `server` as its backend.
  void Serve(const std::vector<const HttpServer*>& servers) {
    std::vector<WorkerService> services;
    for (size_t i = 0; i < servers.size(); ++i) {
      const int number = static_cast<int>(i);
      WorkerService plain = ServiceOn(absl::StrCat("plain-", i), {Plain(number)});
      plain.pool = static_cast<uint32_t>(i);
      WorkerService secure = plain;
      secure.name = absl::StrCat("secure-", i);
      secure.listen = {Secure(number)};
      secure.tls = TlsMode::kTerminate;
      secure.certificates = Bundled({certificate_});
      services.push_back(plain);
      services.push_back(secure);
      worker_.AddBackend(plain.pool, servers[i]->name(), servers[i]->endpoint());
    }
    ASSERT_TRUE(std::holds_alternative<WorkerReady>(worker_.Start(services)));
  }
  Endpoint Plain(int number) const { return worker_.At(10 + number); }
  Endpoint Secure(int number) const { return worker_.At(20 + number); }

  static std::string Run(const lab::Argv& argv) {
    const lab::ProgramResult result = lab::RunProgram(argv);
    EXPECT_TRUE(result.ok()) << lab::ShellText(argv) << "\n" << result.Describe();
    return result.out;
  }

  MadeCertificate certificate_ = MakeCertificate("koi.example");
  WorkerProcess worker_;
};

TEST_F(HttpInteropTest, NoServerSeesARequestThatKoiHasNotSeen) {
  HttpServer servers[] = {HttpServer::Nginx(), HttpServer::Haproxy(), HttpServer::Lighttpd()};
  Serve({&servers[0], &servers[1], &servers[2]});
  for (int i = 0; i < 3; ++i) {
    SCOPED_TRACE(servers[i].name());
    size_t taken = 0;
    for (const SmugglingInput& input : SmugglingInputs()) {
      SCOPED_TRACE(absl::CHexEscape(input.name));
      auto client = ConnectTo(Plain(i));
      client->Send(input.bytes);
      const std::string head = client->ReadMessage().head;
      if (input.status == 0) {
        ++taken;
        EXPECT_TRUE(absl::StartsWith(head, "HTTP/1.1 ")) << head;
      } else {
        EXPECT_TRUE(absl::StartsWith(head, absl::StrCat("HTTP/1.1 ", input.status, " "))) << head;
      }
    }
    const std::vector<std::string> seen = servers[i].LoggedRequests();
    EXPECT_THAT(seen, Not(Contains(HasSubstr(kHiddenPath))));
    EXPECT_EQ(seen.size(), taken) << absl::StrJoin(seen, "\n");
  }
}

TEST_F(HttpInteropTest, CurlGetsWhatItAsksFor) {
  HttpServer nginx = HttpServer::Nginx();
  Serve({&nginx});
  const std::string plain = absl::StrCat("http://", Plain(0).ToString());
  const std::string secure = absl::StrCat("https://", Secure(0).ToString());
  const lab::Argv curl = {"curl", "-sSk", "--max-time", "20"};
  const auto get = [&](lab::Argv arguments) {
    arguments.insert(arguments.begin(), curl.begin(), curl.end());
    return Run(arguments);
  };
  EXPECT_EQ(get({plain + "/", plain + "/", secure + "/"}), "nginx\nnginx\nnginx\n");
  EXPECT_EQ(get({"-0", plain + "/"}), "nginx\n");
  EXPECT_THAT(get({"-I", secure + "/"}), HasSubstr("Content-Length: 6\r\n"));
  EXPECT_EQ(get({"-X", "OPTIONS", plain + "/"}), "nginx\n");

  const std::string file = absl::StrCat("/tmp/koi-http-body-", ::getpid());
  std::string body(8 << 20, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(file, std::ios::binary) << body;
  for (const std::string& url : {plain + "/echo", secure + "/echo"}) {
    SCOPED_TRACE(url);
    EXPECT_TRUE(get({"--data-binary", "@" + file, url}) == body);  // with Expect: 100-continue
    EXPECT_TRUE(get({"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file, url}) ==
                body);
    EXPECT_TRUE(get({"-H", "Expect:", "-T", file, url}) == body);
  }
  std::filesystem::remove(file);
}

TEST_F(HttpInteropTest, WebSocketsPassWithAndWithoutTls) {
  HttpServer echo = HttpServer::WebSocketEcho();
  Serve({&echo});
  const std::string script = absl::StrCat("/tmp/koi-http-client-", ::getpid(), ".py");
  std::ofstream(script) << kWebSocketClient;
  for (const std::string& url : {absl::StrCat("ws://", Plain(0).ToString(), "/chat"),
                                 absl::StrCat("wss://", Secure(0).ToString(), "/chat")}) {
    SCOPED_TRACE(url);
    EXPECT_EQ(Run({"/usr/bin/python3", script, url}), "echoed\n");
  }
  std::filesystem::remove(script);
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
}

}  // namespace
}  // namespace koi
