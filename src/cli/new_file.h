// Files that come to be as a whole, or not at all.
#pragma once

#include <filesystem>

namespace hypertune {

/// Whether a file of the same name is replaced.
enum class Replace : bool { No, Yes };

/// A file under a name of its own until it is finished; removed unless it got its place.
class NewFile {
 public:
  /// Creates missing folders. Throws ConfigError when there is a file of that name that may not be
  /// replaced, and Error when the folder cannot be created.
  NewFile(std::filesystem::path file, Replace replace);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Where to write it; there is nothing there yet.
  const std::filesystem::path& temporary() const { return temporary_; }

  /// Gives it its place, where it survives a power cut. Throws ConfigError as the constructor does,
  /// and Error.
  void put_in_place();

 private:
  std::filesystem::path file_;
  std::filesystem::path temporary_;
  Replace replace_;
};

}  // namespace hypertune
