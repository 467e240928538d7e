// SPDX-License-Identifier: Apache-2.0
// Who the client is, told from proxy to proxy; TLS that is passed on by name; bytes that never come
// into a worker. With haproxy in front of koi, and nginx, haproxy and OpenSSL behind it.
//
//   client ──┬── web-3: haproxy ──┐ PROXY v2
//            └────────────────────┴── blue ──┬── web-1: nginx :9001 (PROXY v1), s_server :9443
//                                            └── web-2: haproxy :9002 (PROXY v2), s_server :9443,
//                                            sink :9003
#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kServices[] = R"(
[[service]]
name = "told"
mode = "http"
listen = ["VIP:8081"]
accept_proxy = ["FRONT"]
pool = "told"

[[service]]
name = "told-tls"
mode = "http"
listen = ["VIP:8082"]
tls = "terminate"
certificates = [{ chain = "CHAIN", key = "KEY" }]
pool = "told-more"

[[service]]
name = "passed"
mode = "tcp"
tls = "passthrough"
listen = ["VIP:8444"]

[[service.route]]
sni = ["a.example"]
pool = "a"

[[service.route]]
sni = ["*.b.example"]
pool = "b"

[[service]]
name = "sink"
mode = "tcp"
listen = ["VIP:8083"]
pool = "sink"

[[service]]
name = "trusting"
mode = "http"
listen = ["VIP:8084"]
pool = "trusting"

[[pool]]
name = "trusting"
tls = { ca = "TRUST.pem", name = "a.example", certificate = "TRUST.own.pem", key = "TRUST.own.key" }
backend = [{ name = "a", address = "WEB1:9443" }]

[[pool]]
name = "told"
send_proxy = "v1"
backend = [{ name = "nginx", address = "WEB1:9001" }]

[[pool]]
name = "told-more"
send_proxy = "v2"
backend = [{ name = "haproxy", address = "WEB2:9002" }]

[[pool]]
name = "a"
backend = [{ name = "a", address = "WEB1:9443" }]

[[pool]]
name = "b"
backend = [{ name = "b", address = "WEB2:9443" }]

[[pool]]
name = "sink"
backend = [{ name = "sink", address = "WEB2:9003" }]
)";

constexpr char kNginx[] = R"(daemon off;
master_process off;
pid DIR/told.pid;
error_log DIR/told.error.log;
events {}
http {
  access_log off;
  client_body_temp_path DIR/told-body;
  proxy_temp_path DIR/told-proxy;
  fastcgi_temp_path DIR/told-fastcgi;
  uwsgi_temp_path DIR/told-uwsgi;
  scgi_temp_path DIR/told-scgi;
  server {
    listen 9001 proxy_protocol;
    location / {
      return 200 "$proxy_protocol_addr $proxy_protocol_server_addr:$proxy_protocol_server_port $http_x_forwarded_for\n";
    }
  }
}
)";

constexpr char kHaproxyBehind[] = R"(defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend told
  bind :9002 accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst]:%[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]\n"
)";

constexpr char kHaproxyInFront[] = R"(defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind :8081
  server koi VIP:8081 send-proxy-v2
)";

// Takes all that comes until its end, then gives it back.
constexpr char kSink[] = R"(import socket
server = socket.create_server(('', 9003))
while True:
    peer, _ = server.accept()
    got = bytearray()
    while True:
        more = peer.recv(1 << 20)
        if not more:
            break
        got += more
    try:
        peer.sendall(got)
    except OSError:
        pass
    peer.close()
)";

// Sends 100 MB, ends its side, and says whether the same came back.
constexpr char kSource[] = R"(import hashlib, os, socket, threading
block = os.urandom(1 << 20)
peer = socket.create_connection(('VIP', 8083))
sent, got = hashlib.sha256(), hashlib.sha256()
for i in range(100):
    piece = bytes([i]) + block[1:]
    sent.update(piece)
    peer.sendall(piece)
