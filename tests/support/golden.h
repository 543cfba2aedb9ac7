// Golden files: what a program wrote when somebody looked at it and found it good.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/files.h"

namespace hypertune::testing_support {

/// Compares with tests/unit/golden/`name`; with HYPERTUNE_UPDATE_GOLDEN=1 writes that file instead.
inline void expect_golden(const std::string& name, const std::string& content) {
  const std::filesystem::path file =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden" / name;
  if (const char* update = std::getenv("HYPERTUNE_UPDATE_GOLDEN");
      update != nullptr && std::string(update) == "1") {
    write_file(file, content);
  }
  ASSERT_TRUE(std::filesystem::exists(file)) << file << "; HYPERTUNE_UPDATE_GOLDEN=1 writes it";
  EXPECT_TRUE(read_file(file) == content)
      << file << " differs; look at it after HYPERTUNE_UPDATE_GOLDEN=1";
}

}  // namespace hypertune::testing_support
