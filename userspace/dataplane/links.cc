// SPDX-License-Identifier: Apache-2.0
// Attaching and replacing programs by bpf_link.
#include "dataplane/links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr char kOwnNetwork[] = "/proc/self/ns/net";

absl::StatusOr<Fd> CreateXdpLink(int program_fd, int interface_index, XdpMode mode) {
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = mode == XdpMode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  Fd link(bpf_link_create(program_fd, interface_index, BPF_XDP, &options));
  if (link.valid()) return link;
  const int error = errno;
  const absl::string_view name = mode == XdpMode::kNative ? "driver" : "generic";
  if (error == EBUSY || error == EEXIST) {
    return absl::AlreadyExistsError(
        absl::StrCat("cannot attach in ", name, " mode: the interface has an XDP program already"));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot attach in ", name, " mode"));
}

absl::StatusOr<XdpAttachment> AttachInMode(int program_fd, int interface_index, XdpMode mode,
                                           std::string why) {
  KOI_ASSIGN_OR_RETURN(Fd link, CreateXdpLink(program_fd, interface_index, mode));
  return XdpAttachment{.link = std::move(link), .mode = mode, .why = std::move(why)};
}

// Trying another mode helps neither against a program that is there nor against a missing right.
bool IsFinal(const absl::Status& status) {
  return absl::IsAlreadyExists(status) || absl::IsPermissionDenied(status);
}

absl::StatusOr<XdpAttachment> AttachBestMode(int program_fd, int interface_index) {
  absl::StatusOr<XdpAttachment> native =
      AttachInMode(program_fd, interface_index, XdpMode::kNative, "The driver runs XDP itself.");
  if (native.ok() || IsFinal(native.status())) return native;
  return AttachInMode(program_fd, interface_index, XdpMode::kGeneric,
                      absl::StrCat("The driver refused (", native.status().message(), ")."));
}

// The link pinned at `pin_path` if it is alive in this network namespace, none where it is not.
absl::StatusOr<Fd> OpenLivePin(const std::string& pin_path) {
  Fd link(bpf_obj_get(pin_path.c_str()));
  if (!link.valid() && errno == ENOENT) return Fd();
  if (!link.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", pin_path));
  bpf_link_info info = {};
  uint32_t bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(link.get(), &info, &bytes) != 0 || info.type != BPF_LINK_TYPE_NETNS) {
    return absl::FailedPreconditionError(absl::StrCat(pin_path, " is no link of koi_sk_lookup"));
  }
  struct stat own = {};
  if (::stat(kOwnNetwork, &own) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", kOwnNetwork));
  }
  if (info.netns.netns_ino == own.st_ino) return link;
  if (info.netns.netns_ino == 0) return Fd();  // its namespace is gone, the link does nothing
  return absl::FailedPreconditionError(
      absl::StrCat(pin_path,
                   " belongs to another network namespace, which is alive: a second koi "
                   "must have a bpffs directory of its own"));
}

constexpr char kXdpProgram[] = "koi_xdp";

// The number of the program on the interface; 0: none.
absl::StatusOr<uint32_t> XdpProgramId(int interface_index) {
  uint32_t id = 0;
  const int error = bpf_xdp_query_id(interface_index, 0, &id);
  if (error == 0) return id;
  return absl::ErrnoToStatus(-error, "cannot ask which XDP program an interface has");
}

// The bpf_link that holds this program on the interface. Links of all network namespaces are seen,
// where other interfaces have the same index: only the program tells whose it is.
absl::StatusOr<Fd> XdpLinkOn(int interface_index, uint32_t program_id) {
  for (uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
    Fd link(bpf_link_get_fd_by_id(id));
    bpf_link_info info = {};
    uint32_t bytes = sizeof(info);
    if (!link.valid() || bpf_obj_get_info_by_fd(link.get(), &info, &bytes) != 0) continue;
    if (info.type == BPF_LINK_TYPE_XDP && info.prog_id == program_id &&
        info.xdp.ifindex == static_cast<uint32_t>(interface_index)) {
      return link;
    }
  }
  return absl::NotFoundError("cannot detach koi_xdp: no link holds it");
}

}  // namespace

absl::StatusOr<bool> HasKoiXdp(int interface_index) {
  KOI_ASSIGN_OR_RETURN(const uint32_t id, XdpProgramId(interface_index));
  if (id == 0) return false;
  const Fd program(bpf_prog_get_fd_by_id(id));
  if (!program.valid() && errno == ENOENT) return false;
  bpf_prog_info info = {};
  uint32_t bytes = sizeof(info);
  if (!program.valid() || bpf_obj_get_info_by_fd(program.get(), &info, &bytes) != 0) {
    return absl::ErrnoToStatus(errno, "cannot tell whose XDP program is on the interface");
  }
  return absl::string_view(info.name) == kXdpProgram;
}

absl::Status DetachKoiXdp(int interface_index) {
  KOI_ASSIGN_OR_RETURN(const bool present, HasKoiXdp(interface_index));
  if (!present) return absl::OkStatus();
  KOI_ASSIGN_OR_RETURN(const uint32_t id, XdpProgramId(interface_index));
  // Refused with EBUSY when it was attached by a link.
  const int error = bpf_xdp_detach(interface_index, 0, nullptr);
  if (error == 0) return absl::OkStatus();
  if (error != -EBUSY) return absl::ErrnoToStatus(-error, "cannot detach koi_xdp");
  KOI_ASSIGN_OR_RETURN(const Fd link, XdpLinkOn(interface_index, id));
  return DetachLink(link.get());
}

absl::StatusOr<XdpAttachment> AttachXdp(int program_fd, int interface_index, XdpMode wanted) {
  char name[IF_NAMESIZE] = {};
  if (::if_indextoname(static_cast<unsigned>(interface_index), name) == nullptr) {
    return absl::NotFoundError(absl::StrCat("no interface has the index ", interface_index));
  }
  switch (wanted) {
    case XdpMode::kAuto: return AttachBestMode(program_fd, interface_index);
    case XdpMode::kNative:
    case XdpMode::kGeneric:
      return AttachInMode(program_fd, interface_index, wanted, "The configuration asks for it.");
  }
  KOI_UNREACHABLE();
}

absl::Status UpdateLink(int link_fd, int program_fd) {
  if (bpf_link_update(link_fd, program_fd, nullptr) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot replace the program of a link");
}

absl::Status DetachLink(int link_fd) {
  if (bpf_link_detach(link_fd) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot detach a link");
}

absl::StatusOr<Fd> AttachSkLookup(int program_fd, const std::string& pin_path) {
  KOI_ASSIGN_OR_RETURN(Fd pinned, OpenLivePin(pin_path));
  if (pinned.valid()) {
    KOI_RETURN_IF_ERROR(UpdateLink(pinned.get(), program_fd));
    return pinned;
  }
  if (::unlink(pin_path.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove the stale link ", pin_path));
  }
  const Fd network(::open(kOwnNetwork, O_RDONLY | O_CLOEXEC));
  if (!network.valid())
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", kOwnNetwork));
  Fd link(bpf_link_create(program_fd, network.get(), BPF_SK_LOOKUP, nullptr));
  if (!link.valid()) return absl::ErrnoToStatus(errno, "cannot attach koi_sk_lookup");
  if (bpf_obj_pin(link.get(), pin_path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", pin_path));
  }
  return link;
}

}  // namespace koi