peer.shutdown(socket.SHUT_WR)
size = 0
while True:
    more = peer.recv(1 << 20)
    if not more:
        break
    got.update(more)
    size += len(more)
print('same' if sent.digest() == got.digest() else 'differs', size)
)";

class ProxyLabTest : public KoiTest {
 protected:
  void SetUp() override {
    web_1 = &lab.web_1.host();
    web_2 = &lab.web_2.host();
    front = &lab.web_3.host();
    StartTlsServer(*web_1, "a.example");
    StartTlsServer(*web_2, "x.b.example");
    Trust(*web_1);
    MakePair(absl::StrCat(lab.lab.directory(), "/trust.own"), "koi itself");
    nginx_ = web_1->Start({"nginx", "-c", Put(*web_1, "told.conf", kNginx)}, "told.log");
    behind_ = web_2->Start({"haproxy", "-f", Put(*web_2, "told.cfg", kHaproxyBehind)}, "told.log");
    front_ =
        front->Start({"haproxy", "-f", Put(*front, "front.cfg", kHaproxyInFront)}, "front.log");
    sink_ = web_2->Start({"python3", "-c", kSink}, "sink.log");
    lab.blue.SetConfig(lab.blue.Config() + Filled(kServices, lab.blue.host()));
    ASSERT_TRUE(lab.StartBlue()) << "health checks do not confuse who expects a header";
  }

