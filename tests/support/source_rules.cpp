// The rules of layering and style, as tables and the functions that apply them.
#include "support/source_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <regex>

namespace hypertune::testing {
namespace {

/// Modules by level; each may include itself and modules of lower levels.
const std::map<std::string, int, std::less<>> kLevels = {
    {"base", 0},     {"math", 1},       {"space", 1},   {"nn", 1},    {"core", 2},
    {"samplers", 3}, {"schedulers", 3}, {"storage", 3}, {"exec", 3},  {"launch", 3},
    {"config", 4},   {"report", 4},     {"train", 4},   {"serve", 5}, {"cli", 6}};

/// A client of the public interface, and the modules that it may use besides.
constexpr std::string_view kClient = "train";
constexpr std::array<std::string_view, 2> kOfClient = {"base", "nn"};

/// What only some places may write. `allowed` are beginnings of paths.
struct Restriction {
  std::string pattern;  ///< regular expression, searched line by line in code without comments
  std::vector<std::string> allowed;
  std::string message;
  Strings strings = Strings::Blank;
};

const std::vector<Restriction>& includes_of_few() {
  static const std::vector<Restriction> kRestrictions = {
      {R"(#include <(torch|ATen|c10)/)",
       {"src/train/torch/", "tests/", "bench/"},
       "LibTorch belongs to src/train/torch alone",
       Strings::Keep},
      {R"(#include <sqlite3\.h>)",
       {"src/storage/", "tests/"},
       "SQLite belongs to src/storage alone",
       Strings::Keep},
      {R"re("\s*(SELECT |INSERT |UPDATE |DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA ))re",
       {"src/storage/", "tests/"},
       "SQL belongs to src/storage alone",
       Strings::Keep},
      {R"(#include <(sys/socket|netinet/\w+|arpa/inet|netdb)\.h>)",
       {"src/serve/", "tests/"},
       "sockets belong to src/serve alone",
       Strings::Keep},
      {R"(#include <httplib\.h>)",
       {"src/serve/http_listener.cpp", "tests/"},
       "cpp-httplib belongs to src/serve/http_listener.cpp alone",
       Strings::Keep},
      {R"(#include <curl/)",
       {"src/train/", "src/launch/http_client.cpp", "tests/"},
       "downloads belong to src/train, requests to src/launch/http_client.cpp",
       Strings::Keep},
  };
  return kRestrictions;
}

const std::vector<Restriction>& words_of_no_header() {
  static const std::vector<Restriction> kRestrictions = {
      {R"(\busing namespace\b)", {}, "no `using namespace` in a header"}};
  return kRestrictions;
}

const std::vector<Restriction>& words_of_few() {
  static const std::vector<Restriction> kRestrictions = {
      {R"(\b(std::rand|srand|random_device|mt19937(_64)?|default_random_engine)\b|[^_\w]rand\(\))",
       {"src/base/"},
       "random numbers come from hypertune::Rng"},
      {R"(\bsystem_clock::now\b|\bgettimeofday\b|[^_\w]time\((nullptr|NULL|0)\))",
       {"src/base/", "src/storage/", "bench/"},
       "the wall clock is passed in (hypertune::Clock)"},
      {R"([Tt]hread[\w(){}]*\.detach\(\))", {}, "a detached thread outlives what it uses"},
      {R"((^|[\s(=,{])new\s+[A-Za-z_:]+[\s({\[;]|\bdelete\s+[a-z_]|\bdelete\[\])",
       {"src/nn/arena."},  // aligned memory
       "values and unique_ptr, no new and delete"},
      {R"(\bstd::any\b|\bany_cast\b|\bdynamic_cast<)", {}, "no std::any, no dynamic_cast"},
      {R"((^|[\s(=,!])::(fork|execv\w*|posix_spawnp?)\(|\bpopen\(|\bstd::system\()",
       {"src/base/process.", "src/report/gnuplot.cpp", "tests/"},
       "programs are started by base/process, and never by a shell"},
      {R"(\bthis_thread::sleep|\busleep\(|[^_\w]sleep\()",
       {"src/storage/", "bench/"},
       "wait on a condition variable or a pipe, not by sleeping"},
  };
  return kRestrictions;
}

std::string at_line(const SourceFile& file, std::size_t index, const std::string& what) {
  return file.path + ":" + std::to_string(index + 1) + ": " + what;
}

bool is_code(const std::string& path) { return path.ends_with(".h") || path.ends_with(".cpp"); }

/// `storage` for `src/storage/sqlite.cpp`; empty outside src/.
std::string module_of(const std::string& path) {
  if (!path.starts_with("src/")) return {};
  const auto end = path.find('/', 4);
  return end == std::string::npos ? std::string() : path.substr(4, end - 4);
}

void apply(const SourceFile& file, const std::vector<Restriction>& restrictions,
           std::vector<std::string>& found) {
  for (const Restriction& restriction : restrictions) {
    const bool exempt = std::ranges::any_of(restriction.allowed, [&](const std::string& prefix) {
      return file.path.starts_with(prefix);
    });
    if (exempt) continue;
    const std::regex pattern(restriction.pattern);
    const auto lines = lines_of(without_comments(file.text, restriction.strings));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (std::regex_search(lines[i], pattern)) {
        found.push_back(at_line(file, i, restriction.message));
      }
    }
  }
}

