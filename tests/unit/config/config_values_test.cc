// SPDX-License-Identifier: Apache-2.0
// What a valid configuration says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

constexpr char kWholeConfig[] = R"(version = 1

[node]
interface = "eth0"

[[carp]]
vhid = 42
password_file = "/etc/koi/carp.key"

[[vip]]
address = "10.0.1.201"

[stats]
listen = "127.0.0.1:8404"
auth_file = "/etc/koi/stats.auth"   # user:password

[[service]]
name = "web"
mode = "http"
listen = ["10.0.1.201:443"]
tls = "terminate"
certificates = [{ chain = "/etc/koi/web.pem", key = "/etc/koi/web.key" }]
pool = "web"

[[pool]]
name = "web"
balance = "round-robin"
check = { tcp = true, interval = "2s", rise = 2, fall = 3 }
backend = [
  { name = "web-1", address = "10.0.2.11:8080" },
  { name = "web-2", address = "10.0.2.12:8080", weight = 50 },
]
)";

Config ParseValid(const std::string& text) {
  const ConfigResult result = Parse(text);
  for (const ConfigError& error : result.errors) ADD_FAILURE() << error.ToString();
  EXPECT_TRUE(result.config.has_value());
  return result.config.value_or(Config());
}

TEST(ConfigValuesTest, WholeConfigurationIsReadWithoutWarnings) {
  EXPECT_THAT(Parse(kWholeConfig).errors, IsEmpty());
  EXPECT_THAT(Parse(kWholeConfig).warnings, IsEmpty());
  const Config config = ParseValid(kWholeConfig);

  EXPECT_EQ(config.node.interface, "eth0");
  ASSERT_EQ(config.carp.size(), 1u);
  EXPECT_EQ(config.carp[0].vhid, 42);
  EXPECT_EQ(config.carp[0].password, "foobar23");
  ASSERT_EQ(config.vips.size(), 1u);
  EXPECT_EQ(config.vips[0].address.ToString(), "10.0.1.201");
  EXPECT_EQ(config.vips[0].group, 0u);
  ASSERT_TRUE(config.stats.has_value());
  EXPECT_EQ(config.stats->listen.ToString(), "127.0.0.1:8404");
  EXPECT_EQ(config.stats->user, "admin");
  EXPECT_EQ(config.stats->password, "a:colon");
}

TEST(ConfigValuesTest, TimeoutsAndLimitsHaveTheSameDefaultsWithAndWithoutTheirTables) {
  std::string text = kWholeConfig;
  const Config without = ParseValid(text);
  text =
      absl::StrReplaceAll(text, {{"pool = \"web\"", "pool = \"web\"\ntimeouts = {}\nlimits = {}"},
                                 {"[[pool]]", "[[pool]]\ntimeouts = {}\nlimits = {}"}});
  const Config with = ParseValid(text);
  EXPECT_EQ(with.services[0].timeouts, without.services[0].timeouts);
  EXPECT_EQ(with.services[0].limits, without.services[0].limits);
  EXPECT_EQ(with.pools[0].timeouts, without.pools[0].timeouts);
  EXPECT_EQ(with.pools[0].limits, without.pools[0].limits);
}

TEST(ConfigValuesTest, TimeoutsAndLimitsAreRead) {
  const Config config = ParseValid(absl::StrReplaceAll(
      kWholeConfig,
      {{"pool = \"web\"",
        "pool = \"web\"\n[service.timeouts]\nhandshake = \"1s\"\nhead = \"2s\"\nidle = \"3s\"\n"
        "body = \"4s\"\ntunnel = \"5s\"\ndrain = \"0s\"\n[service.limits]\nhead_bytes = 1000\n"
        "headers = 10\nbody_bytes = 5000000000\nbody_rate = 0\nrequests_per_connection = 7"},
       {"[[pool]]",
        "[[pool]]\ntimeouts = { connect = \"1s\", response = \"2s\", idle = \"3s\", queue = "
        "\"4s\" }\nlimits = { connections = 5, queue = 6, idle_connections = 0 }"}}));
  EXPECT_EQ(config.services[0].timeouts,
            (ServiceTimeouts{
                .handshake = 1s, .head = 2s, .idle = 3s, .body = 4s, .tunnel = 5s, .drain = 0s}));
  EXPECT_EQ(config.services[0].limits, (ServiceLimits{.head_bytes = 1000,
                                                      .headers = 10,
                                                      .body_bytes = 5'000'000'000,
                                                      .body_rate = 0,
                                                      .requests_per_connection = 7}));
  EXPECT_EQ(config.pools[0].timeouts,
            (PoolTimeouts{.connect = 1s, .response = 2s, .idle = 3s, .queue = 4s}));
  EXPECT_EQ(config.pools[0].limits,
            (PoolLimits{.connections = 5, .queue = 6, .idle_connections = 0}));
}

