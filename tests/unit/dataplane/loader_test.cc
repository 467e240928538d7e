// SPDX-License-Identifier: Apache-2.0
// Loading the object, keeping its maps, and what a person sees of them.
#include "dataplane/loader.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/settings.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "dataplane/backend_map.h"
#include "dataplane/bpffs.h"
#include "dataplane/gate_map.h"
#include "dataplane/steering_maps.h"
#include "dataplane/worker_map.h"
#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kGroup = 1;

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof(buffer), pipe)) output.append(buffer, got);
  ::pclose(pipe);
  return output;
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool IsBpffs(const std::string& path) {
  struct statfs info = {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

TEST(LoaderTest, PinsEveryMapWhereNobodyElseMayLook) {
  const LoadedObject object;
  for (const char* map :
       {"koi_gates", "koi_settings", "koi_vips", "koi_services", "koi_backends", "koi_cpus",
        "koi_listeners", "koi_verdicts", "koi_vip_stats", "koi_steered"}) {
    SCOPED_TRACE(map);
    EXPECT_TRUE(Exists(absl::StrCat(object.directory(), "/", map)));
  }
  EXPECT_FALSE(Exists(object.directory() + "/koi_worker_N")) << "only a pattern";
  struct stat info = {};
  ASSERT_EQ(::stat(object.directory().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST(LoaderTest, SuccessorFindsTheMapsOfItsPredecessor) {
  const LoadedObject first;
  ASSERT_TRUE(GateMap(first.MapFd("koi_gates")).OpenUntil(kGroup, FromNanoseconds(77)).ok());
  const auto second = BpfObject::Load(first.directory(), ExistingMaps::kReuse);

  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(GateMap(*(*second)->MapFd("koi_gates")).Read(kGroup).value(), FromNanoseconds(77));
}

TEST(LoaderTest, LeftoversOfADeadRunAreReplaced) {
  LoadedObject first;
  ASSERT_TRUE(first->WorkerMapFd(0).ok());
  ASSERT_TRUE(GateMap(first.MapFd("koi_gates")).OpenUntil(kGroup, FromNanoseconds(77)).ok());
  const auto second = BpfObject::Load(first.directory(), ExistingMaps::kReplace);

  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(GateMap(*(*second)->MapFd("koi_gates")).Read(kGroup).value(), FromNanoseconds(0));
  EXPECT_FALSE(Exists(first.directory() + "/koi_worker_0"));
}

TEST(LoaderTest, MapsOfAnotherVersionAreNotReused) {
  const LoadedObject first;
  koi_settings settings = {};
  settings.abi_version = KOI_ABI_VERSION + 1;
  const uint32_t only = 0;
  ASSERT_EQ(bpf_map_update_elem(first.MapFd("koi_settings").get(), &only, &settings, BPF_ANY), 0);
  const auto second = BpfObject::Load(first.directory(), ExistingMaps::kReuse);

  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(absl::StrCat("version ", KOI_ABI_VERSION + 1)));
  EXPECT_TRUE(BpfObject::Load(first.directory(), ExistingMaps::kReplace).ok());
}

TEST(LoaderTest, MapsOfAnotherShapeAreNotReused) {
  const LoadedObject first;
  const std::string path = first.directory() + "/koi_gates";
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Fd other(bpf_map_create(BPF_MAP_TYPE_ARRAY, "koi_gates", 4, 16, 255, nullptr));
  ASSERT_EQ(bpf_obj_pin(other.get(), path.c_str()), 0);
  const auto second = BpfObject::Load(first.directory(), ExistingMaps::kReuse);

  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(
      std::string(second.status().message()),
      AllOf(HasSubstr(path), HasSubstr("values of 16 bytes"), HasSubstr("values of 8 bytes")));
}

TEST(LoaderTest, WorkerMapIsMadeOnceAndKept) {
  LoadedObject object;
  {
    const absl::StatusOr<Fd> fd = object->WorkerMapFd(3);
    ASSERT_TRUE(fd.ok()) << fd.status();
    absl::StatusOr<WorkerCounters> counters = WorkerCounters::Open(fd->get(), 0);
    ASSERT_TRUE(counters.ok());
    counters->Accepted(false);
  }
  const absl::StatusOr<Fd> again = object->WorkerMapFd(3);
  ASSERT_TRUE(again.ok()) << again.status();

  EXPECT_EQ(WorkerView::Open(again->get())->Total().accepted, 1U);
  EXPECT_EQ(WorkerView::Open(object->WorkerMapFd(4)->get())->Total().accepted, 0U);
}

TEST(LoaderTest, BpftoolPrintsBackendsAsAPersonWritesThem) {
  LoadedObject object;
  absl::StatusOr<BackendMap> backends = BackendMap::Open(object.MapFd("koi_backends"));
  ASSERT_TRUE(backends.ok());
  ASSERT_TRUE(backends
                  ->Add({.admin = BackendAdmin::kDraining,
                         .health = BackendHealth::kUp,
                         .weight = 50,
                         .endpoint = *Endpoint::Parse("[2001:db8::11]:8080"),
                         .name = "web-1",
                         .pool_name = "web"},
                        [](uint32_t) { return true; })
                  .ok());
  const std::string dump =
      OutputOf(absl::StrCat("bpftool map dump pinned ", object.directory(), "/koi_backends"));

  EXPECT_THAT(dump, AllOf(HasSubstr("\"name\": \"web-1\""), HasSubstr("\"pool_name\": \"web\""),
                          HasSubstr("\"endpoint\": \"[2001:db8::11]:8080\""),
                          HasSubstr("\"admin\": \"KOI_BACKEND_DRAINING\""),
                          HasSubstr("\"health\": \"KOI_BACKEND_UP\""), HasSubstr("\"weight\": 50"),
                          HasSubstr("\"port\": 8080")));
}

TEST(LoaderTest, BpftoolPrintsTheFieldsOfAWorker) {
  LoadedObject object;
  const absl::StatusOr<Fd> fd = object->WorkerMapFd(0);
  ASSERT_TRUE(fd.ok());
  absl::StatusOr<WorkerCounters> counters = WorkerCounters::Open(fd->get(), 0);
  ASSERT_TRUE(counters.ok());
  counters->Begin(4711);
  counters->Accepted(true);
  const std::string dump =
      OutputOf(absl::StrCat("bpftool map dump pinned ", object.directory(), "/koi_worker_0"));

  EXPECT_THAT(dump, AllOf(HasSubstr("\"pid\": 4711"), HasSubstr("\"misplaced\": 1"),
                          HasSubstr("\"connections\": 1")));
}

TEST(LoaderTest, BpffsIsMountedOnAnEmptyDirectoryThatHasNone) {
  NewPinDirectory();  // the mount below stays in the sandbox
  char scratch[] = "/tmp/koi-loader-XXXXXX";
  ASSERT_NE(::mkdtemp(scratch), nullptr);
  const std::string directory = absl::StrCat(scratch, "/run/bpf");

  EXPECT_EQ(PrepareBpffs(directory), absl::OkStatus());
  EXPECT_TRUE(IsBpffs(directory));
  EXPECT_FALSE(IsBpffs(scratch)) << "nothing that was there may be hidden";
  EXPECT_EQ(PrepareBpffs(directory + "/koi"), absl::OkStatus());
  EXPECT_EQ(PrepareBpffs(directory), absl::OkStatus()) << "once is enough";
  ASSERT_EQ(::mkdir((directory + "/other").c_str(), 0700), 0);
  EXPECT_EQ(OwnBpffsMount(directory + "/koi"), "") << "somebody else uses it";
  ASSERT_EQ(::rmdir((directory + "/other").c_str()), 0);
  EXPECT_EQ(OwnBpffsMount(directory + "/koi"), directory);
  EXPECT_EQ(RemovePins(directory), absl::OkStatus());
  EXPECT_FALSE(Exists(directory + "/koi"));
  EXPECT_EQ(OwnBpffsMount(directory), directory);
  EXPECT_EQ(UnmountBpffs(directory), absl::OkStatus());
  EXPECT_FALSE(IsBpffs(directory)) << "mounted once";
  OutputOf(absl::StrCat("rm -r ", scratch));
}

TEST(LoaderTest, DirectoryThatHoldsFilesIsNotHiddenBehindABpffs) {
  NewPinDirectory();
  char scratch[] = "/tmp/koi-loader-XXXXXX";
  ASSERT_NE(::mkdtemp(scratch), nullptr);
  ASSERT_TRUE(WriteFile(absl::StrCat(scratch, "/file"), "text").ok());

  EXPECT_TRUE(absl::IsFailedPrecondition(PrepareBpffs(scratch)));
  OutputOf(absl::StrCat("rm -r ", scratch));
}

TEST(LoaderTest, BpffsOfTheSystemIsNotKoisToUnmount) {
  EXPECT_EQ(OwnBpffsMount(NewPinDirectory()), "");
}

TEST(LoaderTest, PinsHaveOneOwnerAtATimeWhoeverMadeTheDirectoryAnew) {
  const std::string directory = NewPinDirectory();
  ASSERT_EQ(PrepareBpffs(directory), absl::OkStatus());
  absl::StatusOr<Fd> lock = LockPins(directory);
  ASSERT_TRUE(lock.ok()) << lock.status();
  absl::StatusOr<Fd> kept = lock->Duplicate();
  lock->Close();
  EXPECT_TRUE(absl::IsAlreadyExists(LockPins(directory).status())) << "the duplicate holds it";
  kept->Close();
  EXPECT_TRUE(LockPins(directory).ok());
}

TEST(LoaderTest, PinsAreListedWithThoseOfFoldersBelow) {
  const std::string directory = NewPinDirectory();
  const auto object = BpfObject::Load(directory, ExistingMaps::kReplace);
  ASSERT_TRUE(object.ok()) << object.status();
  ASSERT_EQ(::mkdir((directory + "/rings").c_str(), 0700), 0);
  const Fd map = *(*object)->MapFd("koi_vips");
  ASSERT_EQ(bpf_obj_pin(map.get(), (directory + "/rings/web").c_str()), 0);
  EXPECT_THAT(ListPins(directory),
              ::testing::IsSupersetOf({directory + "/koi_gates", directory + "/rings/web"}));
  EXPECT_THAT(ListPins(directory), ::testing::Not(::testing::Contains(directory + "/rings")));
  EXPECT_THAT(ListPins("/nonexistent"), ::testing::IsEmpty());
}

TEST(LoaderTest, RemovingPinsTakesTheDirectoryAndLeavesOthers) {
  const LoadedObject other;
  const std::string directory = NewPinDirectory();
  { ASSERT_TRUE(BpfObject::Load(directory, ExistingMaps::kReplace).ok()); }
  ASSERT_EQ(::mkdir((directory + "/rings").c_str(), 0700), 0);

  EXPECT_EQ(RemovePins(directory), absl::OkStatus());
  EXPECT_FALSE(Exists(directory));
  EXPECT_EQ(RemovePins(directory), absl::OkStatus()) << "absent is fine";
  EXPECT_TRUE(Exists(other.directory() + "/koi_gates"));
}

}  // namespace
}  // namespace koi
