// SPDX-License-Identifier: Apache-2.0
// koi_worker_N: what a worker counts, and what others read.
#include "dataplane/worker_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/worker.h>
#include <sys/mman.h>

#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kBackend = 5;

class WorkerMapTest : public ::testing::Test {
 protected:
  LoadedObject object;
  Fd map_fd = *object->WorkerMapFd(0);
  WorkerCounters counters = *WorkerCounters::Open(map_fd.get(), 0);
  WorkerView view = *WorkerView::Open(map_fd.get());
};

TEST_F(WorkerMapTest, WorkerIsCountedAsAWhole) {
  const TimePoint now = Now();
  counters.Begin(4711);
  counters.Heartbeat(now);
  counters.Accepted(false);
  counters.Accepted(true);
  counters.ConnectionEnded();
  counters.Handshake(true);
  counters.Handshake(false);
  counters.Request();
  counters.Error();
  counters.FromClient(100);
  counters.ToClient(2000);
  const WorkerFigures total = view.Total();

  EXPECT_EQ(total.heartbeat, now);
  EXPECT_EQ(total.pid, 4711U);
  EXPECT_EQ(total.accepted, 2U);
  EXPECT_EQ(total.misplaced, 1U);
  EXPECT_EQ(total.connections, 1U);
  EXPECT_EQ(total.connections_total, 2U);
  EXPECT_EQ(total.handshakes, 1U);
  EXPECT_EQ(total.handshake_failures, 1U);
  EXPECT_EQ(total.requests, 1U);
  EXPECT_EQ(total.errors, 1U);
  EXPECT_EQ(total.bytes_in, 100U);
  EXPECT_EQ(total.bytes_out, 2000U);
}

TEST_F(WorkerMapTest, BackendsAreCountedEachForItself) {
  counters.BackendBegins(kBackend, 1);
  counters.BackendBegins(kBackend, 1);
  counters.BackendEnds(kBackend, 1);
  counters.BackendRequest(kBackend, 1);
  counters.BackendError(kBackend, 1);
  counters.FromBackend(kBackend, 1, 30);
  counters.ToBackend(kBackend, 1, 4);
  const WorkerFigures figures = view.Backend(kBackend, 1);

  EXPECT_EQ(figures.connections, 1U);
  EXPECT_EQ(figures.connections_total, 2U);
  EXPECT_EQ(figures.requests, 1U);
  EXPECT_EQ(figures.errors, 1U);
  EXPECT_EQ(figures.bytes_in, 30U);
  EXPECT_EQ(figures.bytes_out, 4U);
  EXPECT_EQ(view.Backend(kBackend + 1, 1).requests, 0U);
  EXPECT_EQ(view.Total().requests, 0U);
}

TEST_F(WorkerMapTest, BackendThatTakesOverANumberStartsFromZero) {
  counters.BackendBegins(kBackend, 1);
  counters.BackendRequest(kBackend, 1);
  counters.BackendBegins(kBackend, 2);

  EXPECT_EQ(view.Backend(kBackend, 2).connections, 1U);
  EXPECT_EQ(view.Backend(kBackend, 2).requests, 0U);
  EXPECT_EQ(view.Backend(kBackend, 1).connections, 0U) << "not its figures";
}

TEST_F(WorkerMapTest, WhatEndsLateForABackendThatIsGoneChangesNothing) {
  counters.BackendBegins(kBackend, 1);
  counters.BackendBegins(kBackend, 2);
  counters.BackendEnds(kBackend, 1);
  counters.FromBackend(kBackend, 1, 1000);

  EXPECT_EQ(view.Backend(kBackend, 2).connections, 1U);
  EXPECT_EQ(view.Backend(kBackend, 2).bytes_in, 0U);
}

TEST_F(WorkerMapTest, NextWorkerStartsWithoutConnectionsAndKeepsTotals) {
  counters.Begin(1);
  counters.Accepted(false);
  counters.BackendBegins(kBackend, 1);
  WorkerCounters next = *WorkerCounters::Open(map_fd.get(), 0);
  next.Begin(2);

  EXPECT_EQ(view.Total().pid, 2U);
  EXPECT_EQ(view.Total().connections, 0U);
  EXPECT_EQ(view.Total().connections_total, 1U);
  EXPECT_EQ(view.Backend(kBackend, 1).connections, 0U);
  EXPECT_EQ(view.Backend(kBackend, 1).connections_total, 1U);
}

