// A folder for one test, removed with everything in it at the end.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace hypertune::testing_support {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (parent() / "hypertune-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  /// In memory where that is possible: many tests would wait for the disk most of their time.
  static std::filesystem::path parent() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), R_OK | W_OK | X_OK) == 0;
    return usable ? memory : std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

}  // namespace hypertune::testing_support
