// SPDX-License-Identifier: Apache-2.0
// Which listener koi_sk_lookup gives a new connection to.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "dataplane/bpffs.h"
#include "dataplane/links.h"
#include "packet/xdp_test.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

constexpr int kAbsentCpu = 200;  // no such CPU here: nobody runs on it
constexpr uint64_t kNobody = 0;

struct Listener {
  Fd fd;
  uint64_t cookie = 0;
};

Fd Listen(const std::string& address) {
  sockaddr_storage storage = {};
  const socklen_t bytes = Endpoint{*Address::Parse(address), 0}.ToSockaddr(storage);
  Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  if (storage.ss_family == AF_INET6) {
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)), 0);
  }
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), bytes), 0);
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  return fd;
}

void RunOnCpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(set), &set), 0);
}

class SkLookupTest : public XdpTest {
 protected:
  void SetUp() override {
    XdpTest::SetUp();
    ASSERT_EQ(::sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
    RunOnCpu(kWorkerCpu);
  }
  void TearDown() override {
    EXPECT_EQ(::sched_setaffinity(0, sizeof(all_cpus), &all_cpus), 0);
    for (const int cpu : {kWorkerCpu, kAbsentCpu}) {
      EXPECT_OK(listeners.Remove(cpu, ListenerFamily::kIp4));
      EXPECT_OK(listeners.Remove(cpu, ListenerFamily::kIp6));
    }
    XdpTest::TearDown();
  }

  Listener AddListener(int cpu, ListenerFamily family) {
    Listener listener = {.fd = Listen(family == ListenerFamily::kIp4 ? "127.0.0.1" : "::1")};
    socklen_t bytes = sizeof(listener.cookie);
    EXPECT_EQ(::getsockopt(listener.fd.get(), SOL_SOCKET, SO_COOKIE, &listener.cookie, &bytes), 0);
    EXPECT_EQ(listeners.Set(cpu, family, listener.fd.get()), absl::OkStatus());
    return listener;
  }

  // The cookie of the socket chosen for a connection to `local`:`port` whose packet is on this CPU.
  static uint64_t ChosenFor(const std::string& local, uint16_t port, int protocol = IPPROTO_TCP) {
    bpf_sk_lookup lookup = {};
    const Address address = *Address::Parse(local);
    lookup.family = address.is_ip4() ? AF_INET : AF_INET6;
    lookup.protocol = static_cast<uint32_t>(protocol);
    lookup.local_port = port;
    lookup.remote_port = htons(40000);
    if (address.is_ip4()) {
      lookup.local_ip4 = address.ip4().s_addr;
    } else {
      std::memcpy(lookup.local_ip6, address.bytes().data(), sizeof(lookup.local_ip6));
    }
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.ctx_in = &lookup;
    options.ctx_size_in = sizeof(lookup);
    options.ctx_out = &lookup;
    options.ctx_size_out = sizeof(lookup);
    EXPECT_EQ(bpf_prog_test_run_opts(Object().sk_lookup_program_fd(), &options), 0);
    EXPECT_EQ(options.retval, static_cast<uint32_t>(SK_PASS));
    return lookup.cookie;
  }

  ListenerMap listeners{MapFd("koi_listeners")};
  cpu_set_t all_cpus = {};
};

TEST_F(SkLookupTest, ConnectionGoesToTheListenerOfItsCpu) {
  SetCpus({kWorkerCpu, kAbsentCpu});
  const Listener here = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  const Listener there = AddListener(kAbsentCpu, ListenerFamily::kIp4);

  EXPECT_EQ(ChosenFor(kVip4, 443), here.cookie);
  EXPECT_NE(here.cookie, there.cookie);
}

TEST_F(SkLookupTest, EachFamilyHasItsOwnListener) {
  const Listener ip4 = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  const Listener ip6 = AddListener(kWorkerCpu, ListenerFamily::kIp6);

  EXPECT_EQ(ChosenFor(kVip4, 443), ip4.cookie);
  EXPECT_EQ(ChosenFor(kVip6, 443), ip6.cookie);
}

TEST_F(SkLookupTest, AnotherCpusListenerTakesOverForAMissingOne) {
  SetCpus({kWorkerCpu, kAbsentCpu});
  const Listener there = AddListener(kAbsentCpu, ListenerFamily::kIp4);
  const Listener there6 = AddListener(kAbsentCpu, ListenerFamily::kIp6);

  EXPECT_EQ(ChosenFor(kVip4, 443), there.cookie);
  EXPECT_EQ(ChosenFor(kVip6, 443), there6.cookie);
}

TEST_F(SkLookupTest, ReplacedListenerGetsTheNextConnection) {
  const Listener before = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  const Listener after = AddListener(kWorkerCpu, ListenerFamily::kIp4);

  EXPECT_EQ(ChosenFor(kVip4, 443), after.cookie);
}

TEST_F(SkLookupTest, WithoutAnyListenerTheKernelAnswers) {
  EXPECT_EQ(ChosenFor(kVip4, 443), kNobody);
  EXPECT_EQ(ChosenFor(kVip6, 443), kNobody);
}

TEST_F(SkLookupTest, RemovedListenerGetsNothing) {
  const Listener listener = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  ASSERT_OK(listeners.Remove(kWorkerCpu, ListenerFamily::kIp4));

  EXPECT_EQ(ChosenFor(kVip4, 443), kNobody);
}

TEST_F(SkLookupTest, WhatIsNoServiceIsLeftToTheKernel) {
  const Listener ip4 = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  const Listener ip6 = AddListener(kWorkerCpu, ListenerFamily::kIp6);

  EXPECT_EQ(ChosenFor(kVip4, 22), kNobody);
  EXPECT_EQ(ChosenFor("10.0.0.9", 443), kNobody);
  EXPECT_EQ(ChosenFor("127.0.0.1", 443), kNobody);
  EXPECT_EQ(ChosenFor("2001:db8::9", 443), kNobody);
  EXPECT_EQ(ChosenFor(kVip4, 443, IPPROTO_UDP), kNobody);
}

// The whole way, in the kernel: connect() to a VIP that no socket is bound to.
TEST_F(SkLookupTest, ClientOfAVipIsAcceptedFromTheListenerOfLoopback) {
  const std::string pins = NewPinDirectory();
  ASSERT_OK(PrepareBpffs(pins));
  const absl::StatusOr<Fd> link = AttachSkLookup(Object().sk_lookup_program_fd(), pins + "/link");
  ASSERT_TRUE(link.ok()) << link.status();
  ASSERT_EQ(std::system("ip route add local 10.0.0.1 dev lo && "
                        "ip -6 route add local 2001:db8::1 dev lo"),
            0);
  const Listener ip4 = AddListener(kWorkerCpu, ListenerFamily::kIp4);
  const Listener ip6 = AddListener(kWorkerCpu, ListenerFamily::kIp6);
  for (const auto& [vip, listener] : {std::pair{kVip4, &ip4}, std::pair{kVip6, &ip6}}) {
    SCOPED_TRACE(vip);
    const Endpoint endpoint = {*Address::Parse(vip), 443};
    sockaddr_storage storage = {};
    const socklen_t bytes = endpoint.ToSockaddr(storage);
    const Fd client(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&storage), bytes), 0);

    const Fd accepted(::accept4(listener->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(accepted.valid());
    sockaddr_storage local = {};
    socklen_t local_bytes = sizeof(local);
    ASSERT_EQ(::getsockname(accepted.get(), reinterpret_cast<sockaddr*>(&local), &local_bytes), 0);
    EXPECT_EQ(*Endpoint::FromSockaddr(local), endpoint);
  }
}

}  // namespace
}  // namespace koi