  std::string Filled(const std::string& text, Host& host) const {
    return absl::StrReplaceAll(text, {{"VIP", kVip4},
                                      {"FRONT", front->ip4()},
                                      {"WEB1", web_1->ip4()},
                                      {"WEB2", web_2->ip4()},
                                      {"CHAIN", lab.certificate.chain},
                                      {"KEY", lab.certificate.key},
                                      {"TRUST", absl::StrCat(lab.lab.directory(), "/trust")},
                                      {"DIR", host.directory()}});
  }
  std::string Put(Host& host, const std::string& name, const std::string& text) const {
    const std::string path = absl::StrCat(host.directory(), "/", name);
    EXPECT_TRUE(WriteFile(path, Filled(text, host)).ok());
    return path;
  }
  void StartTlsServer(Host& host, const std::string& name) {
    const std::string file = absl::StrCat(host.directory(), "/tls");
    MakePair(file, name);
    servers_.push_back(host.Start({"openssl", "s_server", "-www", "-accept", "9443", "-verify", "1",
                                   "-cert", file + ".pem", "-key", file + ".key"},
                                  "s_server.log"));
  }
  void MakePair(const std::string& file, const std::string& name) {
    lab.lab.MustRun({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-days", "2",
                     "-keyout", file + ".key", "-out", file + ".pem"});
  }
  // From now on koi trusts, where it is told to trust somebody, what `host` shows.
  void Trust(const Host& host) {
    lab.lab.MustRun(
        {"cp", host.directory() + "/tls.pem", absl::StrCat(lab.lab.directory(), "/trust.pem")});
  }
  std::string Curl(const Argv& arguments) const {
    Argv argv = {"curl", "-s", "-m", "10"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return lab.client.Run(argv).out;
  }
  // The subject of the certificate that a client gets.
  std::string Shown(const std::string& options) const {
    return lab.client
        .Run(
            {"sh", "-c",
             absl::StrCat("openssl s_client -connect ", kVip4, ":8444 ", options,
                          " < /dev/null 2> /dev/null | openssl x509 -noout -subject 2> /dev/null")})
        .out;
  }

  // Of a backend with TLS, and the certificate that koi shows to it.
  void ReplaceWhatIsTrusted();

  Host* web_1 = nullptr;
  Host* web_2 = nullptr;
  Host* front = nullptr;
  Process nginx_;
  Process behind_;
  Process front_;
  Process sink_;
  std::vector<Process> servers_;
};

void ProxyLabTest::ReplaceWhatIsTrusted() {
  const auto ask = [this] {
    return Curl(
        {absl::StrCat("http://", kVip4, ":8084/"), "-o", "/dev/null", "-w", "%{http_code}"});
  };
  const auto shown = [this] { return ReadFile(web_1->directory() + "/s_server.log").value_or(""); };
  EXPECT_EQ(ask(), "200");
  EXPECT_THAT(shown(), HasSubstr("CN = koi itself"));
  EXPECT_THAT(lab.blue.Koi({"cert", "list"}).out, HasSubstr("pool trusting  /CN=koi itself"));

  servers_[0].Signal(SIGKILL);
  ASSERT_TRUE(servers_[0].Wait(5s).has_value());
  StartTlsServer(*web_1, "a.example");
  EXPECT_TRUE(Eventually(5s, [&] { return ask() == "502"; })) << "another one by the same name";
  Trust(*web_1);
  MakePair(absl::StrCat(lab.lab.directory(), "/trust.own"), "koi anew");
  EXPECT_TRUE(Eventually(
      10s, [&] { return ask() == "200" && absl::StrContains(shown(), "CN = koi anew"); },
      "new_trust"));
  EXPECT_THAT(lab.blue.Koi({"cert", "list"}).out, HasSubstr("pool trusting  /CN=koi anew"));
  EXPECT_THAT(lab.blue.Koi({"diff"}).out, HasSubstr("A reload would change nothing"));
  EXPECT_EQ(lab.blue.Koi({"reload"}).out, "nothing to change\n");
}

TEST_F(ProxyLabTest, ClientIsKnownTlsIsPassedOnByNameAndTrustFollowsItsFiles) {
  const std::string client = lab.client.ip4();
  // haproxy tells koi, koi tells nginx.
  EXPECT_EQ(Curl({absl::StrCat("http://", front->ip4(), ":8081/")}),
            absl::StrCat(client, " ", front->ip4(), ":8081 ", client, "\n"));
  // Whom koi does not trust it believes nothing.
  EXPECT_EQ(Curl({absl::StrCat("http://", kVip4, ":8081/")}),
            absl::StrCat(client, " ", kVip4, ":8081 ", client, "\n"));
  EXPECT_EQ(Curl({"--haproxy-protocol", absl::StrCat("http://", kVip4, ":8081/"), "-o", "/dev/null",
                  "-w", "%{http_code}"}),
            "400");
  // koi tells haproxy, of TLS too.
  const std::string told = Curl(
      {"-k", "--resolve", absl::StrCat("told.example:8082:", kVip4), "https://told.example:8082/"});
  EXPECT_THAT(told, StartsWith(absl::StrCat(client, " ", kVip4, ":8082 told.example ")));

  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    SCOPED_TRACE(version);
    EXPECT_THAT(Shown(absl::StrCat("-servername a.example ", version)),
                EndsWith("CN = a.example\n"));
    EXPECT_THAT(Shown(absl::StrCat("-servername q.b.example ", version)),
                EndsWith("CN = x.b.example\n"));
    EXPECT_EQ(Shown(absl::StrCat("-servername c.example ", version)), "");
    EXPECT_EQ(Shown(absl::StrCat("-noservername ", version)), "");
  }
  EXPECT_THAT(
      Curl({"-k", "--resolve", absl::StrCat("a.example:8444:", kVip4), "https://a.example:8444/"}),
      HasSubstr("Cipher"));

  ReplaceWhatIsTrusted();
}

TEST_F(ProxyLabTest, HundredMegabytesComeBackAfterTheClientHasEndedItsSide) {
  const TimePoint start = koi::Now();
  const ProgramResult result =
      lab.client.Run({"python3", "-c", absl::StrReplaceAll(kSource, {{"VIP", kVip4}})}, 120s);
  PrintMeasured("spliced_both_ways_100_mb", ToMilliseconds(koi::Now() - start), "ms");
  EXPECT_EQ(result.out, "same 104857600\n") << result.Describe();
}

}  // namespace
}  // namespace koi::lab
