// SPDX-License-Identifier: Apache-2.0
// What a worker writes into its access log.
#include "unit/worker/access_log_fixture.h"

namespace koi {
namespace {

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

TEST_F(AccessLogTest, EachRequestHasALine) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectToTls(https());
  const std::string request = "GET /a\"b\\?c HTTP/1.1\r\nHost: koi.example\r\n\r\n";
  client->Send(request + request);  // one behind the other
  std::string answer = client->ReadMessage().head;
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  const Json first = Line();
  EXPECT_EQ(first["client"], client->local().ToString());
  EXPECT_EQ(first["vip"], https().ToString());
  EXPECT_EQ(first["service"], "secure");
  EXPECT_EQ(first["pool"], "web");
  EXPECT_EQ(first["backend"], "web-1");
  EXPECT_EQ(first["method"], "GET");
  EXPECT_EQ(first["host"], "koi.example");
  EXPECT_EQ(first["path"], "/a\"b\\?c");
  EXPECT_EQ(first["status"], 200);
  EXPECT_EQ(first["keep_alive"], true);
  EXPECT_EQ(first["reason"], "finished");
  EXPECT_EQ(first["bytes_in"], request.size());
  EXPECT_EQ(first["bytes_out"], answer.size() + 6);
  EXPECT_EQ(first["backend_reused"], false);
  EXPECT_TRUE(first.contains("handshake_ms"));
  const Json second = Line();
  EXPECT_FALSE(second.contains("handshake_ms"));
  EXPECT_EQ(second["backend_reused"], true);
  EXPECT_EQ(second["bytes_in"], request.size());
  EXPECT_EQ(second["bytes_out"], answer.size() + 6);
  EXPECT_EQ(second["tls"], "TLSv1.3");
}

TEST_F(AccessLogTest, ClientBehindATrustedProxyIsTold) {
  WorkerService service = ServiceOn("web", {http()});
  service.access_log = true;
  service.trusted_proxies = {Prefix::Parse("127.0.0.0/8").value()};
  service.http.request_id = RequestIdHeader::kForward;
  ASSERT_TRUE(std::holds_alternative<WorkerReady>(worker_.Start({service})));
  auto client = ConnectTo(http());
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n";
  client->Send(request + "X-Forwarded-For: 203.0.113.1, 127.0.0.9\r\nX-Request-Id: theirs\r\n\r\n");
  Json line = Line();
  EXPECT_EQ(line["client"], client->local().ToString());
  EXPECT_EQ(line["forwarded_for"], "203.0.113.1");
  EXPECT_EQ(line["request_id"], "theirs");
  client->Send(request + "\r\n");
  line = Line();
  EXPECT_FALSE(line.contains("forwarded_for"));
  EXPECT_EQ(line["request_id"].get<std::string>().size(), 32u);
}

TEST_F(AccessLogTest, WhatKoiAnswersItselfHasALine) {
  (void)Answer("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  Json line = Line();
  EXPECT_EQ(line["status"], 400);
  EXPECT_EQ(line["reason"], "malformed-request");
  EXPECT_FALSE(line.contains("path"));
  EXPECT_GT(line["bytes_out"], 0);
  (void)Get(http());
  line = Line();
  EXPECT_EQ(line["status"], 503);
  EXPECT_EQ(line["reason"], "no-backend");
  ConnectTo(https())->Send("no TLS at all\n");
  EXPECT_EQ(Line()["reason"], "handshake-failed");
  auto broken = ConnectTo(http());
  broken->Send("GET / HT");
  broken->Close();
  EXPECT_EQ(Line()["reason"], "client-broke-off");
  ConnectTo(http())->Close();  // without a byte: nothing to tell
  auto moved = ConnectTo(redirect());
  moved->Send(kGet);
  (void)moved->ReadMessage();
  line = Line();
  EXPECT_EQ(line["status"], 301);
  EXPECT_EQ(line["service"], "moved");
}

TEST_F(AccessLogTest, LinesThatNobodyTakesAreLostAndCounted) {
  int sent = 0;
  for (; sent < 400; ++sent) (void)ConnectTo(tcp())->ReadToEnd();  // more than the pipe holds
  int lines = 0;
  int lost = 0;
  const auto take = [&] {
    for (const std::string& line : worker_.AccessLines()) {
      const Json json = Json::parse(line, nullptr, false);
      json.is_number() ? lost += json.get<int>() : ++lines;
    }
    return lines + lost;
  };
  EXPECT_LT(take(), sent);
  EXPECT_LT(lines, sent);
  (void)ConnectTo(tcp())->ReadToEnd();  // there is room again, for the number of lost ones too
  EXPECT_TRUE(Eventually(kSoon, [&] { return take() == sent + 1; })) << lines << " and " << lost;
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace koi
