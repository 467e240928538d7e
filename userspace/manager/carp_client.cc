// SPDX-License-Identifier: Apache-2.0
// Configuring koi-carp and reading its reports.
#include "manager/carp_client.h"

#include "base/log.h"
#include "base/status_macros.h"

namespace koi {

CarpConfigure CarpConfigureFrom(const Config& config) {
  CarpConfigure configure{.interface = config.node.interface, .xdp = config.xdp, .groups = {}};
  for (uint32_t number = 0; number < config.carp.size(); ++number) {
    CarpGroup group{.number = number, .carp = config.carp[number], .vips = {}};
    for (const VipConfig& vip : config.vips) {
      if (vip.group == number) group.vips.push_back(vip.address);
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
  return channel_->Send(EncodeCarpMessage(configure), {xdp_program_fd, gates_map_fd});
}

void CarpClient::OnMessage(const ChannelMessage& message) {
  absl::StatusOr<CarpMessage> decoded = DecodeCarpMessage(message.bytes);
  if (!decoded.ok() || !std::holds_alternative<CarpReport>(*decoded)) {
    LogWarn("koi-carp sent something unreadable", {{"why", decoded.status().message()}});
    return;
  }
  report_ = std::get<CarpReport>(*std::move(decoded));
}

}  // namespace koi
