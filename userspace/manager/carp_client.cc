// SPDX-License-Identifier: Apache-2.0
// Configuring koi-carp and reading its reports.
#include "manager/carp_client.h"

#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

bool HasL4Service(const Config& config, const Address& vip) {
  for (const ServiceConfig& service : config.services) {
    if (!service.is_l4()) continue;
    for (const Endpoint& listen : service.listen) {
      if (listen.address == vip) return true;
    }
  }
  return false;
}

}  // namespace

CarpConfigure CarpConfigureFrom(const Config& config) {
  CarpConfigure configure{.interface = config.node.interface, .xdp = config.xdp, .groups = {}};
  for (uint32_t index = 0; index < config.carp.size(); ++index) {
    const CarpConfig& carp = config.carp[index];
    CarpGroup group{.number = carp.number, .carp = carp, .vips = {}};
    for (const VipConfig& vip : config.vips) {
      if (vip.group != index) continue;
      group.vips.push_back(vip.address);
      if (HasL4Service(config, vip.address)) group.l4_vips.push_back(vip.address);
    }
    configure.groups.push_back(std::move(group));
  }
  return configure;
}

absl::Status CarpClient::Attach(Fd channel, const CarpConfigure& configure, int xdp_program_fd,
                                int gates_map_fd) {
  KOI_ASSIGN_OR_RETURN(channel_, Channel::Open(
                                     loop_, std::move(channel),
                                     [this](const ChannelMessage& message) { OnMessage(message); },
                                     [this] { channel_.reset(); }));
  return Configure(configure, xdp_program_fd, gates_map_fd);
}

absl::Status CarpClient::Configure(const CarpConfigure& configure, int xdp_program_fd,
                                   int gates_map_fd) {
  configured_ = false;
  if (channel_ == nullptr) return absl::OkStatus();
  return channel_->Send(EncodeCarpMessage(configure), {xdp_program_fd, gates_map_fd});
}

void CarpClient::OnMessage(const ChannelMessage& message) {
  absl::StatusOr<CarpMessage> decoded = DecodeCarpMessage(message.bytes);
  if (!decoded.ok() || !std::holds_alternative<CarpReport>(*decoded)) {
    LogWarn("koi-carp sent something unreadable", {{"why", decoded.status().message()}});
    return;
  }
  report_ = std::get<CarpReport>(*std::move(decoded));
  configured_ = true;
}

}  // namespace koi
