// SPDX-License-Identifier: Apache-2.0
// Real connections: XDP's choice of CPU, the kernel's work and the listener must agree.
//
//   client (a network of its own) koi1 ──── koi0 (the test's network, koi_xdp)   VIPs: local routes
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/bpffs.h"
#include "dataplane/links.h"
#include "packet/xdp_test.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

constexpr int kConnections = 40;

void Shell(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

// A network namespace, held by a child that ends with this object or with this process.
class Network {
 public:
  Network() {
    int ready[2];
    int done[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC) + ::pipe2(done, O_CLOEXEC), 0);
    child_ = ::fork();
    char byte = 'x';
    if (child_ == 0) {
      ::close(done[1]);
      const bool told = ::unshare(CLONE_NEWNET) == 0 && ::write(ready[1], &byte, 1) == 1;
      if (told) static_cast<void>(!::read(done[0], &byte, 1));
      ::_exit(0);
    }
    ::close(ready[1]);
    ::close(done[0]);
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    done_ = Fd(done[1]);
    own_ = Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    its_ = Fd(::open(absl::StrCat("/proc/", child_, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  }
  ~Network() {
    done_.Close();
    EXPECT_EQ(::waitpid(child_, nullptr, 0), child_);
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  pid_t pid() const { return child_; }
  void Run(const std::string& command) const {
    Shell(absl::StrCat("nsenter --net=/proc/", child_, "/ns/net ", command));
  }
  // Made at once: each change of namespace waits for an RCU grace period.
  std::vector<Fd> Sockets(int family, int count) const {
    std::vector<Fd> sockets;
    sockets.reserve(static_cast<size_t>(count));
    EXPECT_EQ(::setns(its_.get(), CLONE_NEWNET), 0);
    for (int i = 0; i < count; ++i) {
      sockets.emplace_back(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    EXPECT_EQ(::setns(own_.get(), CLONE_NEWNET), 0);
    return sockets;
  }

 private:
  pid_t child_ = -1;
  Fd done_, own_, its_;
};

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  std::vector<int> allowed;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) allowed.push_back(cpu);
  }
  return allowed;
}

class ConnectionTest : public XdpTest, public ::testing::WithParamInterface<XdpMode> {
 protected:
  void SetUp() override {
    XdpTest::SetUp();
    Shell(absl::StrCat("ip link add koi0 address 02:00:00:00:00:01 type veth peer name koi1 netns ",
                       client.pid()));
    Shell("ip addr add 10.0.0.254/24 dev koi0");
    Shell("ip addr add 2001:db8::fe/64 dev koi0 nodad && ip link set koi0 up");
    Shell("ip route replace local 10.0.0.1 dev lo && ip route replace local 2001:db8::1 dev lo");
    client.Run("ip addr add 10.0.0.7/24 dev koi1");
    client.Run("ip addr add 2001:db8::7/64 dev koi1 nodad");
    client.Run("ethtool -K koi1 tx off >/dev/null");  // XDP carries no half-made checksums
    client.Run("ip link set koi1 up");
    client.Run("ip neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev koi1");
    client.Run("ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev koi1");

    const std::string pins = NewPinDirectory();
    ASSERT_OK(PrepareBpffs(pins));
    absl::StatusOr<Fd> sk_lookup = AttachSkLookup(Object().sk_lookup_program_fd(), pins + "/link");
    ASSERT_TRUE(sk_lookup.ok()) << sk_lookup.status();
    const auto index = static_cast<int>(::if_nametoindex("koi0"));
    absl::StatusOr<XdpAttachment> xdp = AttachXdp(Object().xdp_program_fd(), index, GetParam());
    ASSERT_TRUE(xdp.ok()) << xdp.status();
    links.push_back(*std::move(sk_lookup));
    links.push_back(std::move(xdp->link));
    StartListening();
  }
  void TearDown() override {
    links.clear();
    Shell("ip link del koi0 && ip route del local 10.0.0.1 dev lo");
    Shell("ip route del local 2001:db8::1 dev lo");
    for (const int cpu : allowed) {
      EXPECT_OK(cpus.Remove(cpu));
      EXPECT_OK(listeners.Remove(cpu, ListenerFamily::kIp4));
      EXPECT_OK(listeners.Remove(cpu, ListenerFamily::kIp6));
    }
    XdpTest::TearDown();
  }

  void StartListening() {
    SetCpus(allowed);
    for (const int cpu : allowed) {
      ASSERT_OK(cpus.Set(cpu));
      for (const char* address : {"127.0.0.1", "::1"}) {
        const Endpoint endpoint = {*Address::Parse(address), 0};
        sockaddr_storage storage = {};
        const socklen_t bytes = endpoint.ToSockaddr(storage);
        Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), bytes), 0);
        ASSERT_EQ(::listen(fd.get(), kConnections), 0);
        ASSERT_OK(listeners.Set(cpu, FamilyOf(endpoint), fd.get()));
        listener_fds.push_back({.cpu = cpu, .family = FamilyOf(endpoint), .fd = std::move(fd)});
      }
    }
  }

  static ListenerFamily FamilyOf(const Endpoint& endpoint) {
    return endpoint.address.is_ip4() ? ListenerFamily::kIp4 : ListenerFamily::kIp6;
  }

  // Connects from the client and accepts; how many the listener of another CPU got than the one
  // that had the packet, and how many each CPU's got.
  struct Accepted {
    int misplaced = 0;
    std::map<int, uint64_t> by_cpu;
  };
  Accepted Connect(const std::string& vip) {
    Accepted accepted;
    sockaddr_storage storage = {};
    const socklen_t bytes = Endpoint{*Address::Parse(vip), 443}.ToSockaddr(storage);
    for (const Fd& socket : client.Sockets(storage.ss_family, kConnections)) {
      EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&storage), bytes), 0);
      AcceptOne(accepted);
    }
    return accepted;
  }
  void AcceptOne(Accepted& accepted) {
    std::vector<pollfd> waiting;
    for (const auto& listener : listener_fds) waiting.push_back({listener.fd.get(), POLLIN, 0});
    ASSERT_EQ(::poll(waiting.data(), waiting.size(), 5000), 1);
    for (const auto& listener : listener_fds) {
      const Fd socket(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket.valid()) continue;
      int cpu = -1;
      socklen_t bytes = sizeof(cpu);
      EXPECT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_INCOMING_CPU, &cpu, &bytes), 0);
      accepted.misplaced += cpu != listener.cpu;
      ++accepted.by_cpu[listener.cpu];
    }
  }
  std::map<int, uint64_t> SteeredConnections() const {
    std::map<int, uint64_t> by_cpu;
    for (const int cpu : allowed) by_cpu[cpu] = steered.Read(cpu)->connections;
    return by_cpu;
  }

  struct Listener {
    int cpu = 0;
    ListenerFamily family = ListenerFamily::kIp4;
    Fd fd;
  };
  Network client;
  std::vector<int> allowed = AllowedCpus();
  ListenerMap listeners{MapFd("koi_listeners")};
  std::vector<Listener> listener_fds;
  std::vector<Fd> links;
};