TEST(ConfigValuesTest, TlsToBackendsIsRead) {
  const auto pool = [](const std::string& tls) {
    return ParseValid(absl::StrReplaceAll(kWholeConfig, {{"[[pool]]", "[[pool]]\n" + tls}}))
        .pools[0];
  };
  EXPECT_FALSE(pool("").has_tls);
  EXPECT_FALSE(pool("tls = { enabled = false }").has_tls);
  const PoolConfig plain = pool("tls = {}");
  EXPECT_TRUE(plain.has_tls);
  EXPECT_EQ(plain.tls, PoolTls());
  EXPECT_EQ(plain.tls_files, (PoolTlsFiles{.ca = "/etc/ssl/certs/ca-certificates.crt"}));
  const PoolConfig all = pool(
      "tls = { ca = \"/ca.pem\", name = \"a.example\", sni_from = \"host\", certificate = "
      "\"/koi.pem\", key = \"/koi.key\", min_version = \"1.3\" }");
  EXPECT_EQ(
      all.tls,
      (PoolTls{.name = "a.example", .sni_from = SniSource::kHost, .min_version = TlsVersion::k13}));
  EXPECT_EQ(all.tls_files,
            (PoolTlsFiles{.ca = "/ca.pem", .certificate = "/koi.pem", .key = "/koi.key"}));
}

TEST(ConfigValuesTest, AccessLogIsRead) {
  const auto access_log = [](const std::string& value) {
    return ParseValid(absl::StrReplaceAll(
                          kWholeConfig,
                          {{"pool = \"web\"", "pool = \"web\"\naccess_log = \"" + value + "\""}}))
        .services[0]
        .access_log;
  };
  EXPECT_EQ(access_log("off"), "");
  EXPECT_EQ(access_log("stdout"), "stdout");
  EXPECT_EQ(access_log("/var/log/koi.log"), "/var/log/koi.log");
  EXPECT_EQ(access_log("./off"), "./off");
}

TEST(ConfigValuesTest, HttpOptionsAreRead) {
  const Config config = ParseValid(absl::StrReplaceAll(
      kWholeConfig, {{"pool = \"web\"",
                      "pool = \"web\"\ntrusted_proxies = [\"10.0.0.0/8\", \"fd00::1\"]\n"
                      "forwarded = \"rfc7239\"\nrequest_id = \"return\"\nupgrade = \"any\""}}));
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.http, (HttpOptions{.forwarded = ForwardedHeaders::kRfc7239,
                                       .request_id = RequestIdHeader::kReturn,
                                       .upgrade = Upgrades::kAny}));
  ASSERT_EQ(service.trusted_proxies.size(), 2u);
  EXPECT_EQ(service.trusted_proxies[0].ToString(), "10.0.0.0/8");
  EXPECT_EQ(ParseValid(kWholeConfig).services[0].http, HttpOptions());
}

