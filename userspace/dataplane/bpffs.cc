// SPDX-License-Identifier: Apache-2.0
// The bpffs that pins live in: found, mounted, cleared.
#include <dirent.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "dataplane/loader.h"

namespace koi {
namespace {

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool IsBpffs(const std::string& path) {
  struct statfs info = {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

std::string NearestExisting(const std::string& path) {
  std::filesystem::path nearest(path);
  while (nearest.has_relative_path() && !Exists(nearest.string())) nearest = nearest.parent_path();
  return nearest.empty() ? "." : nearest.string();
}

absl::Status MountBpffs(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::is_empty(directory, error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory, " is no bpffs and not empty: one mounted there would hide what it holds"));
  }
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("bpf", directory.c_str(), "bpf", flags, "mode=0700") == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(
      errno, absl::StrCat("cannot mount a bpffs on ", directory, " (mount -t bpf bpf ", directory,
                          " does it, or CAP_SYS_ADMIN for koi)"));
}

}  // namespace

absl::Status PrepareBpffs(const std::string& directory) {
  const std::string nearest = NearestExisting(directory);
  if (IsBpffs(nearest)) return MakeDirectories(directory, 0700);
  // An ordinary file system: the directory itself becomes the mount point, so that nothing is
  // hidden. Nobody can make one in sysfs: there the parent that the kernel has prepared, the empty
  // /sys/fs/bpf, is it.
  if (MakeDirectories(directory, 0700).ok()) return MountBpffs(directory);
  KOI_RETURN_IF_ERROR(MountBpffs(nearest));
  return MakeDirectories(directory, 0700);
}

absl::Status RemovePins(const std::string& directory) {
  if (!IsBpffs(directory)) return absl::OkStatus();  // so nothing is pinned there
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  while (!error && entries != std::filesystem::directory_iterator()) {
    // A name with a dot is the kernel's own (maps.debug): nobody can make or remove one.
    const std::filesystem::path& entry = entries->path();
    if (entry.filename().string().find('.') == std::string::npos) {
      std::filesystem::remove_all(entry, error);
    }
    if (!error) entries.increment(error);
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot remove pins below ", directory));
  }
  // A mount point stays, and belongs to who mounted it.
  if (::rmdir(directory.c_str()) == 0 || errno == EBUSY) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", directory));
}

}  // namespace koi
