// SPDX-License-Identifier: Apache-2.0
// Two workers that share backends: least connections, limits, queues.
#include <thread>

#include "absl/strings/str_cat.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kPool = 4;

// Takes requests and answers them once they are let go; knows how many it has.
class HeldBackend {
 public:
  explicit HeldBackend(std::string name) : name_(std::move(name)) {}
  ~HeldBackend() { LetGo(1'000'000); }

  const Endpoint& endpoint() const { return backend_.endpoint(); }
  int in_flight() const { return in_flight_; }
  int most() const { return most_; }
  // Answers so many of them, the first one first.
  void LetGo(int requests) { let_go_ += requests; }

 private:
  void Serve(TestPeer& client) {
    while (!client.ReadMessage().head.empty()) {
      const int now = ++in_flight_;
      for (int most = most_; most < now && !most_.compare_exchange_weak(most, now);) {
      }
      const int ticket = ++tickets_;
      Eventually(std::chrono::seconds(20), [&] { return let_go_ >= ticket; });
      --in_flight_;  // before the answer: koi may send the next one as soon as it has it
      client.Send(
          absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", name_.size(), "\r\n\r\n", name_));
    }
  }

  const std::string name_;
  std::atomic<int> in_flight_ = 0;
  std::atomic<int> most_ = 0;
  std::atomic<int> tickets_ = 0;
  std::atomic<int> let_go_ = 0;
  TestBackend backend_{[this](TestPeer& client, TestBackend&) { Serve(client); }};
};

class BalanceTest : public ::testing::Test {
 protected:
  void Start(WorkerPool pool) {
    one_.Meet(two_);
    two_.Meet(one_);
    pool.number = kPool;
    pool.name = "web";
    for (WorkerProcess* worker : {&one_, &two_}) {
      WorkerService http = ServiceOn("web", {worker->At(1)});
      WorkerService tcp = ServiceOn("raw", {worker->At(2)});
      http.number = 1;
      tcp.number = 2;
      tcp.mode = ServiceMode::kTcp;
      http.pool = tcp.pool = kPool;
      const WorkerMessage answer = worker->Start({http, tcp}, {pool});
      ASSERT_TRUE(std::holds_alternative<WorkerReady>(answer));
    }
  }
  BackendEntry Add(const HeldBackend& backend, uint32_t limit) {
    BackendEntry entry = {.health = BackendHealth::kUp,
                          .connections_max = limit,
                          .pool = kPool,
                          .endpoint = backend.endpoint(),
                          .name = "web"};
    return *one_.backends().Add(entry, [](uint32_t) { return true; });
  }
  static std::unique_ptr<TestPeer> Ask(const WorkerProcess& worker) {
    auto client = ConnectTo(worker.At(1));
    client->Send(kGet);
    return client;
  }
  static uint64_t Queued(const WorkerProcess& worker) {
    return worker.View().Pool(kPool, "web").queued;
  }
  static bool Queues(const WorkerProcess& worker, uint64_t waiting) {
    return Eventually(kSoon, [&] { return Queued(worker) == waiting; });
  }

