// SPDX-License-Identifier: Apache-2.0
// Looking into /etc/passwd.
#include "manager/control/user_name.h"

#include <pwd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "config/value.h"

namespace koi {

std::string UserName(int64_t uid) {
  if (uid < 0) return "unknown";
  std::string name = absl::StrCat("uid ", uid);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), std::fclose);
  if (file == nullptr) return name;
  passwd entry = {};
  passwd* found = nullptr;
  char buffer[4096];
  while (::fgetpwent_r(file.get(), &entry, buffer, sizeof(buffer), &found) == 0) {
    // It ends in files and on screens: a name that is none of ours is not taken.
    if (entry.pw_uid == static_cast<uid_t>(uid) && IsName(entry.pw_name)) return entry.pw_name;
  }
  return name;
}

}  // namespace koi
