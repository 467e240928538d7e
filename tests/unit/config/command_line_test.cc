// SPDX-License-Identifier: Apache-2.0
// koid VIP PASSWORD [more VIPs]: what is made of it, and what is said of what cannot be.
#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<InterfaceNetwork>& Networks() {
  static const std::vector<InterfaceNetwork> networks = {
      {"lo", Address::Parse("127.0.0.1").value(), 8},
      {"eth0", Address::Parse("10.0.0.11").value(), 24},
      {"eth0", Address::Parse("2001:db8::11").value(), 64},
      {"eth1", Address::Parse("10.1.0.11").value(), 16},
      {"eth2", Address::Parse("10.1.0.12").value(), 16},
      {"eth2", Address::Parse("10.9.9.9").value(), 32},
  };
  return networks;
}

using Environment = std::map<std::string, std::string>;

CommandLineConfig Written(const std::vector<std::string>& arguments,
                          const Environment& environment = {},
                          DefaultService service = DefaultService::kWith) {
  return ConfigFromCommandLine({.arguments = arguments, .environment = environment}, Networks(),
                               service);
}

// The whole way: written, then parsed, beside `file` where there is one.
ConfigResult Parsed(const std::vector<std::string>& arguments, const Environment& environment = {},
                    const std::string& file = "") {
  const CommandLineConfig written = Written(
      arguments, environment, file.empty() ? DefaultService::kWith : DefaultService::kWithout);
  if (!written.errors.empty()) {
    return {.config = std::nullopt, .errors = written.errors, .warnings = written.warnings};
  }
  std::vector<ConfigSource> sources = {written.source};
  if (!file.empty()) sources.push_back({"koi.toml", file});
  return ParseConfig(sources, ReadTestFile);
}

std::vector<std::string> ErrorsOf(const std::vector<std::string>& arguments,
                                  const Environment& environment = {},
                                  const std::string& file = "") {
  std::vector<std::string> errors;
  for (const ConfigError& error : Parsed(arguments, environment, file).errors) {
    errors.push_back(error.ToString());
  }
  return errors;
}

TEST(CommandLineTest, VipAndPasswordMakeAWholeConfiguration) {
  const ConfigResult result = Parsed({"10.0.0.201", "foobar23"});
  ASSERT_TRUE(result.config.has_value()) << result.errors.front().ToString();
  EXPECT_THAT(result.warnings, IsEmpty());
  const Config& config = *result.config;
  EXPECT_EQ(config.node.interface, "eth0");
  ASSERT_THAT(config.carp, SizeIs(1));
  EXPECT_EQ(config.carp[0].vhid, 201);
  EXPECT_EQ(config.carp[0].password, "foobar23");
  EXPECT_EQ(config.carp[0].advskew, 0);
  EXPECT_FALSE(config.carp[0].preempt);
  ASSERT_THAT(config.vips, SizeIs(1));
  EXPECT_EQ(config.vips[0].address.ToString(), "10.0.0.201");
  EXPECT_FALSE(config.stats.has_value());
}

TEST(CommandLineTest, DefaultServiceIsHttpsWithARedirectToItAndAnEmptyPool) {
  const Config config = Parsed({"10.0.0.201", "foobar23", "2001:db8::201"}).config.value();
  ASSERT_THAT(config.services, SizeIs(2));
  const ServiceConfig& https = config.services[0];
  EXPECT_EQ(https.name, "default");
  EXPECT_EQ(https.tls, TlsMode::kTerminate);
  EXPECT_TRUE(https.self_signed);
  EXPECT_TRUE(https.welcome_when_empty);
  ASSERT_THAT(https.listen, SizeIs(2));
  EXPECT_EQ(https.listen[0].ToString(), "10.0.0.201:443");
  EXPECT_EQ(https.listen[1].ToString(), "[2001:db8::201]:443");
  ASSERT_THAT(https.certificates, SizeIs(1));
  EXPECT_EQ(https.certificates[0].chain_file, "/var/lib/koi/default.pem");
  EXPECT_EQ(https.certificates[0].key_file, "/var/lib/koi/default.key");
  EXPECT_TRUE(config.services[1].redirect_to_https);
  EXPECT_EQ(config.services[1].listen[0].ToString(), "10.0.0.201:80");
  ASSERT_THAT(config.pools, SizeIs(1));
  EXPECT_EQ(config.pools[0].name, "default");
  EXPECT_THAT(config.pools[0].backends, IsEmpty());
}