  WorkerProcess one_;
  WorkerProcess two_{&one_};
};

TEST_F(BalanceTest, LeastConnectionsAreThoseOfAllWorkers) {
  HeldBackend a("a");
  HeldBackend b("b");
  Add(a, 0);
  Add(b, 0);
  Start({.balance = Balance::kLeastConnections});
  for (const std::string& name : one_.Descriptors()) {
    EXPECT_THAT(name, Not(HasSubstr("memfd:worker"))) << "what is mapped needs none";
  }
  std::vector<std::unique_ptr<TestPeer>> clients;
  for (int i = 1; i <= 3; ++i) {
    clients.push_back(Ask(one_));
    ASSERT_TRUE(Eventually(kSoon, [&] { return a.in_flight() + b.in_flight() == 2 * i - 1; }));
    clients.push_back(Ask(two_));
    ASSERT_TRUE(Eventually(kSoon, [&] { return a.in_flight() + b.in_flight() == 2 * i; }));
    EXPECT_EQ(a.in_flight(), i);
  }
}

TEST_F(BalanceTest, LimitIsNeverExceededHoweverManyWorkersTry) {
  constexpr int kClients = 12;
  constexpr int kRequests = 20;
  HeldBackend backend("a");
  const BackendEntry entry = Add(backend, 3);
  Start({.timeouts = {.queue = std::chrono::seconds(20)}});
  backend.LetGo(kClients * kRequests);
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      auto client = ConnectTo((i % 2 == 0 ? one_ : two_).At(1));
      for (int request = 0; request < kRequests; ++request) {
        client->Send(kGet);
        if (client->ReadMessage().body == "a") ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();

  EXPECT_EQ(answered, kClients * kRequests);
  EXPECT_LE(backend.most(), 3);
  for (const WorkerProcess* worker : {&one_, &two_}) {
    EXPECT_TRUE(Eventually(kSoon, [&] { return worker->Figures(entry).connections == 0; }));
    const WorkerFigures pool = worker->View().Pool(kPool, "web");
    EXPECT_GT(pool.queue.count(), 0U) << "some had to wait";
    EXPECT_EQ(pool.queued, 0U);
    const WorkerFigures figures = worker->Figures(entry);
    EXPECT_EQ(figures.requests, kClients / 2 * kRequests);
    EXPECT_EQ(figures.responses[1], figures.requests);
    EXPECT_EQ(figures.response.count(), figures.requests);
    EXPECT_EQ(figures.total.count(), figures.requests);
    const WorkerFigures service = worker->View().Service(1, "web");
    EXPECT_EQ(service.requests, figures.requests);
    EXPECT_EQ(service.total.count(), figures.requests);
    EXPECT_EQ(worker->Figures().requests, figures.requests);
  }
}

TEST_F(BalanceTest, WhoWaitsIsServedInOrderAndWhoLeavesIsTakenOut) {
  HeldBackend backend("a");
  Add(backend, 1);
  Start({.timeouts = {.queue = std::chrono::seconds(20)}});
  auto first = Ask(one_);
  ASSERT_TRUE(Eventually(kSoon, [&] { return backend.in_flight() == 1; }));
  auto second = Ask(one_);
  ASSERT_TRUE(Queues(one_, 1));
  auto leaver = Ask(one_);
  ASSERT_TRUE(Queues(one_, 2));
  auto third = Ask(one_);
  ASSERT_TRUE(Queues(one_, 3));
  leaver->Close();
  EXPECT_TRUE(Queues(one_, 2));
  auto elsewhere = Ask(two_);
  ASSERT_TRUE(Queues(two_, 1));

  backend.LetGo(4);
  EXPECT_EQ(first->ReadMessage().body, "a");
  EXPECT_EQ(second->ReadMessage().body, "a");
  EXPECT_EQ(third->ReadMessage().body, "a");
  EXPECT_EQ(elsewhere->ReadMessage().body, "a") << "left to it by the other worker";
  EXPECT_EQ(backend.most(), 1);
}

TEST_F(BalanceTest, QueueHasALimitOverAllWorkersAndATime) {
  HeldBackend backend("a");
  const BackendEntry entry = Add(backend, 1);
  Start({.timeouts = {.queue = std::chrono::milliseconds(500)}, .limits = {.queue = 1}});
  auto first = Ask(one_);
  ASSERT_TRUE(Eventually(kSoon, [&] { return backend.in_flight() == 1; }));
  auto waits = Ask(one_);
  ASSERT_TRUE(Queues(one_, 1));
  EXPECT_THAT(Ask(two_)->ReadMessage().head, HasSubstr(" 503 ")) << "one waits already";
  auto raw = ConnectTo(two_.At(2));
  EXPECT_TRUE(raw->AtEnd()) << "likewise";
  EXPECT_THAT(waits->ReadMessage().head, HasSubstr(" 503 "));
  EXPECT_TRUE(Queues(one_, 0));
  EXPECT_EQ(one_.View().Pool(kPool, "web").queue_timeouts, 1U);
  EXPECT_EQ(two_.View().Pool(kPool, "web").queue_full, 2U);
  EXPECT_EQ(one_.Figures(entry).connections_total, 1U);

  auto raw_waits = ConnectTo(one_.At(2));
  ASSERT_TRUE(Queues(one_, 1));
  EXPECT_TRUE(raw_waits->AtEnd());
  backend.LetGo(1);
  EXPECT_EQ(first->ReadMessage().body, "a");
  for (WorkerProcess* worker : {&one_, &two_}) worker->Drain(std::chrono::seconds(5));
  EXPECT_EQ(one_.Ended(kSoon), 0);
  EXPECT_EQ(two_.Ended(kSoon), 0);
  EXPECT_THAT(one_.Log(), HasSubstr("queue-timed-out=1"));
  EXPECT_THAT(two_.Log(), HasSubstr("queue-full=1"));
}

TEST_F(BalanceTest, DrainedBackendFinishesWhatItHasAndNobodyWaitsForIt) {
  HeldBackend backend("a");
  BackendEntry entry = Add(backend, 1);
  Start({.timeouts = {.queue = std::chrono::seconds(20)}});
  auto first = Ask(one_);
  ASSERT_TRUE(Eventually(kSoon, [&] { return backend.in_flight() == 1; }));
  auto waits = Ask(one_);
  ASSERT_TRUE(Queues(one_, 1));
  one_.SetAdmin(entry, BackendAdmin::kDraining);

  EXPECT_THAT(waits->ReadMessage().head, HasSubstr(" 503 "));
  backend.LetGo(1);
  EXPECT_EQ(first->ReadMessage().body, "a");
  EXPECT_TRUE(Eventually(kSoon, [&] { return one_.Figures(entry).connections == 0; }));
}

}  // namespace
}  // namespace koi