TEST(ConfigValuesTest, PassthroughHasRoutesAndNeedsNoPoolBesideThem) {
  const Config config = ParseValid(absl::StrReplaceAll(
      kSmallConfig, {{"pool = \"web\"\n[[pool]]",
                      "mode = \"tcp\"\ntls = \"passthrough\"\naccept_proxy = [\"10.0.0.0/8\"]\n"
                      "[[service.route]]\nsni = [\"A.example\", \"*.b.example\"]\npool = \"web\"\n"
                      "[[pool]]\nsend_proxy = \"v2\""}}));
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.tls, TlsMode::kPassthrough);
  EXPECT_EQ(service.pool, std::nullopt);
  ASSERT_EQ(service.routes.size(), 1u);
  EXPECT_EQ(service.routes[0].sni, (std::vector<std::string>{"a.example", "*.b.example"}));
  EXPECT_EQ(service.routes[0].pool, 0u);
  ASSERT_EQ(service.accept_proxy.size(), 1u);
  EXPECT_EQ(config.pools[0].send_proxy, SendProxy::kV2);
}

TEST(ConfigValuesTest, ServiceHasItsPoolByNumber) {
  const Config config = ParseValid(kWholeConfig);
  ASSERT_EQ(config.services.size(), 1u);
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.mode, ServiceMode::kHttp);
  EXPECT_EQ(service.tls, TlsMode::kTerminate);
  ASSERT_EQ(service.listen.size(), 1u);
  EXPECT_EQ(service.listen[0].ToString(), "10.0.1.201:443");
  ASSERT_EQ(service.certificates.size(), 1u);
  EXPECT_EQ(service.certificates[0].chain_file, "/etc/koi/web.pem");
  EXPECT_EQ(service.certificates[0].key_file, "/etc/koi/web.key");
  EXPECT_EQ(service.pool, 0u);
}

