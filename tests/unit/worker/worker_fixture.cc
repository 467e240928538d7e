// SPDX-License-Identifier: Apache-2.0
// Services of the worker under test.
#include "unit/worker/worker_fixture.h"

#include "absl/strings/str_cat.h"
#include "support/tls/bundled.h"

namespace koi {

void WorkerTest::SetUp() {
  const WorkerService web = ServiceOn("web", {http(), http_ip6()});
  WorkerService secure = ServiceOn("secure", {https()});
  secure.tls = TlsMode::kTerminate;
  secure.certificates = Bundled({certificate_});
  WorkerService moved = ServiceOn("moved", {redirect()});
  moved.redirect_to_https = true;
  WorkerService raw = ServiceOn("raw", {tcp()});
  raw.mode = ServiceMode::kTcp;
  raw.pool = kRawPool;
  WorkerService raw_secure = secure;
  raw_secure.name = "raw-secure";
  raw_secure.mode = ServiceMode::kTcp;
  raw_secure.listen = {tls()};
  raw_secure.pool = kRawPool;
  WorkerService fresh = ServiceOn("fresh", {welcome()});
  fresh.welcome_page = "<p>welcome";
  fresh.pool = kNewPool;
  std::vector<WorkerService> services = {web, secure, moved, raw, raw_secure, fresh};
  for (WorkerService& service : services) service.access_log = access_log_;
  const WorkerMessage answer = worker_.Start(services, pools_);
  if (const auto* failed = std::get_if<WorkerFailed>(&answer)) FAIL() << failed->why;
  ASSERT_TRUE(std::holds_alternative<WorkerReady>(answer));
}

TestPeer::Message WorkerTest::Get(const Endpoint& service, const std::string& headers) {
  auto client = service == https() ? ConnectToTls(service) : ConnectTo(service);
  client->Send(absl::StrCat("GET / HTTP/1.1\r\nHost: koi.example\r\n", headers, "\r\n"));
  return client->ReadMessage();
}

std::string WorkerTest::Answer(const std::string& bytes) {
  auto client = ConnectTo(http());
  client->Send(bytes);
  return client->ReadToEnd();
}

}  // namespace koi