TEST(CommandLineTest, FileGivesServicesInPlaceOfTheDefaultOne) {
  const ConfigResult result =
      Parsed({"10.0.0.201", "foobar23"}, {},
             "[[service]]\nname = \"web\"\nlisten = [\"10.0.0.201:80\"]\npool = \"web\"\n"
             "[[pool]]\nname = \"web\"\n");
  ASSERT_TRUE(result.config.has_value()) << result.errors.front().ToString();
  ASSERT_THAT(result.config->services, SizeIs(1));
  EXPECT_EQ(result.config->services[0].name, "web");
}

TEST(CommandLineTest, WithAPasswordInTheEnvironmentAllArgumentsAreVips) {
  for (const Environment& environment : {Environment{{"KOI_PASSWORD", "foobar23"}},
                                         Environment{{"KOI_PASSWORD_FILE", "carp.key"}}}) {
    SCOPED_TRACE(environment.begin()->first);
    const ConfigResult result = Parsed({"10.0.0.201", "10.0.0.202"}, environment);
    ASSERT_TRUE(result.config.has_value()) << result.errors.front().ToString();
    EXPECT_EQ(result.config->carp[0].password, "foobar23");
    EXPECT_THAT(result.config->vips, SizeIs(2));
  }
}

TEST(CommandLineTest, EnvironmentDecidesWhatWouldBeChosen) {
  const Config config = Parsed({"10.0.0.201", "foobar23"}, {{"KOI_INTERFACE", "eth7"},
                                                            {"KOI_VHID", "7"},
                                                            {"KOI_ADVSKEW", "100"},
                                                            {"KOI_PREEMPT", "true"},
                                                            {"KOI_STATS", "127.0.0.1:8404"}})
                            .config.value();
  EXPECT_EQ(config.node.interface, "eth7");
  EXPECT_EQ(config.carp[0].vhid, 7);
  EXPECT_EQ(config.carp[0].advskew, 100);
  EXPECT_TRUE(config.carp[0].preempt);
  EXPECT_EQ(config.stats->listen.ToString(), "127.0.0.1:8404");
}

TEST(CommandLineTest, SaysWhatItChose) {
  EXPECT_EQ(Written({"10.0.0.201", "foobar23"}).chosen, "interface=eth0 vhid=201 services=default");
  EXPECT_EQ(Written({"10.0.0.201", "foobar23"}, {{"KOI_VHID", "7"}, {"KOI_ADVSKEW", "100"}},
                    DefaultService::kWithout)
                .chosen,
            "interface=eth0 vhid=7 advskew=100 services=files");
}

TEST(CommandLineTest, Ip6AloneCoversAllVipsAndNeedsAVhid) {
  EXPECT_THAT(ErrorsOf({"2001:db8::201", "foobar23"}),
              ElementsAre("command line: no VIP is IPv4, whose last number would be the vhid: set "
                          "KOI_VHID to a number from 1 to 255, the same on both hosts"));
  const Config config = Parsed({"2001:db8::201", "foobar23"}, {{"KOI_VHID", "9"}}).config.value();
  EXPECT_EQ(config.carp[0].hash, CarpHash::kAll);
  EXPECT_EQ(config.node.interface, "eth0");
}

TEST(CommandLineTest, AnyPasswordArrivesAsItWasTyped) {
  const std::string password = "\"q\\\n\t]#\x7f";
  EXPECT_EQ(Parsed({"10.0.0.201", password}).config.value().carp[0].password, password);
}

TEST(CommandLineTest, WarnsOfAPasswordThatManyMayRead) {
  EXPECT_THAT(Written({"10.0.0.201", "foobar23"}).warnings,
              ElementsAre(HasSubstr("KOI_PASSWORD_FILE keeps it out")));
  EXPECT_THAT(Written({"10.0.0.201"}, {{"KOI_PASSWORD", "foobar23"}}).warnings, IsEmpty());
}

