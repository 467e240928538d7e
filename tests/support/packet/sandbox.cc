// SPDX-License-Identifier: Apache-2.0
// Namespaces for the calling process.
#include "support/packet/sandbox.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/fd.h"

namespace koi {
namespace {

constexpr char kBpffs[] = "/sys/fs/bpf";

void Must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "cannot %s: %s (these tests need root)\n", what, std::strerror(errno));
  std::exit(1);
}

void RaiseLoopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Must(socket.valid(), "open a socket");
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  Must(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0, "raise lo");
}

bool Enter() {
  Must(::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0, "make namespaces");
  Must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "keep mounts to itself");
  Must(::mount("bpf", kBpffs, "bpf", 0, "mode=0700") == 0, "mount a bpffs");
  RaiseLoopback();
  return true;
}

}  // namespace

void EnterSandbox() {
  static const bool entered = Enter();
  static_cast<void>(entered);
}

uint32_t MakeInterface(const std::string& name) {
  EnterSandbox();
  const std::string command =
      absl::StrCat("ip link add ", name, " type veth && ip link set ", name, " up");
  Must(std::system(command.c_str()) == 0, command.c_str());
  return if_nametoindex(name.c_str());
}

std::string NewPinDirectory() {
  EnterSandbox();
  static int made = 0;
  return absl::StrCat(kBpffs, "/test_", ++made);
}

}  // namespace koi
