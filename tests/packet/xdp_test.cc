// SPDX-License-Identifier: Apache-2.0
// Loads the object once for all packet tests, sets its maps for each, and insists that the tests
// together have seen every verdict there is.
#include "packet/xdp_test.h"

#include <koi/abi/verdict.h>

#include <set>

#include "base/check.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

std::set<std::string>& VerdictsSeen() {
  static std::set<std::string> seen;
  return seen;
}

std::unique_ptr<BpfObject> LoadOnce() {
  auto object = BpfObject::Load(NewPinDirectory(), ExistingMaps::kReplace);
  if (!object.ok()) ADD_FAILURE() << object.status();
  KOI_CHECK(object.ok());
  return *std::move(object);
}

// Every reason in the list is produced by a test. Only a run of all tests can say so.
class EveryVerdictHasATest : public ::testing::Environment {
  void TearDown() override {
    const auto* const all = ::testing::UnitTest::GetInstance();
    if (all->test_to_run_count() != all->total_test_count()) return;
#define KOI_AS_EXPECTATION(name, action, help) \
  EXPECT_EQ(VerdictsSeen().count(#name), 1U) << "no test produces the verdict " #name;
    KOI_VERDICTS(KOI_AS_EXPECTATION)
#undef KOI_AS_EXPECTATION
  }
};

const auto* const kEveryVerdictHasATest =
    ::testing::AddGlobalTestEnvironment(new EveryVerdictHasATest);

}  // namespace

BpfObject& XdpTest::Object() {
  static const std::unique_ptr<BpfObject> object = LoadOnce();
  return *object;
}

Fd XdpTest::MapFd(const std::string& name) {
  absl::StatusOr<Fd> fd = Object().MapFd(name);
  KOI_CHECK(fd.ok());
  return *std::move(fd);
}

void XdpTest::SetUp() {
  ASSERT_EQ(settings_map.Write(settings), absl::OkStatus());
  ASSERT_EQ(cpus.Set(kWorkerCpu), absl::OkStatus());
  ASSERT_EQ(gates.OpenUntil(kGroup, Now() + std::chrono::minutes(1)), absl::OkStatus());
  AddVip(kVip4, kVip4Number);
  AddVip(kVip6, kVip6Number);
  AddService(kVip4Number, 443, ServiceMode::kHttp);
  AddService(kVip6Number, 443, ServiceMode::kTcp);
}

void XdpTest::TearDown() {
  const auto all_vips = vips.List();
  const auto all_services = services.List();
  ASSERT_TRUE(all_vips.ok() && all_services.ok());
  for (const VipEntry& vip : *all_vips) EXPECT_EQ(vips.Remove(vip.address), absl::OkStatus());
  for (const ServiceEntry& service : *all_services) {
    EXPECT_EQ(services.Remove(service.where()), absl::OkStatus());
  }
  EXPECT_EQ(cpus.Remove(kWorkerCpu), absl::OkStatus());
  EXPECT_EQ(gates.Close(kGroup), absl::OkStatus());
}

Outcome XdpTest::Run(const Packet& packet) {
  Outcome outcome = runner.Run(packet);
  VerdictsSeen().insert(outcome.verdict);
  return outcome;
}

void XdpTest::AddVip(const std::string& address, uint32_t number) {
  const absl::StatusOr<Address> parsed = Address::Parse(address);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(vips.Set({.address = *parsed, .number = number, .group = kGroup}), absl::OkStatus());
}

void XdpTest::AddService(uint32_t vip_number, uint16_t port, ServiceMode mode) {
  ASSERT_EQ(services.Set({.vip_number = vip_number, .port = port, .mode = mode, .name = "web"}),
            absl::OkStatus());
}

void XdpTest::SetCpus(const std::vector<int>& with_worker) {
  settings.cpus = with_worker;
  ASSERT_EQ(settings_map.Write(settings), absl::OkStatus());
}

}  // namespace koi