TEST(CommandLineTest, SaysWhichArgumentIsWrongAndWhatWouldBeRight) {
  struct {
    std::vector<std::string> arguments;
    Environment environment;
    const char* error;
  } const cases[] = {
      {{"10.0.0.300", "foobar23"},
       {},
       "command line: VIP \"10.0.0.300\" is not an IPv4 or IPv6 address"},
      {{"10.0.0.201", "foobar23", "10.0.0.202/24"},
       {},
       "command line: VIP \"10.0.0.202/24\" is not an IPv4 or IPv6 address"},
      {{"10.0.0.201"},
       {},
       "command line: PASSWORD is missing: koid VIP PASSWORD [more VIPs]; or set KOI_PASSWORD_FILE "
       "or KOI_PASSWORD"},
      {{"10.0.0.201", "10.0.0.202"},
       {},
       "command line: PASSWORD, the second argument, is an address: koid VIP PASSWORD [more VIPs]; "
       "VIPs alone need KOI_PASSWORD_FILE or KOI_PASSWORD"},
      {{"10.0.0.201", "foobar23"},
       {{"KOI_PASSWORD", "foobar23"}},
       "command line: the second argument is not an IPv4 or IPv6 address; with KOI_PASSWORD set, "
       "all arguments are VIPs"},
      {{"10.0.0.201"},
       {{"KOI_PASSWORD", "a"}, {"KOI_PASSWORD_FILE", "b"}},
       "command line: KOI_PASSWORD and KOI_PASSWORD_FILE are both set; one of them is enough"},
      {{"10.0.0.201", "twenty-five bytes are many"},
       {},
       "PASSWORD: password is 26 bytes; CARP takes 1 to 19"},
      {{"10.0.0.201"},
       {{"KOI_PASSWORD_FILE", "absent"}},
       "KOI_PASSWORD_FILE: password_file: cannot open absent: No such file or directory"},
      {{"10.0.0.201"},
       {{"KOI_PASSWORD_FILE", "long"}},
       "KOI_PASSWORD_FILE: password_file holds a password of 20 bytes; CARP takes 1 to 19"},
      {{"10.0.0.0", "foobar23"},
       {},
       "command line: VIP 10.0.0.0 ends in 0, which is no vhid: set KOI_VHID to a number from 1 to "
       "255, the same on both hosts"},
      {{"10.0.0.201", "foobar23"},
       {{"KOI_VHID", "256"}},
       "KOI_VHID: vhid 256 is not a number from 1 to 255"},
      {{"10.0.0.201", "foobar23"},
       {{"KOI_VHID", "7\n[xdp]"}},
       "KOI_VHID: vhid \"7\\n[xdp]\" is text, not a number from 1 to 255"},
      {{"10.0.0.201", "foobar23"},
       {{"KOI_ADVSKEW", "255"}},
       "KOI_ADVSKEW: advskew 255 is not a number from 0 to 254"},
      {{"10.0.0.201", "foobar23"},
       {{"KOI_PREEMPT", "yes"}},
       "KOI_PREEMPT: preempt \"yes\" is text, not true or false"},
      {{"10.0.0.201", "foobar23", "10.0.0.201"}, {}, "command line: VIP 10.0.0.201 is given twice"},
      {{"192.0.2.1", "foobar23"},
       {},
       "command line: no interface is in the network of VIP 192.0.2.1; there are lo (127.0.0.1/8), "
       "eth0 (10.0.0.11/24), eth1 (10.1.0.11/16), eth2 (10.1.0.12/16), "
       "eth2 (10.9.9.9/32); name the right one in KOI_INTERFACE"},
      {{"10.1.0.201", "foobar23"},
       {},
       "command line: the network of VIP 10.1.0.201 is on several interfaces: eth1, eth2; name the "
       "right one in KOI_INTERFACE"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.error);
    EXPECT_THAT(ErrorsOf(c.arguments, c.environment), ElementsAre(c.error));
  }
}

TEST(CommandLineTest, VipThatIsOnAnInterfaceAlreadyTellsNothingOfNetworks) {
  EXPECT_THAT(ErrorsOf({"10.9.9.9", "foobar23"}),
              ElementsAre(HasSubstr("no interface is in the network of VIP 10.9.9.9")));
}

TEST(CommandLineTest, FileThatSaysTheSameIsAnErrorAtItsPlace) {
  EXPECT_THAT(ErrorsOf({"10.0.0.201", "foobar23"}, {{"KOI_INTERFACE", "eth0"}},
                       "version = 1\n[node]\ninterface = \"eth0\"\n"),
              ElementsAre(HasSubstr("koi.toml:2:1: [node] stands already at KOI_INTERFACE")));
}

TEST(CommandLineTest, ErrorsShowNoPassword) {
  for (const std::string& error :
       ErrorsOf({"10.0.0.201", "a-secret-of-many-bytes"}, {{"KOI_PREEMPT", "yes"}})) {
    EXPECT_THAT(error, ::testing::Not(HasSubstr("a-secret")));
  }
}

}  // namespace
}  // namespace koi
