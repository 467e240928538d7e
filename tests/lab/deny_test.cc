// SPDX-License-Identifier: Apache-2.0
// Clients that get nothing, and what koi explain and koi doctor say meanwhile.
//
//   client, red (as another client) ── blue ── web-1, web-2
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/time.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DenyTest : public KoiTest {
 protected:
  // Whether `host` gets an answer from the IPv4 VIP within two seconds.
  static bool IsServed(const Host& host) {
    return host
        .Run({"curl", "-sko", "/dev/null", "--max-time", "2", KoiLab::Url4("https", "/")}, 10s)
        .ok();
  }
  std::string Explain() {
    return lab.blue
        .Koi({"explain", absl::StrCat(lab.client.ip4(), ":40000"), absl::StrCat(kVip4, ":443")})
        .out;
  }
  std::string In(const std::string& file) {
    return absl::StrCat(lab.blue.host().directory(), "/", file);
  }
};

TEST_F(DenyTest, DeniedClientGetsNothingFromAVipAndEverythingElse) {
  ASSERT_TRUE(lab.StartBlue());
  ASSERT_TRUE(IsServed(lab.client));
  EXPECT_THAT(Explain(), HasSubstr("worker    that of CPU "));

  const ProgramResult add = lab.blue.Koi({"deny", "add", lab.client.ip4()});
  ASSERT_TRUE(add.ok()) << add.Describe();
  EXPECT_EQ(add.err, "This change was made on this host only.\n");
  EXPECT_FALSE(IsServed(lab.client));
  EXPECT_TRUE(IsServed(lab.red.host()));
  EXPECT_EQ(lab.Get(KoiLab::Url6("https", "/")).status, 200) << "its IPv6 address is another one";
  EXPECT_TRUE(lab.client.Run({"ping", "-c1", "-W2", lab.blue.host().ip4()}).ok());
  EXPECT_THAT(Explain(), HasSubstr("verdict   DENIED (drop): "));

  // It lasts.
  const int manager = lab.blue.ChildPid("koi-manager");
  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(manager)});
  EXPECT_FALSE(IsServed(lab.client));
  EXPECT_TRUE(Eventually(15s, [&] { return lab.blue.Koi({"deny", "list"}).ok(); }));
  EXPECT_THAT(lab.blue.Koi({"deny", "list"}).out, HasSubstr(lab.client.ip4() + "/32"));

  // One mistake in a file and nothing is taken from it.
  ASSERT_TRUE(WriteFile(In("bad.txt"), "198.51.100.0/24\nnobody\n").ok());
  const ProgramResult bad = lab.blue.Koi({"deny", "import", In("bad.txt")});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr("bad.txt:2: \"nobody\" is not"));

  // A hundred thousand, and none of them the client.
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    absl::StrAppend(&text, i % 200 + 20, ".", i / 200 % 256, ".", i / 51'200, ".0/24\n");
  }
  ASSERT_TRUE(WriteFile(In("many.txt"), text).ok());
  const TimePoint begun = Now();
  const ProgramResult many = lab.blue.Koi({"deny", "import", In("many.txt"), "--replace"});
  std::cout << "measured deny_import_100000 " << ToMilliseconds(Now() - begun) << " ms\n";
  EXPECT_EQ(many.out, "100000 prefixes added, 1 removed, 100000 denied now\n") << many.err;
  EXPECT_TRUE(IsServed(lab.client));
  EXPECT_THAT(Explain(), Not(HasSubstr("DENIED")));
  EXPECT_EQ(lab.blue.Koi({"deny", "remove", lab.client.ip4()}).exit_code, 4);

  Argv doctor = {KoiProgram("koi"), "doctor",   "--config",
                 In("koi.toml"),    "--socket", In("run/koi.sock")};
  const ProgramResult well = lab.blue.host().Run(doctor);
  EXPECT_TRUE(well.ok()) << well.Describe();
  EXPECT_THAT(well.out, HasSubstr("runs on eth0, master"));
  EXPECT_THAT(well.out, HasSubstr("veth runs XDP itself, driver mode"));

  const Argv without = {"setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin,-sys_nice"};
  doctor.insert(doctor.begin(), without.begin(), without.end());
  const ProgramResult poor = lab.blue.host().Run(doctor);
  EXPECT_EQ(poor.exit_code, 1);
  EXPECT_THAT(poor.out, HasSubstr("this process lacks CAP_BPF, CAP_PERFMON"));
  EXPECT_THAT(poor.out, HasSubstr("this process may not use BPF"));
  EXPECT_THAT(poor.out, HasSubstr("SCHED_FIFO is refused"));
}

}  // namespace
}  // namespace koi::lab
