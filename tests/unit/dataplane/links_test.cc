// SPDX-License-Identifier: Apache-2.0
// Attaching: which mode it becomes, what is refused, and what outlives what.
#include "dataplane/links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "support/lab/eventually.h"
#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::HasSubstr;

void Shell(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

bpf_link_info InfoOf(const Fd& link) {
  bpf_link_info info = {};
  uint32_t bytes = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(link.get(), &info, &bytes), 0);
  return info;
}

ino_t OwnNetwork() {
  struct stat info = {};
  EXPECT_EQ(::stat("/proc/self/ns/net", &info), 0);
  return info.st_ino;
}

class LinksTest : public ::testing::Test {
 protected:
  void SetUp() override { Shell("ip link add koi0 type veth peer name koi1"); }
  void TearDown() override { Shell("ip link del koi0"); }

  absl::StatusOr<XdpAttachment> Attach(const char* interface, XdpMode mode) {
    return AttachXdp(object->xdp_program_fd(), static_cast<int>(::if_nametoindex(interface)), mode);
  }
  absl::StatusOr<Fd> AttachSkLookupHere() {
    return AttachSkLookup(object->sk_lookup_program_fd(), object.directory() + "/sk_lookup");
  }

  LoadedObject object;
};

TEST_F(LinksTest, DriverThatRunsXdpIsAskedFirst) {
  const auto attached = Attach("koi0", XdpMode::kAuto);

  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_EQ(attached->mode, XdpMode::kNative);
  Shell("ip -d link show koi0 | grep -q 'prog/xdp id'");
}

TEST_F(LinksTest, GenericModeIsTakenWhereTheDriverRefusesAndSaysWhy) {
  const auto attached = Attach("lo", XdpMode::kAuto);

  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_EQ(attached->mode, XdpMode::kGeneric);
  EXPECT_THAT(attached->why, HasSubstr("driver"));
  EXPECT_THAT(attached->why, HasSubstr("not supported"));
}

TEST_F(LinksTest, ModeThatIsAskedForIsTheOnlyOneTried) {
  EXPECT_FALSE(Attach("lo", XdpMode::kNative).ok());
  const auto generic = Attach("koi0", XdpMode::kGeneric);

  ASSERT_TRUE(generic.ok()) << generic.status();
  EXPECT_EQ(generic->mode, XdpMode::kGeneric);
}

TEST_F(LinksTest, OwnProgramIsFoundAndTakenOffHoweverItWasAttached) {
  const auto koi0 = static_cast<int>(::if_nametoindex("koi0"));
  EXPECT_EQ(HasKoiXdp(koi0), absl::StatusOr<bool>(false));
  EXPECT_EQ(DetachKoiXdp(koi0), absl::OkStatus());

  const auto linked = Attach("koi0", XdpMode::kAuto);
  EXPECT_EQ(HasKoiXdp(koi0), absl::StatusOr<bool>(true));
  EXPECT_EQ(DetachKoiXdp(koi0), absl::OkStatus());
  EXPECT_EQ(HasKoiXdp(koi0), absl::StatusOr<bool>(false));

  ASSERT_EQ(bpf_xdp_attach(koi0, object->xdp_program_fd(), 0, nullptr), 0);
  EXPECT_EQ(HasKoiXdp(koi0), absl::StatusOr<bool>(true));
  EXPECT_EQ(DetachKoiXdp(koi0), absl::OkStatus());
  EXPECT_EQ(HasKoiXdp(koi0), absl::StatusOr<bool>(false));
}

TEST_F(LinksTest, AnotherInterfacesAttachmentStaysWhenOneIsTakenOff) {
  const auto here = Attach("koi0", XdpMode::kAuto);
  const auto there = Attach("koi1", XdpMode::kAuto);
  ASSERT_TRUE(here.ok() && there.ok());
  EXPECT_EQ(DetachKoiXdp(static_cast<int>(::if_nametoindex("koi0"))), absl::OkStatus());
  EXPECT_EQ(HasKoiXdp(static_cast<int>(::if_nametoindex("koi1"))), absl::StatusOr<bool>(true));
}

TEST_F(LinksTest, AnotherProgramIsNotPushedAside) {
  const auto first = Attach("koi0", XdpMode::kNative);
  ASSERT_TRUE(first.ok());

  for (const XdpMode mode : {XdpMode::kAuto, XdpMode::kNative, XdpMode::kGeneric}) {
    const auto second = Attach("koi0", mode);
    EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  }
}

TEST_F(LinksTest, InterfaceThatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(AttachXdp(object->xdp_program_fd(), 9999, XdpMode::kAuto).status()));
}

TEST_F(LinksTest, ProgramIsGoneWithItsLink) {
  { ASSERT_TRUE(Attach("koi0", XdpMode::kNative).ok()); }

  Shell("! ip -d link show koi0 | grep -q 'prog/xdp id'");
}

TEST_F(LinksTest, ProgramOfALinkIsReplaced) {
  const auto attached = Attach("koi0", XdpMode::kNative);
  ASSERT_TRUE(attached.ok());
  const auto second = BpfObject::Load(object.directory(), ExistingMaps::kReuse);
  ASSERT_TRUE(second.ok());

  EXPECT_EQ(UpdateLink(attached->link.get(), (*second)->xdp_program_fd()), absl::OkStatus());
  EXPECT_FALSE(UpdateLink(attached->link.get(), (*second)->sk_lookup_program_fd()).ok());
}

TEST_F(LinksTest, PinnedLinkIsTakenOverByTheNextProcess) {
  uint32_t id = 0;
  {
    const absl::StatusOr<Fd> first = AttachSkLookupHere();
    ASSERT_TRUE(first.ok()) << first.status();
    id = InfoOf(*first).id;
  }
  const absl::StatusOr<Fd> again = AttachSkLookupHere();

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(InfoOf(*again).id, id);
}

TEST_F(LinksTest, PinOfAnotherKindIsNotTakenForALink) {
  const auto attached =
      AttachSkLookup(object->sk_lookup_program_fd(), object.directory() + "/koi_gates");

  EXPECT_TRUE(absl::IsFailedPrecondition(attached.status())) << attached.status();
}

TEST_F(LinksTest, PinnedLinkWhoseNetworkIsGoneIsReplaced) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool moved = ::unshare(CLONE_NEWNET) == 0;
    ::_exit(moved && AttachSkLookupHere().ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);

  // The kernel takes a network down in its own time.
  EXPECT_TRUE(lab::Eventually(std::chrono::seconds(10), [&] { return AttachSkLookupHere().ok(); }));
  const Fd pinned(bpf_obj_get((object.directory() + "/sk_lookup").c_str()));
  EXPECT_EQ(InfoOf(pinned).netns.netns_ino, OwnNetwork());
}

TEST_F(LinksTest, PinnedLinkOfALivingNetworkIsLeftAlone) {
  int done[2];
  ASSERT_EQ(::pipe(done), 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    const bool attached = ::unshare(CLONE_NEWNET) == 0 && AttachSkLookupHere().ok();
    ::close(done[1]);
    const bool told = ::write(ready[1], "x", 1) == 1;
    const bool waited = ::read(done[0], &byte, 1) == 0;
    ::_exit(attached && told && waited ? 0 : 1);
  }
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const absl::StatusOr<Fd> attached = AttachSkLookupHere();
  ::close(done[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  EXPECT_EQ(status, 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(attached.status())) << attached.status();
}

}  // namespace
}  // namespace koi