TEST_P(ConnectionTest, IsAcceptedOnTheCpuThatXdpChose) {
  for (const char* vip : {kVip4, kVip6}) {
    SCOPED_TRACE(vip);
    const std::map<int, uint64_t> before = SteeredConnections();
    const Accepted accepted = Connect(vip);
    const std::map<int, uint64_t> after = SteeredConnections();

    EXPECT_EQ(accepted.misplaced, 0);
    uint64_t total = 0;
    for (const auto& [cpu, count] : accepted.by_cpu) {
      // More where a SYN was sent twice.
      EXPECT_GE(after.at(cpu) - before.at(cpu), count) << "CPU " << cpu;
      total += count;
    }
    EXPECT_EQ(total, static_cast<uint64_t>(kConnections));
    EXPECT_EQ(accepted.by_cpu.size(), allowed.size()) << "every CPU gets some";
  }
}

TEST_P(ConnectionTest, SwappedListenersAreNoticed) {
  if (allowed.size() < 2) GTEST_SKIP() << "needs two CPUs";
  for (const Listener& listener : listener_fds) {
    if (listener.cpu != allowed[0] && listener.cpu != allowed[1]) continue;
    const int other = listener.cpu == allowed[0] ? allowed[1] : allowed[0];
    ASSERT_OK(listeners.Set(other, listener.family, listener.fd.get()));
  }

  EXPECT_GT(Connect(kVip4).misplaced, 0);
  EXPECT_GT(Connect(kVip6).misplaced, 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, ConnectionTest,
                         ::testing::Values(XdpMode::kNative, XdpMode::kGeneric),
                         [](const auto& info) {
                           return info.param == XdpMode::kNative ? "Native" : "Generic";
                         });

}  // namespace
}  // namespace koi
