// SPDX-License-Identifier: Apache-2.0
// koi_backends: one writer, readers that never see half an entry.
#include "dataplane/backend_map.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/backend.h>
#include <sys/mman.h>

#include <atomic>
#include <thread>

#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kMayReuse = [](uint32_t) { return true; };
constexpr auto kMayNotReuse = [](uint32_t) { return false; };

BackendEntry Web(const std::string& name, const std::string& endpoint, uint32_t pool = 0) {
  return {.pool = pool, .endpoint = *Endpoint::Parse(endpoint), .name = name, .pool_name = "web"};
}

class BackendMapTest : public ::testing::Test {
 protected:
  BackendEntry Add(const BackendEntry& entry) {
    absl::StatusOr<BackendEntry> added = map.Add(entry, kMayReuse);
    EXPECT_TRUE(added.ok()) << added.status();
    return added.value_or(BackendEntry{});
  }
  BackendMap Reopened() { return *BackendMap::Open(object.MapFd("koi_backends")); }

  LoadedObject object;
  BackendMap map = Reopened();
  BackendView view = *BackendView::Open(object.MapFd("koi_backends").get());
};

TEST_F(BackendMapTest, ReaderSeesWhatWasAdded) {
  BackendEntry entry = Web("web-1", "10.0.2.11:8080", 7);
  entry.health = BackendHealth::kUp;
  entry.origin = BackendOrigin::kCli;
  entry.weight = 50;
  const BackendEntry added = Add(entry);
  const std::optional<BackendEntry> read = view.Read(added.number);

  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->number, added.number);
  EXPECT_EQ(read->incarnation, 1U);
  EXPECT_EQ(read->admin, BackendAdmin::kEnabled);
  EXPECT_EQ(read->health, BackendHealth::kUp);
  EXPECT_EQ(read->origin, BackendOrigin::kCli);
  EXPECT_EQ(read->weight, 50U);
  EXPECT_EQ(read->pool, 7U);
  EXPECT_EQ(read->endpoint.ToString(), "10.0.2.11:8080");
  EXPECT_EQ(read->name, "web-1");
  EXPECT_EQ(read->pool_name, "web");
}

TEST_F(BackendMapTest, MembersAreThoseOfThePool) {
  const BackendEntry first = Add(Web("web-1", "10.0.2.11:8080", 0));
  Add(Web("api-1", "[2001:db8::5]:8080", 1));
  const BackendEntry second = Add(Web("web-2", "10.0.2.12:8080", 0));

  EXPECT_THAT(view.Members(0), ElementsAre(first.number, second.number));
  EXPECT_THAT(view.Members(2), IsEmpty());
}

TEST_F(BackendMapTest, GenerationChangesWhenABackendComesOrGoesOnly) {
  const uint32_t before = view.generation();
  BackendEntry entry = Add(Web("web-1", "10.0.2.11:8080"));
  const uint32_t with = view.generation();
  entry.health = BackendHealth::kUp;
  map.Update(entry);
  const uint32_t updated = view.generation();
  map.Remove(entry.number);

  EXPECT_NE(with, before);
  EXPECT_EQ(updated, with);
  EXPECT_NE(view.generation(), updated);
}

TEST_F(BackendMapTest, ReadersAreToldOfAnotherLimitAndSeeSinceWhenABackendIsUsable) {
  BackendEntry entry = Web("web-1", "10.0.2.11:8080");
  entry.connections_max = 5;
  entry = Add(entry);
  EXPECT_EQ(view.UpSince(entry.number), TimePoint());
  EXPECT_EQ(view.Read(entry.number)->connections_max, 5U);
  const uint32_t before = view.generation();
  entry.connections_max = 7;
  map.Update(entry);
  EXPECT_NE(view.generation(), before);
  EXPECT_EQ(view.Read(entry.number)->connections_max, 7U);

  const TimePoint start = Now();
  entry.health = BackendHealth::kUp;
  map.Update(entry);
  const TimePoint since = view.UpSince(entry.number);
  EXPECT_GE(since, start);
  map.Update(entry);
  EXPECT_EQ(view.UpSince(entry.number), since) << "it was up already";
  entry.admin = BackendAdmin::kDraining;
  map.Update(entry);
  entry.admin = BackendAdmin::kEnabled;
  map.Update(entry);
  EXPECT_GT(view.UpSince(entry.number), since) << "back from draining";
}

TEST_F(BackendMapTest, OnlyAnEnabledBackendThatIsUpIsUsable) {
  BackendEntry entry = Add(Web("web-1", "10.0.2.11:8080"));
  EXPECT_FALSE(view.Usable(entry.number)) << "its health is not known yet";

  entry.health = BackendHealth::kUp;
  map.Update(entry);
  EXPECT_TRUE(view.Usable(entry.number));

  entry.admin = BackendAdmin::kDraining;
  map.Update(entry);
  EXPECT_FALSE(view.Usable(entry.number));
  EXPECT_TRUE(view.Read(entry.number).has_value());
}

TEST_F(BackendMapTest, RemovedBackendIsGone) {
  const BackendEntry entry = Add(Web("web-1", "10.0.2.11:8080"));
  map.Remove(entry.number);

  EXPECT_FALSE(view.Read(entry.number).has_value());
  EXPECT_FALSE(view.Usable(entry.number));
  EXPECT_THAT(view.Members(0), IsEmpty());
  EXPECT_THAT(map.List(), IsEmpty());
}