/// What is wrong when a file of `module` includes "target"; nothing when it may.
std::optional<std::string> include_fault(const std::string& module, const std::string& target) {
  const std::string wanted = target.substr(0, target.find('/'));
  if (wanted == "hypertune" || wanted == module) return std::nullopt;
  if (target.find('/') == std::string::npos) {
    return "\"" + target + "\" is included without its module: write \"" + module + "/" + target +
           "\"";
  }
  const auto level = kLevels.find(wanted);
  if (level == kLevels.end()) return "there is no module \"" + wanted + "\"";
  if (module == kClient) {
    if (std::ranges::find(kOfClient, wanted) != kOfClient.end()) return std::nullopt;
    return module + " uses the public interface, base and nn, not " + wanted;
  }
  if (level->second < kLevels.at(module)) return std::nullopt;
  return module + " (level " + std::to_string(kLevels.at(module)) + ") includes " + wanted +
         " (level " + std::to_string(level->second) + "): dependencies point downward only";
}

/// Public headers compile for people who have nothing but a compiler.
bool is_public_include(const std::string& line) {
  static const std::regex kStandard(R"(#include <[a-z_]+>)");
  static const std::regex kOwn(R"re(#include "hypertune/[a-z_]+\.h")re");
  return std::regex_match(line, kStandard) || std::regex_match(line, kOwn);
}

bool opens_with_comment(const SourceFile& file) {
  const auto lines = lines_of(file.text);
  if (lines.empty()) return true;
  const bool shebang = lines[0].starts_with("#!") && lines.size() > 1;
  const std::string& first = lines[shebang ? 1 : 0];
  if (is_code(file.path)) return first.starts_with("// ");
  return first.starts_with("# ") || first.starts_with("\"\"\"");
}

bool wants_opening_comment(const std::string& path) {
  constexpr std::array<std::string_view, 4> kEndings = {".cmake", ".sh", ".py", ".gp"};
  return is_code(path) || path == "Makefile" ||
         std::ranges::any_of(kEndings, [&](std::string_view end) { return path.ends_with(end); });
}

/// Marks of unfinished work, in any text. Assembled, so that this file does not contain them.
const std::regex& unfinished() {
  static const std::regex kPattern(std::string(R"(\b(TO)") + "DO|FIX" + R"(ME)\b)");
  return kPattern;
}

/// Paths that exist on one machine only.
const std::regex& machine_path() {
  static const std::regex kPattern(R"((^|[\s"'`(=:])/(home|root|work|Users)/[A-Za-z.]|\.\./sha)"
                                   R"(red\b)");
  return kPattern;
}

void check_name(const SourceFile& file, std::vector<std::string>& found) {
  static const std::regex kVague(R"((^|/)(utils?|helpers?|common|manager|misc)\.\w+$)");
  if (std::regex_search(file.path, kVague)) {
    found.push_back(file.path + ": name the file after what is in it");
  }
}

}  // namespace

std::vector<std::string> layering_violations(const SourceFile& file) {
  std::vector<std::string> found;
  if (!is_code(file.path)) return found;
  const std::string module = module_of(file.path);
  if (!module.empty() && !kLevels.contains(module)) {
    return {file.path + ": the module \"" + module + "\" has no level"};
  }
  static const std::regex kQuoted(R"re(^\s*#include "([^"]+)")re");
  const auto lines = lines_of(without_comments(file.text, Strings::Keep));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!module.empty() && std::regex_search(lines[i], match, kQuoted)) {
      if (const auto fault = include_fault(module, match[1])) {
        found.push_back(at_line(file, i, *fault));
      }
    }
    if (file.path.starts_with("include/") && lines[i].starts_with("#include") &&
        !is_public_include(lines[i])) {
      found.push_back(
          at_line(file, i, "public headers include the standard library and hypertune/"));
    }
  }
  apply(file, includes_of_few(), found);
  return found;
}

std::vector<std::string> style_violations(const SourceFile& file) {
  std::vector<std::string> found;
  check_name(file, found);
  if (wants_opening_comment(file.path) && !opens_with_comment(file)) {
    found.push_back(file.path + ":1: open the file with a comment that says what is in it");
  }
  if (file.path.ends_with(".h") && file.text.find("\n#pragma once\n") == std::string::npos) {
    found.push_back(file.path + ":1: a header needs #pragma once");
  }
  if (file.path.ends_with(".h")) apply(file, words_of_no_header(), found);
  if (is_code(file.path)) apply(file, words_of_few(), found);
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (std::regex_search(lines[i], unfinished())) {
      found.push_back(at_line(file, i, "finish it, or write an issue"));
    }
    if (std::regex_search(lines[i], machine_path())) {
      found.push_back(at_line(file, i, "a path that exists on one machine only"));
    }
  }
  return found;
}

std::vector<std::string> twice_defined(const std::vector<SourceFile>& files) {
  static const std::regex kDefinition(R"(^(?:struct|class|enum class) (\w+)(?!::)\b[^;]*\{)");
  std::map<std::string, std::string> first;
  std::vector<std::string> found;
  for (const SourceFile& file : files) {
    if (!file.path.ends_with(".h") || file.path.starts_with("tests/")) continue;
    // Compiled for one instruction set each, in anonymous namespaces.
    if (file.path.starts_with("src/nn/kernels/")) continue;
    const auto lines = lines_of(without_comments(file.text, Strings::Blank));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(lines[i], match, kDefinition)) continue;
      const auto [known, is_new] = first.emplace(match[1], file.path);
      if (is_new) continue;
      found.push_back(
          at_line(file, i, match[1].str() + " is defined in " + known->second + " too"));
    }
  }
  return found;
}

}  // namespace hypertune::testing
