// Walks the source tree and blanks comments.
#include "support/source_tree.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace hypertune::testing {
namespace {

namespace fs = std::filesystem;

bool belongs(const fs::path& entry, bool at_root) {
  const std::string name = entry.filename().string();
  if (name.starts_with(".")) return name == ".ci";
  if (at_root && (name.starts_with("build") || name == "runs")) return false;
  return name != "__pycache__" && name != "node_modules" && name != "dist";
}

void collect(const fs::path& root, const fs::path& folder, std::vector<SourceFile>& files) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!belongs(entry.path(), folder == root)) continue;
    if (entry.is_directory()) {
      collect(root, entry.path(), files);
    } else if (entry.is_regular_file()) {
      std::ifstream in(entry.path(), std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(in), {}};
      if (text.find('\0') != std::string::npos) continue;  // an image, an archive
      files.push_back({entry.path().lexically_relative(root).generic_string(), std::move(text)});
    }
  }
}

/// Where the literal or comment that starts at `begin` ends; `begin` itself when none does.
std::size_t end_of_raw_string(std::string_view text, std::size_t begin) {
  const auto open = text.find('(', begin);
  if (open == std::string_view::npos) return text.size();
  const std::string closing = ")" + std::string(text.substr(begin + 2, open - begin - 2)) + "\"";
  const auto close = text.find(closing, open);
  return close == std::string_view::npos ? text.size() : close + closing.size();
}

std::size_t end_of_quoted(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != text[begin] && text[at] != '\n') {
    at += text[at] == '\\' ? 2 : 1;
  }
  return std::min(at + 1, text.size());
}

void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

/// Whether the quote at `at` separates digits, as in 1'000.
bool is_digit_separator(std::string_view text, std::size_t at) {
  return text[at] == '\'' && at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1]));
}

}  // namespace

std::vector<SourceFile> source_tree(const fs::path& root) {
  std::vector<SourceFile> files;
  collect(root, root, files);
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string without_comments(std::string_view text, Strings strings) {
  std::string result(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::size_t end = at + 1;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', at), text.size());
      blank(result, at, end);
    } else if (rest.starts_with("/*")) {
      const auto close = text.find("*/", at + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
      blank(result, at, end);
    } else if (rest.starts_with("R\"")) {
      end = end_of_raw_string(text, at);
      if (strings == Strings::Blank) blank(result, at, end);
    } else if (rest.starts_with("\"") || (rest.starts_with("'") && !is_digit_separator(text, at))) {
      end = end_of_quoted(text, at);
      if (strings == Strings::Blank) blank(result, at + 1, end - 1);
    }
    at = end;
  }
  return result;
}

}  // namespace hypertune::testing