TEST_F(BackendMapTest, NumbersOutOfRangeAreNoBackends) {
  for (const uint32_t number : {0U, +KOI_BACKENDS_MAX + 0U, 0xffffffffU}) {
    SCOPED_TRACE(number);
    EXPECT_FALSE(view.Read(number).has_value());
    EXPECT_FALSE(view.Usable(number));
  }
}

TEST_F(BackendMapTest, NumberFreedLastIsGivenLast) {
  const BackendEntry first = Add(Web("web-1", "10.0.2.11:8080"));
  map.Remove(first.number);
  const BackendEntry second = Add(Web("web-2", "10.0.2.12:8080"));

  EXPECT_NE(second.number, first.number);
}

TEST_F(BackendMapTest, FullTableSaysSoAndGivesUsedNumbersAgainOnlyWhereTheCallerAgrees) {
  for (uint32_t i = 1; i < KOI_WORKER_BACKENDS_MAX; ++i) Add(Web("web", "10.0.2.11:8080"));
  EXPECT_TRUE(
      absl::IsResourceExhausted(map.Add(Web("one-more", "10.0.2.12:8080"), kMayReuse).status()));
  map.Remove(17);
  EXPECT_FALSE(map.Add(Web("one-more", "10.0.2.12:8080"), kMayNotReuse).ok());
  const BackendEntry again = Add(Web("one-more", "10.0.2.12:8080"));

  EXPECT_EQ(again.number, 17U);
  EXPECT_EQ(again.incarnation, 2U);
}

TEST_F(BackendMapTest, NextManagerFindsWhatTheLastOneWrote) {
  Add(Web("web-1", "10.0.2.11:8080"));
  Add(Web("web-2", "[2001:db8::12]:8080"));
  const BackendMap next = Reopened();
  const std::vector<BackendEntry> found = next.List();

  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "web-1");
  EXPECT_EQ(found[1].endpoint.ToString(), "[2001:db8::12]:8080");
}

// A manager killed between two stores leaves an odd sequence.
TEST_F(BackendMapTest, EntryLeftHalfWrittenIsNotReadAndIsFreedByTheNextManager) {
  const BackendEntry whole = Add(Web("web-1", "10.0.2.11:8080"));
  const BackendEntry half = Add(Web("web-2", "10.0.2.12:8080"));
  const Fd fd = object.MapFd("koi_backends");
  const size_t bytes = sizeof(koi_backend) * KOI_BACKENDS_MAX;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  static_cast<koi_backend*>(memory)[half.number].sequence += 1;

  EXPECT_FALSE(view.Read(half.number).has_value());
  EXPECT_THAT(view.Members(0), ElementsAre(whole.number));
  const uint32_t generation = view.generation();
  const BackendMap next = Reopened();
  EXPECT_EQ(next.List().size(), 1U);
  EXPECT_NE(view.generation(), generation);
  EXPECT_EQ(static_cast<koi_backend*>(memory)[half.number].sequence % 2, 0U);
  ::munmap(memory, bytes);
}

TEST_F(BackendMapTest, BackendsOfL4PoolsHaveNumbersThatNoWorkerSees) {
  const uint32_t generation = view.generation();
  BackendEntry dns = Web("dns", "10.0.2.11:53");
  dns.l4 = true;
  EXPECT_GE(Add(dns).number, uint32_t{KOI_WORKER_BACKENDS_MAX});
  EXPECT_THAT(view.Members(0), testing::IsEmpty());
  EXPECT_EQ(view.generation(), generation);
}

TEST_F(BackendMapTest, WayIsStoredAsKoiXdpReadsIt) {
  BackendEntry dns = Web("dns", "10.0.2.11:53");
  dns.l4 = true;
  dns = Add(dns);
  map.SetWay(
      dns,
      {.egress = 7, .to_mac = {2, 0, 0, 0, 0, 1}, .from_mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500});
  BackendEntry earlier = dns;
  --earlier.incarnation;
  map.SetWay(earlier, {.egress = 8});

  koi_backend entry = {};
  ASSERT_EQ(bpf_map_lookup_elem(map.fd(), &dns.number, &entry), 0);
  EXPECT_EQ(entry.egress_ifindex, 7U);
  EXPECT_THAT(entry.to_mac, testing::ElementsAre(2, 0, 0, 0, 0, 1));
  EXPECT_THAT(entry.from_mac, testing::ElementsAre(2, 0, 0, 0, 0, 2));
  EXPECT_EQ(entry.mtu, 1500);
  EXPECT_EQ(entry.pad, 0);
}

TEST_F(BackendMapTest, ReaderNeverSeesHalfOfABackend) {
  const BackendEntry kinds[] = {Web("even", "10.0.2.2:2", 0), Web("odd", "[2001:db8::1]:1", 1)};
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (uint32_t i = 0; !done; ++i) map.Remove(Add(kinds[i % 2]).number);
  });
  int read = 0;
  int mixed = 0;
  for (uint32_t number = 1; read < 500; number = number % (KOI_WORKER_BACKENDS_MAX - 1) + 1) {
    const std::optional<BackendEntry> copy = view.Read(number);
    if (!copy.has_value()) continue;
    ++read;
    const BackendEntry& kind = kinds[copy->pool % 2];
    mixed += copy->name != kind.name || copy->endpoint != kind.endpoint;
  }
  done = true;
  writer.join();

  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace koi
