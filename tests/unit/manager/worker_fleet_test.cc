// SPDX-License-Identifier: Apache-2.0
// The fleet with the test in the place of its workers and of the keeper.
#include "manager/worker_fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kCpu = 3;
constexpr auto kLimit = std::chrono::seconds(7);

Fd Table() {
  constexpr off_t kBytes = off_t{1} << 22;  // more than any map needs
  Fd fd(::memfd_create("table", MFD_CLOEXEC));
  KOI_CHECK(fd.valid() && ::ftruncate(fd.get(), kBytes) == 0);
  return fd;
}

// A worker's end of its channel.
struct FakeWorker {
  pid_t pid = 0;
  Fd channel = {};
  WorkerWelcome welcome = {};

  void Say(const WorkerMessage& message) const {
    KOI_CHECK(SendMessage(channel.get(), EncodeWorkerMessage(message)).ok());
  }
  // What it was told since it was asked last: "welcome", names of services and pools, "start",
  // "drain 7000".
  std::vector<std::string> Heard() {
    std::vector<std::string> heard;
    for (auto next = ReceiveMessage(channel.get()); next.ok();
         next = ReceiveMessage(channel.get())) {
      const WorkerMessage message = *DecodeWorkerMessage(next->bytes);
      if (const auto* told = std::get_if<WorkerWelcome>(&message)) {
        welcome = *told;
        heard.emplace_back("welcome");
      } else if (std::holds_alternative<WorkerPeers>(message)) {
        heard.push_back(absl::StrCat("peers ", next->fds.size()));
      } else if (const auto* service = std::get_if<WorkerService>(&message)) {
        heard.push_back(service->name);
      } else if (const auto* pool = std::get_if<WorkerPool>(&message)) {
        heard.push_back(pool->name);
      } else if (const auto* drain = std::get_if<WorkerDrain>(&message)) {
        heard.push_back(absl::StrCat("drain ", drain->limit_ms));
      } else {
        heard.emplace_back("start");
      }
    }
    return heard;
  }
};

class WorkerFleetTest : public ::testing::Test {
 protected:
  WorkerFleetTest() { Begin(); }

  // A manager begins, its workers being what they are.
  void Begin() {
    fleet_ =
        std::make_unique<WorkerFleet>(*loop_, [this](KeeperMessageType order, int cpu, pid_t pid) {
          const char* name = order == KeeperMessageType::kReplaceChild  ? "replace"
                             : order == KeeperMessageType::kRetireChild ? "retire"
                                                                        : "kill";
          orders_.push_back(absl::StrCat(name, " ", cpu, " ", pid));
        });
    fleet_->SetBriefing("blue", {WorkerService{.name = "web"}}, {WorkerPool{.name = "web-pool"}});
    KOI_CHECK(fleet_->AddCpu(kCpu, map_.Duplicate().value(), Table(), Table()).ok());
    fleet_->AddListener(kCpu, ListenerFamily::kIp4, listener_);
  }

  FakeWorker Attach(pid_t pid, int64_t starts) {
    auto [ours, theirs] = *MakeChannelPair();
    EXPECT_TRUE(fleet_->Attach(kCpu, pid, starts, std::move(ours)).ok());
    return {.pid = pid, .channel = std::move(theirs)};
  }
  // It has begun in its seat, and says so.
  void Serve(FakeWorker& worker) {
    (void)worker.Heard();
    WorkerCounters counters = *WorkerCounters::Open(map_.get(), worker.welcome.seat);
    counters.Begin(static_cast<uint32_t>(worker.pid));
    counters.Heartbeat(Now());
    worker.Say(WorkerReady{.revision = worker.welcome.revision, .seat = worker.welcome.seat});
    Turn();
  }
  void Turn() {
    for (int i = 0; i < 3; ++i) loop_->Turn(std::chrono::milliseconds(1));
  }
  const WorkerFleet::Cpu& cpu() const { return *fleet_->List().front(); }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  Fd map_ = Table();
  Fd listener_ = Table();
  std::vector<std::string> orders_;
  std::unique_ptr<WorkerFleet> fleet_;
};

TEST_F(WorkerFleetTest, WorkerIsToldItsServicesAndPoolsAndServes) {
  FakeWorker one = Attach(11, 1);
  EXPECT_THAT(one.Heard(), ElementsAre("welcome", "web", "web-pool", "start"));
  Serve(one);
  EXPECT_EQ(cpu().in_place.state, WorkerState::kServing);
  EXPECT_EQ(cpu().in_place.revision, fleet_->revision());
}

TEST_F(WorkerFleetTest, WorkerThatStartsGetsTheMapsOfAllOtherCpus) {
  for (int cpu = kCpu + 1; cpu <= kCpu + 18; ++cpu) {
    ASSERT_TRUE(fleet_->AddCpu(cpu, Table(), Table(), Table()).ok());
  }
  FakeWorker one = Attach(11, 1);
  EXPECT_THAT(one.Heard(),
              ElementsAre("welcome", "peers 16", "peers 2", "web", "web-pool", "start"));
  Serve(one);
  ASSERT_TRUE(fleet_->Update(fleet_->services(), fleet_->pools()).ok());
  EXPECT_THAT(one.Heard(), ElementsAre("welcome", "web", "web-pool", "start")) << "it has them";
}

