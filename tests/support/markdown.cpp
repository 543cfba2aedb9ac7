// Just enough Markdown to check what the documentation shows.
#include "support/markdown.h"

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>

#include "base/text.h"
#include "support/source_tree.h"

namespace hypertune::testing {
namespace {

constexpr std::string_view kFence = "```";

/// `text` with code, fenced and inline, taken out.
std::string prose(std::string_view page) {
  std::string text;
  bool in_code = false;
  for (const std::string& line : lines_of(page)) {
    const bool fence = trim(line).starts_with(kFence);
    if (fence) in_code = !in_code;
    if (!fence && !in_code) text += line + "\n";
  }
  return text;
}

/// Sections by the first part of their name, in order: `experiment` for `[[experiment.claims]]`.
std::vector<std::pair<std::string, std::string>> sections(std::string_view toml) {
  static const std::regex kHeader(R"(^\[\[?\s*([A-Za-z_]+))");
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& line : lines_of(toml)) {
    std::smatch match;
    if (std::regex_search(line, match, kHeader) &&
        (found.empty() || found.back().first != match[1])) {
      found.emplace_back(match[1], "");
    }
    if (!found.empty()) found.back().second += line + "\n";
  }
  return found;
}

std::vector<std::string> trimmed_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(trim(text))) lines.emplace_back(trim(line));
  return lines;
}

}  // namespace

std::vector<CodeBlock> code_blocks(std::string_view page) {
  std::vector<CodeBlock> blocks;
  bool inside = false;
  int number = 0;
  for (const std::string& line : lines_of(page)) {
    ++number;
    const std::string_view bare = trim(line);
    if (bare.starts_with(kFence)) {
      inside = !inside;
      if (inside) blocks.push_back({std::string(bare.substr(kFence.size())), number + 1, ""});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

std::vector<std::string> local_links(std::string_view page) {
  static const std::regex kCode("`[^`\n]*`");
  static const std::regex kLink(R"(\]\(<?([^)\s>]+)>?[^)]*\))");
  const std::string text = std::regex_replace(prose(page), kCode, "");
  std::vector<std::string> links;
  for (std::sregex_iterator it(text.begin(), text.end(), kLink), end; it != end; ++it) {
    const std::string target = (*it)[1];
    const bool web = target.find("://") != std::string::npos || target.starts_with("mailto:");
    if (!web) links.push_back(target);
  }
  return links;
}

std::vector<std::string> anchors(std::string_view page) {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(prose(page))) {
    if (!line.starts_with("#")) continue;
    const std::string_view heading = trim(std::string_view(line).substr(line.find(' ') + 1));
    std::string anchor;
    for (const char c : heading) {
      const auto letter = static_cast<unsigned char>(c);
      if (std::isalnum(letter) || c == '_' || c == '-' || letter >= 0x80) {
        anchor += static_cast<char>(std::tolower(letter));
      } else if (c == ' ') {
        anchor += '-';
      }
    }
    found.push_back(anchor);
  }
  return found;
}

std::vector<std::vector<std::string>> hypertune_commands(std::string_view block) {
  std::vector<std::vector<std::string>> commands;
  std::string joined(block);
  for (auto at = joined.find("\\\n"); at != std::string::npos; at = joined.find("\\\n")) {
    joined.replace(at, 2, " ");
  }
  for (const std::string& line : lines_of(joined)) {
    std::istringstream words(line);
    std::vector<std::string> arguments;
    bool ours = false;
    for (std::string word; words >> word;) {
      if (word == "|" || word.starts_with("#") || word.starts_with(">") || word == "&&") break;
      if (ours) {
        arguments.push_back(word);
      } else if (word == "hypertune" || word.ends_with("build/hypertune")) {
        ours = true;
      } else if (word != "$" && word.find('=') == std::string::npos) {
        break;  // another program
      }
    }
    if (ours) commands.push_back(arguments);
  }
  return commands;
}

std::string complete_study_file(std::string_view part, std::string_view whole) {
  const auto shown = sections(part);
  const auto shows = [&](std::string_view name) {
    return std::ranges::any_of(shown, [&](const auto& section) { return section.first == name; });
  };
  std::string text;
  for (const auto& [name, body] : sections(whole)) {
    const bool stale = name == "experiment" && shows("space");
    if (!shows(name) && !stale) text += body;
  }
  for (const auto& [name, body] : shown) text += body;
  return text;
}

bool is_excerpt(std::string_view part, std::string_view whole) {
  const auto needle = trimmed_lines(part);
  const auto hay = trimmed_lines(whole);
  return !std::ranges::search(hay, needle).empty();
}

}  // namespace hypertune::testing
