// SPDX-License-Identifier: Apache-2.0
// TLS as real clients see it: names, kinds of keys, versions, tickets, staples, clients'
// certificates; and ten thousand certificates.
//
//   client (openssl, gnutls-cli, curl) ──┬── blue, red (same ticket secret) ── web-1, web-2
#include <algorithm>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"
#include "support/tls/made_authority.h"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRequest[] =
    "GET / HTTP/1.1\\r\\nHost: koi.example\\r\\nConnection: close\\r\\n\\r\\n";
constexpr int kMany = 10'000;

class TlsClientsTest : public KoiTest {
 protected:
  void SetUp() override {
    lab.lab.MustRun({"mkdir", Path("certs")});
    Write("authority.pem", authority_.pem());
    Write("tickets", "0123456789abcdef0123456789abcdef\n");
    Put("certs/koi", authority_.Issue({.names = {"koi.example"}}));
    Put("certs/koi-rsa", authority_.Issue({.names = {"koi.example"}, .rsa = true}));
    const MadeCertificate star = authority_.Issue({.names = {"*.koi.example"}});
    Put("certs/star", star);
    Write("certs/star.ocsp", authority_.OcspResponse(star.chain_pem, 3600));
    Put("certs/late", authority_.Issue({.names = {"www.koi.example"}, .until_seconds = -30}));
    Put("anna", authority_.Issue({.names = {"anna"}}));
    Put("stranger", stranger_.Issue({.names = {"stranger"}}));
    for (Balancer* balancer : {&lab.blue, &lab.red}) Configure(*balancer);
    ASSERT_TRUE(lab.StartBoth());
  }
  // The web service takes names; the one for bytes is strict and wants a certificate.
  void Configure(Balancer& balancer) {
    const std::string ca = absl::StrCat("client_ca = \"", Path("authority.pem"), "\"");
    balancer.EditConfig("version = 1\n", absl::StrCat("version = 1\ntickets = { secret_file = \"",
                                                      Path("tickets"), "\" }\n"));
    balancer.EditConfig("certificates = [{",
                        absl::StrCat("certificates_folder = \"", Path("certs"),
                                     "\"\ntls_options = { client_certificates = \"optional\", ", ca,
                                     " }\ncertificates = [{"));
    balancer.EditConfig(
        ":8443\"]\ntls = \"terminate\"\ncertificates = [{",
        absl::StrCat(":8443\"]\ntls = \"terminate\"\ncertificates_folder = \"", Path("certs"),
                     "\"\ntls_options = { strict_sni = true, client_certificates = "
                     "\"required\", ",
                     ca, " }\ncertificates = [{"));
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(lab.lab.directory(), "/", name);
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }
  void Put(const std::string& name, const MadeCertificate& made) const {
    Write(name + ".pem", made.chain_pem + made.key_pem);
  }
  // One request of the openssl program, with what it says of the handshake.
  std::string OpenSsl(const std::string& options, int port = 443) const {
    const ProgramResult result = lab.client.Run(
        {"sh", "-c",
         absl::StrCat("printf '", kRequest, "' | openssl s_client -ign_eof -connect ", kVip4, ":",
                      port, " ", options, " 2>&1")});
    return result.out;
  }
  std::string Curl(const std::string& options) const {
    return lab.client.Run({"sh", "-c", absl::StrCat("curl -sSk --max-time 10 ", options, " 2>&1")})
        .out;
  }

  Process StartReload() const {
    const Host& host = lab.blue.host();
    return host.Start(
        {KoiProgram("koi"), "--socket", absl::StrCat(host.directory(), "/run/koi.sock"), "reload"},
        "reload.log");
  }

  const MadeAuthority authority_{"koi test authority"};
  const MadeAuthority stranger_{"another authority"};
};

