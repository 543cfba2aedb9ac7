// Regular expressions over lines of output.
#include "exec/output_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::size_t kShown = 60;

/// The library's usual matcher calls itself for each character and tries all ways in turn: a long
/// line ends the stack, a bad expression takes forever. This one follows all ways at once.
constexpr auto kSyntax = std::regex::ECMAScript
#ifdef __GLIBCXX__
                         | std::regex_constants::__polynomial
#endif
    ;

/// The library builds and follows an expression by functions that call themselves: its length and
/// its counted repetitions, `{n}` within `{m}`, have to be small for any stack.
constexpr std::size_t kMaxPattern = 500;
constexpr int kMaxRepetitions = 1000;

bool is_small(std::string_view text) {
  if (text.size() > kMaxPattern) return false;
  double repetitions = 1;
  double number = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = 10 * number + (c - '0');
    } else {
      if (c == '}' || c == ',') repetitions *= std::max(number, 1.0);
      number = 0;
    }
  }
  return repetitions <= kMaxRepetitions;
}

std::regex compile(const std::string& what, const std::string& text) {
  if (!is_small(text)) {
    throw ConfigError(fmt::format(
        "the pattern of {} is too large: at most {} characters, and repetitions by numbers that "
        "multiply to at most {}; make it shorter, with * and + for numbers",
        what, kMaxPattern, kMaxRepetitions));
  }
  std::regex pattern;
  try {
    pattern = std::regex(text, kSyntax);
  } catch (const std::regex_error& error) {
    throw ConfigError(
        fmt::format("the pattern of {} is no regular expression: {} (ECMAScript's grammar, without "
                    "references back to a group)",
                    what, error.what()));
  }
  if (pattern.mark_count() == 0) {
    throw ConfigError(fmt::format(
        "the pattern of {} has no group; put the number's part into parentheses, such as "
        "'loss: ([-+.0-9e]+)'",
        what));
  }
  return pattern;
}

}  // namespace

OutputPatterns::OutputPatterns(const std::map<std::string, std::string>& patterns,
                               const std::string& step) {
  for (const auto& [metric, text] : patterns) patterns_[metric] = compile(metric, text);
  if (!step.empty()) step_pattern_ = compile("the step", step);
}

std::optional<double> OutputPatterns::find(const std::regex& pattern, std::string_view line,
                                           const std::string& what) {
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_search(line.begin(), line.end(), match, pattern) || !match[1].matched) return {};
  const std::string text = match[1].str();
  const auto number = number_in_text(text);
  if (!number && faults_++ == 0) {
    first_fault_ = fmt::format("the pattern of {} found \"{}\", no number", what,
                               shorten(plain_text(text), kShown));
  }
  return number;
}

void OutputPatterns::finish_step(std::vector<ReportLine>& done) {
  if (!reported_ && !gathered_.empty()) done.push_back({false, step_, gathered_});
  reported_ = true;
}

void OutputPatterns::begin_step(std::int64_t step, std::vector<ReportLine>& done) {
  finish_step(done);
  step_ = step;
  gathered_.clear();
  reported_ = false;
}

std::vector<ReportLine> OutputPatterns::feed(std::string_view line) {
  line = line.substr(0, kMaxSearchedLine);
  std::vector<ReportLine> done;
  if (step_pattern_) {
    constexpr double kMost = 1e15;
    const auto step = find(*step_pattern_, line, "the step");
    const bool legal = step && std::abs(*step) < kMost && std::trunc(*step) == *step;
    if (legal && static_cast<std::int64_t>(*step) != step_) {
      begin_step(static_cast<std::int64_t>(*step), done);
    }
  }
  Metrics found;
  for (const auto& [metric, pattern] : patterns_) {
    if (const auto value = find(pattern, line, metric)) found[metric] = *value;
  }
  if (found.empty()) return done;
  const bool again = std::ranges::any_of(
      found, [&](const auto& entry) { return gathered_.contains(entry.first); });
  if (!step_pattern_ && (again || step_ == 0)) begin_step(step_ + 1, done);
  gathered_.merge(found);  // the first value counts
  if (gathered_.size() == patterns_.size()) finish_step(done);
  return done;
}

std::vector<ReportLine> OutputPatterns::finish() {
  std::vector<ReportLine> done;
  finish_step(done);
  return done;
}

}  // namespace hypertune