TEST_F(WorkerMapTest, FollowerHasASeatOfItsOwnAndBothAreSummed) {
  WorkerCounters follower = *WorkerCounters::Open(map_fd.get(), 1);
  counters.Begin(1);
  follower.Begin(2);
  counters.Heartbeat(FromNanoseconds(1000));
  follower.Heartbeat(FromNanoseconds(2000));
  counters.Accepted(false);
  follower.Accepted(true);
  counters.BackendBegins(kBackend, 1);
  follower.BackendBegins(kBackend, 1);
  counters.Cut(3);

  EXPECT_EQ(view.Seat(0).pid, 1U);
  EXPECT_EQ(view.Seat(1).pid, 2U);
  EXPECT_EQ(view.Seat(1).misplaced, 1U);
  EXPECT_EQ(view.Total().accepted, 2U);
  EXPECT_EQ(view.Total().connections, 2U);
  EXPECT_EQ(view.Total().cut, 3U);
  EXPECT_EQ(view.Total().pid, 2U) << "of the one that beat last";
  EXPECT_EQ(view.Backend(kBackend, 1).connections, 2U);
}

TEST_F(WorkerMapTest, ClearedSeatHasNoConnectionsAndItsTotals) {
  WorkerCounters follower = *WorkerCounters::Open(map_fd.get(), 1);
  counters.Begin(1);
  follower.Begin(2);
  counters.Accepted(false);
  counters.BackendBegins(kBackend, 1);
  follower.Accepted(false);
  ASSERT_TRUE(ClearWorkerSeat(map_fd.get(), 0).ok());

  EXPECT_EQ(view.Seat(0).pid, 0U);
  EXPECT_EQ(view.Seat(0).connections, 0U);
  EXPECT_FALSE(view.InUse(kBackend));
  EXPECT_EQ(view.Total().connections, 1U);
  EXPECT_EQ(view.Total().connections_total, 2U);
}

TEST_F(WorkerMapTest, BackendOfAnEarlierIncarnationInOneSeatDoesNotCount) {
  WorkerCounters follower = *WorkerCounters::Open(map_fd.get(), 1);
  counters.BackendBegins(kBackend, 1);
  follower.BackendBegins(kBackend, 2);

  EXPECT_EQ(view.Backend(kBackend, 2).connections, 1U);
  EXPECT_TRUE(view.InUse(kBackend));
}

TEST_F(WorkerMapTest, ServiceIsCountedForItselfAndInTheWhole) {
  const ServiceCounters web = counters.Service(3, "web");
  web.ConnectionBegins();
  web.Request(204);
  web.Request(503);
  web.Request(0);
  web.Error();
  web.FromClient(10);
  web.ToClient(20);
  web.Handshake(true, true, false);
  web.Handshake(true, false, true);
  web.Handshake(false);
  const WorkerFigures service = view.Service(3, "web");
  const WorkerFigures total = view.Total();

  for (const WorkerFigures& figures : {service, total}) {
    EXPECT_EQ(figures.requests, 3U);
    EXPECT_THAT(figures.responses, ElementsAre(0, 1, 0, 0, 1));
    EXPECT_EQ(figures.errors, 1U);
    EXPECT_EQ(figures.bytes_in, 10U);
    EXPECT_EQ(figures.bytes_out, 20U);
    EXPECT_EQ(figures.handshakes, 2U);
    EXPECT_EQ(figures.handshakes_tls13, 1U);
    EXPECT_EQ(figures.handshakes_resumed, 1U);
    EXPECT_EQ(figures.handshake_failures, 1U);
  }
  EXPECT_EQ(service.connections, 1U);
  EXPECT_EQ(total.connections, 0U) << "counted where it was accepted";
  EXPECT_EQ(view.Service(3, "other").requests, 0U);
}

