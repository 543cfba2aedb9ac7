// The files of the source tree, for tests that check rules about them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hypertune::testing {

/// One text file; `path` is relative to the root of the tree, with forward slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

/// Every text file that belongs to the project, sorted by path. What builds and runs leave behind
/// is not part of it, nor is anything whose name begins with a dot, `.ci` excepted.
std::vector<SourceFile> source_tree(const std::filesystem::path& root);

std::vector<std::string> lines_of(std::string_view text);

/// The text with comments blanked out, and also the insides of string literals if asked for, so
/// that line and column numbers stay what they were. Knows raw strings.
enum class Strings { Keep, Blank };
std::string without_comments(std::string_view text, Strings strings);

}  // namespace hypertune::testing
