// SPDX-License-Identifier: Apache-2.0
// The frames of CARP on one interface: adverts in; adverts and announcements out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "net/event_loop.h"
#include "net/packet_socket.h"

namespace koi {

class AdvertSocket {
 public:
  // Gets each frame of IPv4 protocol 112, none of them judged, none of them this host's.
  using FrameCallback = std::function<void(absl::string_view frame)>;

  // `loop` must outlive the socket, which must not be destroyed in its own callback.
  static absl::StatusOr<std::unique_ptr<AdvertSocket>> Open(EventLoop& loop, int interface_index,
                                                            FrameCallback on_frame);

  absl::Status Send(absl::string_view frame) const { return frames_.Send(frame); }

 private:
  AdvertSocket(PacketSocket frames, Fd membership, FrameCallback on_frame)
      : frames_(std::move(frames)),
        membership_(std::move(membership)),
        on_frame_(std::move(on_frame)) {}
  void Receive();

  PacketSocket frames_;
  Fd membership_;
  FrameCallback on_frame_;
  EventLoop::Watch watch_;
};

}  // namespace koi