TEST_F(TlsClientsTest, GetWhatTheyAskForOnBothHosts) {
  // Names.
  EXPECT_THAT(OpenSsl("-servername koi.example"),
              AllOf(HasSubstr("subject=CN = koi.example"), HasSubstr("HTTP/1.1 200")));
  EXPECT_THAT(OpenSsl("-servername www.koi.example -status"),
              AllOf(HasSubstr("subject=CN = *.koi.example"), HasSubstr("Cert Status: good")))
      << "the one for the name itself has expired";
  EXPECT_THAT(
      OpenSsl("-noservername -status"),
      AllOf(HasSubstr("subject=CN = koi lab"), HasSubstr("OCSP response: no response sent")));
  EXPECT_THAT(OpenSsl("-servername stranger.example -cert " + Path("anna.pem"), 8443),
              HasSubstr("unrecognized name"));
  // Kinds of keys, versions.
  EXPECT_THAT(OpenSsl("-servername koi.example -tls1_2"),
              AllOf(HasSubstr("ECDSA"), HasSubstr("Protocol  : TLSv1.2")));
  EXPECT_THAT(OpenSsl("-servername koi.example -tls1_3 -sigalgs RSA-PSS+SHA256"),
              AllOf(HasSubstr("Peer signature type: RSA-PSS"), HasSubstr("New, TLSv1.3")));
  EXPECT_THAT(OpenSsl("-tls1_1 -cipher DEFAULT@SECLEVEL=0"), HasSubstr("protocol version"));
  const ProgramResult gnutls =
      lab.client.Run({"sh", "-c",
                      absl::StrCat("gnutls-cli --insecure --sni-hostname=www.koi.example ", kVip4,
                                   " < /dev/null")});
  EXPECT_THAT(gnutls.out,
              AllOf(HasSubstr("CN=*.koi.example"), HasSubstr("Handshake was completed")));
  // Clients' certificates.
  const std::string bytes = absl::StrCat("--connect-to ::", kVip4, ": https://koi.example:8443/ ");
  EXPECT_THAT(Curl(bytes + "--cert " + Path("anna.pem")), HasSubstr("web-"));
  EXPECT_THAT(Curl(bytes), AllOf(HasSubstr("alert"), Not(HasSubstr("web-"))));
  EXPECT_THAT(Curl(bytes + "--cert " + Path("stranger.pem")), HasSubstr("alert unknown ca"));
  // Tickets, at whichever worker, then at the other host.
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string session = Path(absl::StrCat("session", version));
    const std::string asks = absl::StrCat("-servername koi.example ", version);
    EXPECT_THAT(OpenSsl(absl::StrCat(asks, " -sess_out ", session)), HasSubstr("New, TLSv1"));
    for (int i = 0; i < 4; ++i) {
      EXPECT_THAT(OpenSsl(absl::StrCat(asks, " -sess_in ", session)), HasSubstr("Reused, TLSv1"));
    }
  }
  EXPECT_TRUE(lab.blue.Koi({"worker", "replace", "0"}).ok());
  EXPECT_THAT(OpenSsl("-servername koi.example -tls1_3 -sess_in " + Path("session-tls1_3")),
              HasSubstr("Reused, TLSv1"));
  lab.blue.Kill();
  ASSERT_TRUE(Eventually(5 * kDeadTime, [&] {
    return lab.red.role() == "master" && lab.Get(KoiLab::Url4("https", "/")).ok();
  }));
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    EXPECT_THAT(OpenSsl(absl::StrCat("-servername koi.example ", version, " -sess_in ",
                                     Path(absl::StrCat("session", version)))),
                HasSubstr("Reused, TLSv1"));
  }
}

TEST_F(TlsClientsTest, TenThousandCertificatesComeWhileClientsAreServed) {
  for (int i = 0; i < kMany; ++i) {
    const std::string name = absl::StrCat("n", i, ".many.example");
    Put("certs/" + name, authority_.Issue({.names = {name}}));
  }
  OutageProber prober(lab.client, KoiLab::Url4("https", "/"), lab.certificate.chain);
  const int manager = lab.blue.ChildPid("koi-manager");
  const TimePoint asked = Now();
  Process reload = StartReload();
  Duration longest_answer = {};
  while (reload.running()) {
    const TimePoint status_asked = Now();
    EXPECT_TRUE(lab.blue.Koi({"status"}).ok());
    longest_answer = std::max(longest_answer, Now() - status_asked);
  }
  PrintMeasured("reload_10000_certificates", ToMilliseconds(Now() - asked), "ms");
  PrintMeasured("longest_answer_while_10000_certificates_come", ToMilliseconds(longest_answer),
                "ms");
  ASSERT_EQ(reload.Wait(Duration::zero()), 0);
  EXPECT_LT(longest_answer, std::chrono::seconds(5));
  EXPECT_THAT(OpenSsl("-servername n9999.many.example"),
              HasSubstr("subject=CN = n9999.many.example"));
  PrintMeasured("longest_gap_while_10000_certificates_come", prober.Stop().longest_gap_ms, "ms");
  const TimePoint again = Now();
  EXPECT_TRUE(lab.blue.Koi({"reload"}).ok());
  PrintMeasured("reload_10000_unchanged_certificates", ToMilliseconds(Now() - again), "ms");
  EXPECT_THAT(lab.blue.Koi({"cert", "list"}).out, HasSubstr("n0.many.example"));
  EXPECT_EQ(lab.blue.ChildPid("koi-manager"), manager);
  for (const Balancer* balancer : {&lab.blue, &lab.red}) {
    EXPECT_THAT(balancer->LogTail(1 << 20), Not(HasSubstr("does not answer: killing")));
  }
}

}  // namespace
}  // namespace koi::lab
