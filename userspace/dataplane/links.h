// SPDX-License-Identifier: Apache-2.0
// Attaching programs by bpf_link: gone with its last descriptor or pin, whoever was killed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/config.h"

namespace koi {

struct XdpAttachment {
  Fd link;
  XdpMode mode = XdpMode::kNative;  // what it became, never kAuto
  std::string why;                  // a sentence: why this mode
};

// Attaches `program_fd` to the interface: driver mode, else generic with the driver's refusal as
// `why`; only the one asked for when `wanted` is not kAuto. Needs no capability, only the
// descriptor. AlreadyExists when another program is there; PermissionDenied, Unavailable, ... as
// the kernel says.
absl::StatusOr<XdpAttachment> AttachXdp(int program_fd, int interface_index, XdpMode wanted);

// Puts `program_fd` in the place of the link's program, no packet missed.
absl::Status UpdateLink(int link_fd, int program_fd);

// Detaches at once, whoever else holds a descriptor of the link; theirs does nothing from then on.
absl::Status DetachLink(int link_fd);

// Whether koi_xdp is on the interface, by whomever it was attached and however; false where another
// program is or none. PermissionDenied where one is and this process may not ask whose it is
// (SYS_ADMIN).
absl::StatusOr<bool> HasKoiXdp(int interface_index);
// Takes it off. Nothing to do is fine.
absl::Status DetachKoiXdp(int interface_index);

// Attaches `program_fd` (koi_sk_lookup) to the network namespace of this process and pins the link
// at `pin_path`; when a live link is pinned there, that one is updated and returned.
absl::StatusOr<Fd> AttachSkLookup(int program_fd, const std::string& pin_path);

}  // namespace koi
