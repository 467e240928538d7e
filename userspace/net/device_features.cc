// SPDX-License-Identifier: Apache-2.0
// The SIOCETHTOOL ioctl, and the kernel's netdev family.
#include "net/device_features.h"

#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "base/text.h"

namespace koi {
namespace {

ifreq RequestFor(const std::string& name) {
  ifreq request = {};
  ToField(name, request.ifr_name);
  return request;
}

// Whether `command`, which is about `data`, was understood.
bool AskDevice(int fd, const std::string& name, void* data) {
  ifreq request = RequestFor(name);
  request.ifr_data = static_cast<char*>(data);
  return ::ioctl(fd, SIOCETHTOOL, &request) == 0;
}

std::optional<bool> AskSwitch(int fd, const std::string& name, uint32_t command,
                              uint32_t mask = ~0U) {
  ethtool_value value = {.cmd = command, .data = 0};
  if (!AskDevice(fd, name, &value)) return std::nullopt;
  return (value.data & mask) != 0;
}

void ReadQueues(int fd, const std::string& name, DeviceFeatures& features) {
  ethtool_channels channels = {};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (!AskDevice(fd, name, &channels)) return;
  const uint32_t now = channels.rx_count + channels.combined_count;
  const uint32_t max = channels.max_rx + channels.max_combined;
  if (now > 0) features.receive_queues = static_cast<int>(now);
  if (max > 0) features.receive_queues_max = static_cast<int>(max);
}

// The first of a veth's own statistics is the index of its other end.
int VethPeer(int fd, const std::string& name) {
  ethtool_drvinfo driver = {};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (!AskDevice(fd, name, &driver) || driver.n_stats == 0) return 0;
  std::vector<uint64_t> memory(sizeof(ethtool_stats) / sizeof(uint64_t) + 1 + driver.n_stats);
  auto* statistics = reinterpret_cast<ethtool_stats*>(memory.data());
  statistics->cmd = ETHTOOL_GSTATS;
  statistics->n_stats = driver.n_stats;
  if (!AskDevice(fd, name, statistics)) return 0;
  return static_cast<int>(memory[sizeof(ethtool_stats) / sizeof(uint64_t)]);
}

// <linux/netdev.h>, which the oldest system that koi is built on does not have.
constexpr char kNetdevFamily[] = "netdev";
constexpr uint8_t kGetDevice = 1;
constexpr uint16_t kDeviceIndex = 1;
constexpr uint16_t kDeviceXdpFeatures = 3;
constexpr uint64_t kXdpBasic = 1;
constexpr uint64_t kXdpRedirect = 2;
constexpr uint64_t kXdpTransmit = 4;

struct SocketCloser {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using GenericSocket = std::unique_ptr<mnl_socket, SocketCloser>;

class GenericRequest {
 public:
  GenericRequest(uint16_t family, uint8_t command) {
    header_ = mnl_nlmsg_put_header(bytes_.data());
    header_->nlmsg_type = family;
    header_->nlmsg_flags = NLM_F_REQUEST;
    auto* generic =
        static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header_, sizeof(genlmsghdr)));
    generic->cmd = command;
    generic->version = 1;
  }
  nlmsghdr* header() { return header_; }

  // Calls `visit` with each attribute of the answer; false when there is none.
  template <typename Visit>
  bool Ask(const GenericSocket& socket, Visit visit) {
    if (mnl_socket_sendto(socket.get(), header_, header_->nlmsg_len) < 0) return false;
    std::array<char, 8192> answer;
    const ssize_t got = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
    const auto* message = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (got <= 0 || !mnl_nlmsg_ok(message, static_cast<int>(got))) return false;
    if (message->nlmsg_type == NLMSG_ERROR) return false;
    const auto call = [](const nlattr* attribute, void* data) -> int {
      (*static_cast<Visit*>(data))(attribute);
      return MNL_CB_OK;
    };
    return mnl_attr_parse(message, sizeof(genlmsghdr), call, &visit) >= 0;
  }

 private:
  alignas(nlmsghdr) std::array<char, 256> bytes_ = {};
  nlmsghdr* header_;
};

std::optional<DeviceFeatures::Xdp> AskXdp(unsigned index) {
  const GenericSocket socket(mnl_socket_open(NETLINK_GENERIC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0)
    return std::nullopt;
  GenericRequest family(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
  mnl_attr_put_strz(family.header(), CTRL_ATTR_FAMILY_NAME, kNetdevFamily);
  uint16_t id = 0;
  const bool known = family.Ask(socket, [&id](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID) id = mnl_attr_get_u16(attribute);
  });
  if (!known || id == 0) return std::nullopt;

  GenericRequest device(id, kGetDevice);
  mnl_attr_put_u32(device.header(), kDeviceIndex, index);
  std::optional<DeviceFeatures::Xdp> xdp;
  (void)device.Ask(socket, [&xdp](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != kDeviceXdpFeatures ||
        mnl_attr_get_payload_len(attribute) != sizeof(uint64_t)) {
      return;
    }
    const uint64_t bits = mnl_attr_get_u64(attribute);
    xdp = {.basic = (bits & kXdpBasic) != 0,
           .redirect = (bits & kXdpRedirect) != 0,
           .transmit_here = (bits & kXdpTransmit) != 0};
  });
  return xdp;
}

}  // namespace

absl::StatusOr<DeviceFeatures> ReadDeviceFeatures(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return absl::NotFoundError(absl::StrCat("there is no interface \"", name, "\""));
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a socket");

  DeviceFeatures features;
  ethtool_drvinfo driver = {};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (AskDevice(fd.get(), name, &driver)) features.driver = FromField(driver.driver);
  ifreq mtu = RequestFor(name);
  if (::ioctl(fd.get(), SIOCGIFMTU, &mtu) == 0) features.mtu = mtu.ifr_mtu;
  ReadQueues(fd.get(), name, features);
  features.lro = AskSwitch(fd.get(), name, ETHTOOL_GFLAGS, ETH_FLAG_LRO);
  features.gro = AskSwitch(fd.get(), name, ETHTOOL_GGRO);
  features.tx_checksum = AskSwitch(fd.get(), name, ETHTOOL_GTXCSUM);
  features.xdp = AskXdp(index);
  if (features.driver == "veth") features.veth_peer = VethPeer(fd.get(), name);
  return features;
}

}  // namespace koi
