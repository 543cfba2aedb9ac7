// Private folders, and checkpoints that are handed on.
#include "exec/trial_folders.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

[[noreturn]] void fail(const fs::path& folder, const std::string& why) {
  throw Error(fmt::format("cannot make the folder {}: {}; make room or mend its permissions",
                          folder.string(), why));
}

void make_private(const fs::path& folder) {
  constexpr mode_t kPrivate = 0700;
  if (::mkdir(folder.c_str(), kPrivate) == 0) return;
  const int error = errno;
  std::error_code ignored;
  // Not through a link, which somebody else may have put there.
  const bool there =
      error == EEXIST && fs::symlink_status(folder, ignored).type() == fs::file_type::directory;
  if (!there) fail(folder, std::strerror(error));
  if (::chmod(folder.c_str(), kPrivate) != 0) fail(folder, std::strerror(errno));
}

/// Under another name first: a copy that breaks off is never taken for a checkpoint.
void copy_whole(const fs::path& from, const fs::path& to) {
  const fs::path part = to.string() + ".part";
  std::error_code error;
  fs::remove_all(part, error);
  make_private(part);
  fs::copy(from, part, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
  if (!error) fs::rename(part, to, error);
  if (error) fail(to, error.message());
}

}  // namespace

TrialFolders make_trial_folders(const fs::path& folder, const TrialRecord& trial) {
  std::error_code error;
  const fs::path root = fs::absolute(folder);
  const fs::path checkpoints = root / "checkpoints";
  fs::create_directories(root, error);
  if (error) fail(root, error.message());
  make_private(root / "trials");
  make_private(checkpoints);
  const TrialFolders folders{root / "trials" / std::to_string(trial.number),
                             checkpoints / std::to_string(trial.number)};
  make_private(folders.trial);
  for (const std::optional<int>& earlier : {trial.plan.retry_of, trial.plan.parent}) {
    if (fs::exists(folders.checkpoint, error) || !earlier) continue;
    const fs::path from = checkpoints / std::to_string(*earlier);
    if (fs::is_directory(from, error)) copy_whole(from, folders.checkpoint);
  }
  make_private(folders.checkpoint);
  return folders;
}

}  // namespace hypertune
