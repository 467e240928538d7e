// SPDX-License-Identifier: Apache-2.0
// Worker messages arrive as they were sent, and nothing else is taken for one.
#include "protocol/worker_messages.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(WorkerMessagesTest, ServiceArrivesWhole) {
  const WorkerService sent{
      .number = 3,
      .name = "web",
      .mode = ServiceMode::kTcp,
      .listen = {*Endpoint::Parse("10.0.0.1:443"), *Endpoint::Parse("[2001:db8::1]:443")},
      .tls = TlsMode::kTerminate,
      .tls_options = {.min_version = TlsVersion::k13,
                      .alpn = {"h2"},
                      .client_certificates = ClientCertificates::kOptional},
      .client_ca_pem = "-----BEGIN CERTIFICATE-----\n",
      .certificates = {.digest = "12"},
      .ticket_lifetime = std::chrono::hours(2),
      .redirect_to_https = false,
      .pool = 2,
      .timeouts = {.idle = std::chrono::milliseconds(1500)},
      .limits = {.body_bytes = uint64_t{1} << 40},
      .routes = {{.sni = {"a.example", "*.b.example"}, .pool = 4}},
      .routes_only = true,
      .accept_proxy = {*Prefix::Parse("192.0.2.0/24")},
      .trusted_proxies = {*Prefix::Parse("10.0.0.0/8"), *Prefix::Parse("::1")},
      .http = {.forwarded = ForwardedHeaders::kBoth,
               .request_id = RequestIdHeader::kReturn,
               .upgrade = Upgrades::kOff}};
  const auto received = DecodeWorkerMessage(EncodeWorkerMessage(sent));
  ASSERT_TRUE(received.ok()) << received.status();
  const auto& service = std::get<WorkerService>(*received);
  EXPECT_EQ(service, sent);
}

TEST(WorkerMessagesTest, PoolArrivesWhole) {
  const WorkerPool sent{
      .number = 3,
      .name = "web",
      .balance = Balance::kLeastConnections,
      .slow_start = std::chrono::seconds(30),
      .timeouts = {.response = std::chrono::milliseconds(250)},
      .limits = {.connections = 7, .queue = 9},
      .has_tls = true,
      .tls = {.verify = false, .sni = "a", .sni_from = SniSource::kClient, .tls12 = false}};
  const auto received = DecodeWorkerMessage(EncodeWorkerMessage(sent));
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(std::get<WorkerPool>(*received), sent);
}

TEST(WorkerMessagesTest, TicketKeysArriveWhole) {
  const auto received = DecodeWorkerMessage(EncodeWorkerMessage(WorkerTicketKeys{.keys = "0a"}));
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(std::get<WorkerTicketKeys>(*received).keys, "0a");
}

TEST(WorkerMessagesTest, EachKindArrivesAsItself) {
  const auto kind = [](const WorkerMessage& message) {
    return DecodeWorkerMessage(EncodeWorkerMessage(message))->index();
  };
  EXPECT_EQ(kind(WorkerWelcome{7, "blue"}), WorkerMessage(WorkerWelcome{}).index());
  EXPECT_EQ(kind(WorkerTrust{"0f", "pem"}), WorkerMessage(WorkerTrust{}).index());
  EXPECT_EQ(kind(WorkerStart{}), WorkerMessage(WorkerStart{}).index());
  EXPECT_EQ(kind(WorkerDrain{5000}), WorkerMessage(WorkerDrain{}).index());
  EXPECT_EQ(kind(WorkerReady{}), WorkerMessage(WorkerReady{}).index());
  EXPECT_EQ(kind(WorkerFailed{"no"}), WorkerMessage(WorkerFailed{}).index());
}

TEST(WorkerMessagesTest, AnythingElseIsRefusedWithAReason) {
  for (const char* bytes :
       {"", "{", "[]", "{}", R"({"type":"dance"})", R"({"type":"welcome","cpu":"two"})",
        R"({"type":"drain"})", "\xff\xfe"}) {
    SCOPED_TRACE(bytes);
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeWorkerMessage(bytes).status()));
  }
}

}  // namespace
}  // namespace koi
