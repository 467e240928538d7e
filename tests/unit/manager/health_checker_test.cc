// SPDX-License-Identifier: Apache-2.0
// Real checks of real listeners on loopback.
#include "manager/health/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/proxy_protocol.h"
#include "net/socket.h"

namespace koi {
namespace {

using namespace std::chrono_literals;

class HealthCheckerTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  std::vector<std::pair<BackendHealth, std::string>> changes;
  HealthChecker checker{*loop, [this](uint32_t, BackendHealth health, const std::string& why) {
                          changes.push_back({health, why});
                        }};
  CheckConfig fast{.interval = 20ms, .timeout = 200ms, .rise = 2, .fall = 2};

  bool Eventually(size_t changes_wanted) {
    const TimePoint limit = Now() + 5s;
    while (changes.size() < changes_wanted && Now() < limit) loop->Turn(10ms);
    return changes.size() >= changes_wanted;
  }
  static BackendEntry At(const Endpoint& endpoint) {
    BackendEntry backend;
    backend.number = 1;
    backend.endpoint = endpoint;
    return backend;
  }
};

TEST_F(HealthCheckerTest, BackendThatTakesConnectionsIsUpAtOnce) {
  const Fd listener = *ListenTcp(Endpoint{*Address::Parse("127.0.0.1"), 0});
  checker.Watch(At(*LocalEndpoint(listener.get())), fast);
  ASSERT_TRUE(Eventually(1));
  EXPECT_EQ(changes[0].first, BackendHealth::kUp);
}

TEST_F(HealthCheckerTest, BackendThatExpectsAProxyHeaderGetsOneThatNamesNobody) {
  for (const SendProxy version : {SendProxy::kV1, SendProxy::kV2}) {
    const Fd listener = *ListenTcp(Endpoint{*Address::Parse("127.0.0.1"), 0});
    fast.send_proxy = version;
    changes.clear();
    checker.Watch(At(*LocalEndpoint(listener.get())), fast);
    ASSERT_TRUE(Eventually(1));
    checker.Forget(1);
    const Fd accepted(::accept(listener.get(), nullptr, nullptr));
    char bytes[64];
    const ssize_t got = ::recv(accepted.get(), bytes, sizeof(bytes), 0);
    EXPECT_EQ(std::string(bytes, got > 0 ? static_cast<size_t>(got) : 0),
              version == SendProxy::kV1 ? WriteProxyV1Unknown() : WriteProxyV2Local());
  }
}

TEST_F(HealthCheckerTest, BackendThatStopsListeningGoesDownAndSaysWhy) {
  Fd listener = *ListenTcp(Endpoint{*Address::Parse("127.0.0.1"), 0});
  const Endpoint endpoint = *LocalEndpoint(listener.get());
  checker.Watch(At(endpoint), fast);
  ASSERT_TRUE(Eventually(1));

  listener.Close();

  ASSERT_TRUE(Eventually(2));
  EXPECT_EQ(changes[1].first, BackendHealth::kDown);
  EXPECT_EQ(changes[1].second, "connection refused");
  EXPECT_EQ(checker.Why(1), "connection refused");

  listener = *ListenTcp(endpoint);
  ASSERT_TRUE(Eventually(3));
  EXPECT_EQ(changes[2].first, BackendHealth::kUp);
}

TEST_F(HealthCheckerTest, SilenceIsNoAnswerInTime) {
  // A listener whose queue is full drops the next SYN: nobody answers.
  const Fd listener = *ListenTcp(Endpoint{*Address::Parse("127.0.0.1"), 0}, /*backlog=*/0);
  const Endpoint endpoint = *LocalEndpoint(listener.get());
  const Fd first = *ConnectTcp(endpoint);
  const Fd second = *ConnectTcp(endpoint);
  checker.Watch(At(endpoint), fast);
  ASSERT_TRUE(Eventually(1));
  EXPECT_EQ(changes[0].first, BackendHealth::kDown);
  EXPECT_EQ(changes[0].second, "no answer in 200ms");
}

TEST_F(HealthCheckerTest, ForgottenBackendIsNotCheckedAnyMore) {
  checker.Watch(At(*Endpoint::Parse("127.0.0.1:1")), fast);
  checker.Forget(1);
  const TimePoint limit = Now() + 100ms;
  while (Now() < limit) loop->Turn(10ms);
  EXPECT_TRUE(changes.empty());
}

}  // namespace
}  // namespace koi
