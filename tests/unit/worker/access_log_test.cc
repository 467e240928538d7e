// SPDX-License-Identifier: Apache-2.0
// What a worker writes into its access log.
#include <nlohmann/json.hpp>

#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using Json = nlohmann::json;

class AccessLogTest : public WorkerTest {
 protected:
  void SetUp() override {
    access_log_ = true;
    pools_ = {{.number = kWebPool, .name = "web"}, {.number = kRawPool, .name = "raw"}};
    WorkerTest::SetUp();
  }
  // The next line, waited for.
  Json Line() {
    Eventually(kSoon, [&] {
      for (const std::string& line : worker_.AccessLines()) lines_.push_back(line);
      return !lines_.empty();
    });
    if (lines_.empty()) return Json();
    const Json json = Json::parse(lines_.front(), nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << lines_.front();
    lines_.erase(lines_.begin());
    return json;
  }

  std::vector<std::string> lines_;
};

TEST_F(AccessLogTest, TcpConnectionHasALineAtItsEnd) {
  TestBackend raw([](TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto client = ConnectToTls(tls());
  const std::string from = client->local().ToString();
  client->Send("hello");
  client->EndWriting();
  EXPECT_EQ(client->ReadToEnd(), "hello");
  const Json line = Line();
  EXPECT_EQ(line["client"], from);
  EXPECT_EQ(line["vip"], tls().ToString());
  EXPECT_EQ(line["service"], "raw-secure");
  EXPECT_EQ(line["pool"], "raw");
  EXPECT_EQ(line["backend"], "raw-1");
  EXPECT_EQ(line["backend_reused"], false);
  EXPECT_EQ(line["tls"], "TLSv1.3");
  EXPECT_EQ(line["sni"], "koi.example");
  EXPECT_EQ(line["resumed"], false);
  EXPECT_EQ(line["bytes_in"], 5);
  EXPECT_EQ(line["bytes_out"], 5);
  EXPECT_EQ(line["reason"], "finished");
  const double total = line["total_ms"];
  double parts = 0;
  for (const char* part : {"handshake_ms", "queue_ms", "connect_ms", "first_byte_ms"}) {
    SCOPED_TRACE(part);
    ASSERT_TRUE(line.contains(part));
    parts += line[part].get<double>();
  }
  EXPECT_LE(parts, total + 0.005);
}

TEST_F(AccessLogTest, TcpConnectionThatComesToNothingHasALine) {
  ConnectTo(tls())->Send("no TLS at all\n");
  EXPECT_EQ(Line()["reason"], "handshake-failed");
  (void)ConnectTo(tcp())->ReadToEnd();
  Json line = Line();
  EXPECT_EQ(line["reason"], "no-backend");
  EXPECT_FALSE(line.contains("backend"));
  TestBackend gone([](TestPeer&, TestBackend&) {});
  gone.Stop();
  worker_.AddBackend(kRawPool, "raw-1", gone.endpoint());
  (void)ConnectTo(tcp())->ReadToEnd();
  line = Line();
  EXPECT_EQ(line["reason"], "backend-refused");
  EXPECT_EQ(line["backend"], "raw-1");
  EXPECT_EQ(line["retries"], 1);
}

TEST_F(AccessLogTest, LinesThatNobodyTakesAreLostAndCounted) {
  int sent = 0;
  for (; sent < 400; ++sent) (void)ConnectTo(tcp())->ReadToEnd();  // more than the pipe holds
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
  int lines = static_cast<int>(worker_.AccessLines().size());
  EXPECT_LT(lines, sent);
  (void)ConnectTo(tcp())->ReadToEnd();
  Json lost = Line();
  ASSERT_TRUE(lost.is_number());
  EXPECT_EQ(lines + lost.get<int>(), sent);
  EXPECT_EQ(Line()["reason"], "no-backend");
}

}  // namespace
}  // namespace koi