TEST_F(WorkerFleetTest, ChangedServicesAreToldAndARefusalIsKept) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  ASSERT_TRUE(
      fleet_->Update({WorkerService{.name = "other"}}, {WorkerPool{.name = "other-pool"}}).ok());
  EXPECT_THAT(one.Heard(), ElementsAre("welcome", "other", "other-pool", "start"));
  one.Say(WorkerFailed{.why = "no", .revision = fleet_->revision(), .serving = true});
  Turn();
  EXPECT_EQ(cpu().in_place.refusal, "no");
  EXPECT_EQ(cpu().in_place.state, WorkerState::kServing);
  EXPECT_NE(cpu().in_place.revision, fleet_->revision());
}

TEST_F(WorkerFleetTest, ServiceThatFitsNoMessageChangesNothing) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  const absl::Status updated = fleet_->Update(
      {WorkerService{.name = "large", .welcome_page = std::string(kMaxMessageBytes, 'x')}}, {});
  EXPECT_THAT(std::string(updated.message()), HasSubstr("service \"large\" is too large"));
  EXPECT_THAT(one.Heard(), IsEmpty());
  EXPECT_EQ(fleet_->services()[0].name, "web");
}

TEST_F(WorkerFleetTest, FollowerTakesThePlaceOnceItServes) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  ASSERT_TRUE(fleet_->Replace(kCpu, kLimit).ok());
  EXPECT_THAT(orders_, ElementsAre("replace 3 11"));
  FakeWorker two = Attach(12, 2);
  EXPECT_EQ(cpu().in_place.pid, 11) << "until the other serves";
  EXPECT_THAT(one.Heard(), IsEmpty());

  Serve(two);

  EXPECT_THAT(orders_, ElementsAre("replace 3 11", "retire 3 11"));
  EXPECT_THAT(one.Heard(), ElementsAre("drain 7000"));
  EXPECT_EQ(cpu().in_place.pid, 12);
  EXPECT_EQ(cpu().leaver->pid, 11);
  EXPECT_NE(cpu().leaver->seat, cpu().in_place.seat);
  EXPECT_TRUE(absl::IsFailedPrecondition(fleet_->Replace(kCpu, kLimit))) << "one at a time";

  fleet_->Detach(kCpu, 11);
  EXPECT_FALSE(cpu().leaver.has_value());
  EXPECT_EQ(cpu().figures.Seat(1 - cpu().in_place.seat).pid, 0u) << "cleared";
}

TEST_F(WorkerFleetTest, WorkerStaysWhoseFollowerEndsBeforeItServes) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  ASSERT_TRUE(fleet_->Replace(kCpu, kLimit).ok());
  FakeWorker two = Attach(12, 2);
  two.Say(WorkerFailed{.why = "no memory"});
  Turn();
  fleet_->Detach(kCpu, 12);
  EXPECT_EQ(cpu().replace_failure, "no memory");
  EXPECT_EQ(cpu().in_place.pid, 11);
  EXPECT_EQ(cpu().in_place.state, WorkerState::kServing);
  EXPECT_THAT(one.Heard(), IsEmpty());
  EXPECT_TRUE(fleet_->Replace(kCpu, kLimit).ok()) << "once more";
}

TEST_F(WorkerFleetTest, FollowerIsInPlaceAtOnceWhenTheOtherDies) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  ASSERT_TRUE(fleet_->Replace(kCpu, kLimit).ok());
  FakeWorker two = Attach(12, 2);
  fleet_->Detach(kCpu, 11);
  EXPECT_EQ(cpu().in_place.pid, 12);
  Serve(two);
  EXPECT_EQ(cpu().in_place.state, WorkerState::kServing);
  EXPECT_FALSE(cpu().leaver.has_value());
}

TEST_F(WorkerFleetTest, NewManagerThatMeetsTwoWorkersGoesOnInAnyOrder) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  ASSERT_TRUE(fleet_->Replace(kCpu, kLimit).ok());
  FakeWorker two = Attach(12, 2);
  Serve(two);
  for (const bool older_first : {true, false}) {
    SCOPED_TRACE(older_first);
    Begin();
    orders_.clear();
    FakeWorker first = Attach(older_first ? 11 : 12, older_first ? 1 : 2);
    FakeWorker second = Attach(older_first ? 12 : 11, older_first ? 2 : 1);
    EXPECT_EQ(cpu().in_place.pid, 12);
    EXPECT_EQ(cpu().leaver->pid, 11);
    EXPECT_THAT(orders_, ElementsAre("retire 3 11"));
    EXPECT_NE(cpu().leaver->seat, cpu().in_place.seat);
  }
}

TEST_F(WorkerFleetTest, FiguresOutliveWorkersAndTheirGaugesDoNot) {
  FakeWorker one = Attach(11, 1);
  Serve(one);
  WorkerCounters counters = *WorkerCounters::Open(map_.get(), one.welcome.seat);
  counters.Accepted(false);
  counters.BackendBegins(1, 1);
  EXPECT_FALSE(fleet_->NobodyUses(1));
  fleet_->Detach(kCpu, 11);
  EXPECT_TRUE(fleet_->NobodyUses(1));
  EXPECT_EQ(cpu().figures.Total().connections, 0u);
  EXPECT_EQ(cpu().figures.Total().accepted, 1u);
}

}  // namespace
}  // namespace koi
