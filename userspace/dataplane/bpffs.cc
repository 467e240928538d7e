// SPDX-License-Identifier: Apache-2.0
// The bpffs that pins live in: found, mounted, cleared.
#include "dataplane/bpffs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// The source of a mount means nothing for a bpffs: here it tells koi's own from others.
constexpr char kMountSource[] = "koi";

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
  if (::mount(kMountSource, directory.c_str(), "bpf", flags, "mode=0700") == 0)
    return absl::OkStatus();
  return absl::ErrnoToStatus(
      errno, absl::StrCat("cannot mount a bpffs on ", directory, " (mount -t bpf bpf ", directory,
                          " does it, for a container --volume=", directory, ":", directory,
                          " then; or CAP_SYS_ADMIN for koi)"));
}

// A name with a dot is the kernel's own (maps.debug): nobody can make or remove one.
bool IsKernels(const std::filesystem::path& entry) {
  return entry.filename().string().find('.') != std::string::npos;
}

// Whether nothing is on the way from `mount` down to `directory` but that way.
bool HoldsOnly(const std::filesystem::path& mount, const std::filesystem::path& directory) {
  std::filesystem::path here = mount;
  for (const std::filesystem::path& next : directory.lexically_relative(mount)) {
    if (next == "." || !Exists(here.string())) return true;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(here, error)) {
      if (!IsKernels(entry.path()) && entry.path().filename() != next) return false;
    }
    if (error) return false;
    here /= next;
  }
  return true;
}

}  // namespace

bool IsOnBpffs(const std::string& directory) { return IsBpffs(NearestExisting(directory)); }

absl::Status PrepareBpffs(const std::string& directory) {
  const std::string nearest = NearestExisting(directory);
  if (IsBpffs(nearest)) return MakeDirectories(directory, 0700);
  // An ordinary file system: the directory itself becomes the mount point, so that nothing is
  // hidden. Nobody can make one in sysfs: there the parent that the kernel has prepared, the empty
  // /sys/fs/bpf, is it.
  const bool existed = Exists(directory);
  if (MakeDirectories(directory, 0700).ok()) {
    absl::Status mounted = MountBpffs(directory);
    if (!mounted.ok() && !existed) (void)::rmdir(directory.c_str());
    return mounted;
  }
  KOI_RETURN_IF_ERROR(MountBpffs(nearest));
  return MakeDirectories(directory, 0700);
}

absl::Status RemovePins(const std::string& directory) {
  if (!IsBpffs(directory)) return absl::OkStatus();  // so nothing is pinned there
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  while (!error && entries != std::filesystem::directory_iterator()) {
    if (!IsKernels(entries->path())) std::filesystem::remove_all(entries->path(), error);
    if (!error) entries.increment(error);
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot remove pins below ", directory));
  }
  // A mount point stays, and belongs to who mounted it.
  if (::rmdir(directory.c_str()) == 0 || errno == EBUSY) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", directory));
}

std::vector<std::string> ListPins(const std::string& directory) {
  std::vector<std::string> pins;
  if (!IsBpffs(directory)) return pins;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!IsKernels(entry->path()) && !entry->is_directory()) pins.push_back(entry->path().string());
  }
  return pins;
}

absl::StatusOr<Fd> LockPins(const std::string& directory) {
  const std::string what = absl::StrCat("cannot lock ", directory);
  for (;;) {
    Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock.valid()) return absl::ErrnoToStatus(errno, what);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, what);
      return absl::AlreadyExistsError(absl::StrCat("another koi has its pins in ", directory,
                                                   ": each needs a node.bpffs of its own"));
    }
    struct stat locked = {};
    struct stat now = {};
    if (::fstat(lock.get(), &locked) != 0) return absl::ErrnoToStatus(errno, what);
    if (::stat(directory.c_str(), &now) != 0) return absl::ErrnoToStatus(errno, what);
    // Else one that was just stopping has removed it meanwhile, and there is another.
    if (locked.st_ino == now.st_ino && locked.st_dev == now.st_dev) return lock;
  }
}

std::string OwnBpffsMount(const std::string& directory) {
  const std::string mounts = ReadFile("/proc/self/mounts", 16 << 20).value_or("");
  std::string own;
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    // Source, mount point, type. A later mount covers an earlier one.
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 3 || words[2] != "bpf") continue;
    if (directory != words[1] && !absl::StartsWith(directory, absl::StrCat(words[1], "/")))
      continue;
    own = words[0] == kMountSource ? words[1] : "";
  }
  return !own.empty() && HoldsOnly(own, directory) ? own : "";
}

absl::Status UnmountBpffs(const std::string& mount) {
  if (::umount2(mount.c_str(), UMOUNT_NOFOLLOW) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot unmount ", mount));
}

}  // namespace koi
