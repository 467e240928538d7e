// SPDX-License-Identifier: Apache-2.0
// koi_worker_N: what a worker counts, and what others read.
#include "dataplane/worker_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

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