TEST_F(WorkerMapTest, TimesAreInBucketsOfPowersOfTwo) {
  const Counters backend = counters.Backend(kBackend, 1);
  for (const int64_t us : {0, 15, 16, 31, 32, 1'000'000}) {
    backend.Responded(std::chrono::microseconds(us));
  }
  backend.Responded(std::chrono::hours(1));
  backend.Responded(-std::chrono::seconds(1));
  backend.SetUp(std::chrono::microseconds(7));
  const WorkerFigures figures = view.Backend(kBackend, 1);

  EXPECT_EQ(figures.response.count(), 8U);
  EXPECT_EQ(figures.response.buckets[0], 3U) << "under 16 us";
  EXPECT_EQ(figures.response.buckets[1], 2U);
  EXPECT_EQ(figures.response.buckets[2], 1U);
  EXPECT_EQ(figures.response.buckets[16], 1U);
  EXPECT_GT(LatencyFigures::LimitUs(16), 1'000'000U);
  EXPECT_LE(LatencyFigures::LimitUs(15), 1'000'000U);
  EXPECT_EQ(figures.response.buckets[kLatencyBuckets - 1], 1U);
  EXPECT_EQ(figures.response.sum_us, 1'000'094U + 3'600'000'000U);
  EXPECT_EQ(figures.setup.count(), 1U);
  EXPECT_EQ(figures.total.count(), 0U);
}

TEST_F(WorkerMapTest, QueueOfAPoolIsAGaugeThatEndsWithItsWorker) {
  const Counters pool = counters.Pool(7, "web");
  pool.QueueBegins();
  pool.QueueBegins();
  pool.QueueEnds();
  pool.QueueFull();
  pool.QueueTimedOut();
  pool.Queued(std::chrono::milliseconds(5));
  EXPECT_EQ(view.Pool(7, "web").queued, 1U);
  EXPECT_EQ(view.Queued(0, 7, pool.incarnation()), 1U);
  ASSERT_TRUE(ClearWorkerSeat(map_fd.get(), 0).ok());

  const WorkerFigures figures = view.Pool(7, "web");
  EXPECT_EQ(figures.queued, 0U);
  EXPECT_EQ(figures.queue_full, 1U);
  EXPECT_EQ(figures.queue_timeouts, 1U);
  EXPECT_EQ(figures.queue.count(), 1U);
}

TEST_F(WorkerMapTest, ServiceThatTakesOverANumberStartsFromZeroAndTheOtherChangesNothing) {
  const ServiceCounters before = counters.Service(3, "web");
  before.ConnectionBegins();
  before.Request(200);
  const ServiceCounters after = counters.Service(3, "api");
  after.ConnectionBegins();
  before.Request(200);
  before.ConnectionEnds();

  EXPECT_EQ(view.Service(3, "api").requests, 0U);
  EXPECT_EQ(view.Service(3, "api").connections, 1U);
  EXPECT_EQ(view.Service(3, "web").requests, 0U);
  EXPECT_EQ(view.Total().requests, 2U) << "answered all the same";
}

TEST_F(WorkerMapTest, WhatHasNoPlaceOfItsOwnIsCountedInTheWholeAlone) {
  const ServiceCounters service = counters.Service(4000, "web");
  service.ConnectionBegins();
  service.Request(200);
  counters.Pool(4000, "web").QueueBegins();
  Counters().Request(200);

  EXPECT_EQ(view.Total().requests, 1U);
  EXPECT_EQ(view.Total().connections, 0U);
  EXPECT_EQ(view.Service(4000, "web").requests, 0U);
  EXPECT_EQ(view.Pool(4000, "web").queued, 0U);
}

TEST_F(WorkerMapTest, OthersNumbersAreBounded) {
  const size_t entry = kBackend * sizeof(koi_worker);
  void* memory = ::mmap(nullptr, entry + sizeof(koi_worker), PROT_READ | PROT_WRITE, MAP_SHARED,
                        map_fd.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  koi_worker& place = static_cast<koi_worker*>(memory)[kBackend];
  place.connections = ~uint64_t{0};
  place.incarnation = 9;

  EXPECT_EQ(view.InUse(0, kBackend, 9), WorkerView::kMostCounted);
  EXPECT_EQ(view.InUse(0, kBackend, 8), 0U) << "of another backend";
  EXPECT_EQ(view.InUse(0, 0xffffffff, 9), 0U);
  EXPECT_EQ(view.Queued(0, 0xffffffff, 9), 0U);
  ::munmap(memory, entry + sizeof(koi_worker));
}

TEST_F(WorkerMapTest, MapMayBeClosedOnceItIsMapped) {
  map_fd.Close();
  counters.Accepted(false);

  EXPECT_EQ(view.Total().accepted, 1U);
}

TEST_F(WorkerMapTest, NumbersOutOfRangeReadAsNothing) {
  EXPECT_EQ(view.Backend(0, 0).pid, 0U);
  EXPECT_EQ(view.Backend(0xffffffff, 1).requests, 0U);
}

}  // namespace
}  // namespace koi