TEST(ConfigValuesTest, TlsIsWhatTheServiceSaysOrMozillasIntermediate) {
  const Config plain = ParseValid(kWholeConfig);
  EXPECT_EQ(plain.services[0].tls_options, TlsOptions({.alpn = {"http/1.1"}}));
  EXPECT_EQ(plain.tickets.rotation, 1h);

  const Config config = ParseValid(absl::StrReplaceAll(
      kWholeConfig, {{"mode = \"http\"\n", "mode = \"tcp\"\n"},
                     {"certificates = [{", "certificates_folder = \"certs\"\ncertificates = [{"},
                     {"[[pool]]", R"([service.tls_options]
min_version = "1.3"
groups = "P-384"
alpn = "h2,http/1.1"
strict_sni = true
tickets = false
client_certificates = "optional"
client_ca = "/etc/koi/clients.pem"
[[pool]])"}}));
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.tls_options,
            TlsOptions({.min_version = TlsVersion::k13,
                        .groups = "P-384",
                        .alpn = {"h2", "http/1.1"},
                        .strict_sni = true,
                        .tickets = false,
                        .client_certificates = ClientCertificates::kOptional}));
  EXPECT_EQ(service.client_ca_file, "/etc/koi/clients.pem");
  EXPECT_THAT(service.certificates_folder, ::testing::EndsWith("certs"));
}

TEST(ConfigValuesTest, PoolHasItsBackendsInOrder) {
  const Config config = ParseValid(kWholeConfig);
  ASSERT_EQ(config.pools.size(), 1u);
  const PoolConfig& pool = config.pools[0];
  EXPECT_EQ(pool.name, "web");
  EXPECT_EQ(pool.check.interval, 2s);
  ASSERT_EQ(pool.backends.size(), 2u);
  EXPECT_EQ(pool.backends[0].name, "web-1");
  EXPECT_EQ(pool.backends[0].weight, 100u);
  EXPECT_EQ(pool.backends[1].endpoint.ToString(), "10.0.2.12:8080");
  EXPECT_EQ(pool.backends[1].weight, 50u);
}

TEST(ConfigValuesTest, BalanceSlowStartAndLimitsOfAPoolAreRead) {
  const Config defaults = ParseValid(kWholeConfig);
  EXPECT_EQ(defaults.pools[0].balance, Balance::kRoundRobin);
  EXPECT_EQ(defaults.pools[0].slow_start, 0s);
  for (const Balance balance : {Balance::kLeastConnections, Balance::kRandomTwo}) {
    const std::string settings =
        absl::StrCat("balance = \"", BalanceName(balance),
                     "\"\nslow_start = \"30s\"\nlimits = { connections = 10, queue = 0 }");
    const Config config = ParseValid(
        absl::StrReplaceAll(kWholeConfig, {{"balance = \"round-robin\"", settings},
                                           {"weight = 50", "weight = 50, max_connections = 3"}}));
    EXPECT_EQ(config.pools[0].balance, balance);
    EXPECT_EQ(config.pools[0].slow_start, 30s);
    EXPECT_EQ(config.pools[0].limits, (PoolLimits{.connections = 10, .queue = 0}));
    EXPECT_EQ(config.pools[0].backends[0].max_connections, 0u);
    EXPECT_EQ(config.pools[0].backends[1].max_connections, 3u);
  }
}

// The defaults of config.h, for those who build a Config by hand, and those of the schema agree.
TEST(ConfigValuesTest, AbsentKeysHaveTheDefaultsOfConfigH) {
  const Config config = ParseValid(kSmallConfig);
  const NodeConfig node;
  EXPECT_FALSE(config.node.name.empty());
  EXPECT_EQ(config.node.run, node.run);
  EXPECT_EQ(config.node.state, node.state);
  EXPECT_EQ(config.node.bpffs, node.bpffs);
  EXPECT_EQ(config.xdp.mode, XdpConfig().mode);
  EXPECT_EQ(config.xdp.attach, XdpConfig().attach);
  EXPECT_EQ(config.xdp.steer, XdpConfig().steer);
  const CarpConfig carp;
  EXPECT_EQ(config.carp[0].advbase, carp.advbase);
  EXPECT_EQ(config.carp[0].advskew, carp.advskew);
  EXPECT_EQ(config.carp[0].preempt, carp.preempt);
  EXPECT_EQ(config.carp[0].hash, carp.hash);
  EXPECT_EQ(config.carp[0].dead_ratio, carp.dead_ratio);
  EXPECT_EQ(config.carp[0].source, carp.source);
  EXPECT_FALSE(config.stats.has_value());
  EXPECT_EQ(config.services[0].mode, ServiceConfig().mode);
  EXPECT_EQ(config.services[0].tls, ServiceConfig().tls);
}

TEST(ConfigValuesTest, AbsentCheckHasTheDefaultsOfConfigH) {
  const CheckConfig check;
  for (const char* written : {"", "check = {}"}) {
    SCOPED_TRACE(written);
    const Config config = ParseValid(absl::StrCat(kSmallConfig, written));
    EXPECT_EQ(config.pools[0].check.interval, check.interval);
    EXPECT_EQ(config.pools[0].check.timeout, check.timeout);
    EXPECT_EQ(config.pools[0].check.rise, check.rise);
    EXPECT_EQ(config.pools[0].check.fall, check.fall);
  }
}

TEST(ConfigValuesTest, TimeoutIsNoLongerThanAShortInterval) {
  const Config config = ParseValid(absl::StrCat(kSmallConfig, "check = { interval = \"250ms\" }"));
  EXPECT_EQ(config.pools[0].check.interval, 250ms);
  EXPECT_EQ(config.pools[0].check.timeout, 250ms);
}

TEST(ConfigValuesTest, EveryKeyOfNodeXdpAndCarpIsRead) {
  const Config config = ParseValid(R"(version = 1
[node]
name = "blue"
interface = "eth0.7"
run = "/tmp/run"
state = "/tmp/state"
bpffs = "/tmp/bpf"
[xdp]
mode = "generic"
attach = "always"
steer = "never"
tunnel_sources = ["10.0.9.0/28", "fd00:9::/64"]
flows = 1024
idle = { tcp = "1m", udp = "5s" }
[[carp]]
vhid = 255
password_file = "carp.key"
advbase = 2
advskew = 100
preempt = true
hash = "all"
dead_ratio = 5
source = "10.0.1.1"
[[vip]]
address = "2001:db8::1"
)");
  EXPECT_EQ(config.node.name, "blue");
  EXPECT_EQ(config.node.interface, "eth0.7");
  EXPECT_EQ(config.node.run, "/tmp/run");
  EXPECT_EQ(config.node.state, "/tmp/state");
  EXPECT_EQ(config.node.bpffs, "/tmp/bpf");
  EXPECT_EQ(config.xdp.mode, XdpMode::kGeneric);
  EXPECT_EQ(config.xdp.attach, XdpAttach::kAlways);
  EXPECT_EQ(config.xdp.steer, XdpSteer::kNever);
  ASSERT_EQ(config.xdp.tunnel_sources.size(), 2u);
  EXPECT_EQ(config.xdp.tunnel_sources[0].address().ToString(), "10.0.9.0");
  EXPECT_EQ(config.xdp.tunnel_sources[0].host_bits(), 4);
  EXPECT_EQ(config.xdp.tunnel_sources[1].host_bits(), 64);
  EXPECT_EQ(config.xdp.flows, 1024u);
  EXPECT_EQ(config.xdp.idle_tcp, std::chrono::minutes(1));
  EXPECT_EQ(config.xdp.idle_udp, std::chrono::seconds(5));
  const CarpConfig& carp = config.carp.at(0);
  EXPECT_EQ(carp.vhid, 255);
  EXPECT_EQ(carp.advbase, 2);
  EXPECT_EQ(carp.advskew, 100);
  EXPECT_TRUE(carp.preempt);
  EXPECT_EQ(carp.hash, CarpHash::kAll);
  EXPECT_EQ(carp.dead_ratio, 5);
  EXPECT_EQ(carp.source->ToString(), "10.0.1.1");
}

TEST(ConfigValuesTest, L4ServiceAndItsPoolAreRead) {
  const Config defaults = ParseValid(kL4Config);
  EXPECT_EQ(defaults.services.at(0).mode, ServiceMode::kL4);
  EXPECT_EQ(defaults.services.at(0).protocols, L4Protocols());
  EXPECT_EQ(defaults.pools.at(0).l4, L4PoolOptions{.forward = Forward::kDsr});
  EXPECT_EQ(defaults.xdp.flows, XdpConfig().flows);
  EXPECT_EQ(defaults.xdp.idle_tcp, XdpConfig().idle_tcp);
  EXPECT_EQ(defaults.xdp.idle_udp, XdpConfig().idle_udp);

  const Config config = ParseValid(absl::StrReplaceAll(
      kL4Config,
      {{R"(["10.0.1.201:53"])", R"(["10.0.1.201:*", "[fd00:1::201]:*"])"
                                "\nprotocols = [\"udp\", \"tcp\"]"},
       {"\"dsr\"", "\"ipip\"\nring_size = 257\naffinity = \"source\"\non_down = \"keep\""}}));
  const ServiceConfig& service = config.services.at(0);
  EXPECT_EQ(service.protocols, (L4Protocols{.tcp = true, .udp = true}));
  ASSERT_EQ(service.listen.size(), 2u);
  EXPECT_EQ(service.listen[0].port, 0);
  EXPECT_EQ(ListenText(service.listen[0]), "10.0.1.201:*");
  EXPECT_EQ(ListenText(service.listen[1]), "[fd00:1::201]:*");
  EXPECT_EQ(config.pools.at(0).l4, (L4PoolOptions{.forward = Forward::kIpip,
                                                  .ring_size = 257,
                                                  .affinity = Affinity::kSource,
                                                  .on_down = OnDown::kKeep}));
}

TEST(ConfigValuesTest, TcpAndUdpOfOnePortMayBeForDifferentServices) {
  ParseValid(absl::StrCat(kL4Config,
                          "[[service]]\nname = \"dns-udp\"\nmode = \"l4\"\nprotocols = "
                          "[\"udp\"]\nlisten = [\"10.0.1.201:53\"]\npool = \"dns\"\n"));
}

TEST(ConfigValuesTest, VipNamesItsGroupByVhid) {
  const Config config = ParseValid(R"(version = 1
node.interface = "eth0"
carp = [{ vhid = 7, password_file = "carp.key" }, { vhid = 9, password_file = "carp.key" }]
vip = [{ address = "10.0.0.1", group = 9 }, { address = "10.0.0.2", group = 7 }]
)");
  ASSERT_EQ(config.vips.size(), 2u);
  EXPECT_EQ(config.vips[0].group, 1u);
  EXPECT_EQ(config.vips[1].group, 0u);
}

TEST(ConfigValuesTest, PlainServiceMayRedirectToHttps) {
  const Config config =
      ParseValid(absl::StrReplaceAll(kSmallConfig, {{"pool = \"web\"", "redirect = \"https\""}}));
  EXPECT_TRUE(config.services[0].redirect_to_https);
  EXPECT_FALSE(config.services[0].pool.has_value());
}

TEST(ConfigValuesTest, AnInterfaceIsEnough) {
  const Config config = ParseValid("version = 1\n[node]\ninterface = \"eth0\"\n");
  EXPECT_THAT(config.vips, IsEmpty());
}

TEST(ConfigValuesTest, AnEmptyPoolIsValid) {
  const Config config = ParseValid(absl::StrReplaceAll(
      kSmallConfig, {{"{ name = \"web-1\", address = \"10.0.2.11:8080\" }", ""}}));
  EXPECT_THAT(config.pools[0].backends, IsEmpty());
}

TEST(ConfigValuesTest, DurationsAreWrittenWithTheirUnit) {
  EXPECT_EQ(ParseDuration("500ms").value(), 500ms);
  EXPECT_EQ(ParseDuration("2s").value(), 2s);
  EXPECT_EQ(ParseDuration("1m").value(), 1min);
  EXPECT_EQ(ParseDuration("1h").value(), 1h);
  for (const char* wrong : {"", "2", "s", "-1s", "1.5s", "2 s", "2S", "9999999999h"}) {
    EXPECT_FALSE(ParseDuration(wrong).ok()) << wrong;
  }
}

TEST(ConfigValuesTest, PathsAreBesideTheFileThatNamesThem) {
  std::vector<std::string> asked;
  const ConfigResult result = ParseConfig(
      {{"/etc/koi/koi.toml", absl::StrReplaceAll(kSmallConfig, {{"carp.key", "keys/carp.key"}})}},
      [&asked](const std::string& path) -> absl::StatusOr<std::string> {
        asked.push_back(path);
        return "foobar23";
      });
  EXPECT_TRUE(result.config.has_value());
  EXPECT_THAT(asked, ElementsAre("/etc/koi/keys/carp.key"));
}

TEST(ConfigValuesTest, SecretsInTheConfigurationAreWarnedAbout) {
  const ConfigResult result = Parse(absl::StrCat(
      absl::StrReplaceAll(kSmallConfig, {{"password_file = \"carp.key\"", "password = \"x\""}}),
      "[stats]\nlisten = \"127.0.0.1:8404\"\nauth = \"admin:foobar23\"\n"));
  EXPECT_EQ(result.config.value().carp[0].password, "x");
  EXPECT_EQ(result.config.value().stats->password, "foobar23");
  EXPECT_THAT(
      result.warnings,
      ElementsAre(
          "koi.toml:6:12: password stands in the configuration; password_file keeps it out",
          "koi.toml:18:8: auth holds a password that stands in the configuration; auth_file "
          "keeps it out"));
}

TEST(ConfigValuesTest, WhatIsProbablyAMistakeIsWarnedAbout) {
  const ConfigResult result =
      Parse(absl::StrCat(absl::StrReplaceAll(kSmallConfig, {{"carp.key", "blank"}}),
                         "[[pool]]\nname = \"spare\"\n[stats]\nlisten = \"0.0.0.0:8404\"\n"));
  EXPECT_TRUE(result.config.has_value());
  EXPECT_THAT(
      result.warnings,
      ElementsAre("koi.toml:6:17: password_file ends in a blank, which is part of the password",
                  "koi.toml:17:8: pool \"spare\" is used by no service",
                  "koi.toml:19:10: statistics on 0.0.0.0:8404 are for everyone to read; auth_file "
                  "protects them"));
}

}  // namespace
}  // namespace koi
