// A disk that is soon full.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace hypertune::testing_support {

/// Mounts a file system of `kibibytes` on the folder, for this process alone. False when this
/// machine does not allow it.
inline bool mount_small_disk(const std::filesystem::path& folder, int kibibytes) {
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string size = "size=" + std::to_string(kibibytes) + "k";
  return ::mount("none", folder.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

}  // namespace hypertune::testing_support
