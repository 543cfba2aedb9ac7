// Verdicts in words, for terminals and reports.
#include "report/verdict_text.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/text.h"

namespace hypertune {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kIndent = 14;  // the longest verdict and two blanks
constexpr int kDigits = 3;

/// Words in lines of at most `width` bytes; longer words are cut.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  std::string spaced(text);
  for (char& c : spaced) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';  // no control of the terminal
  }
  for (const std::string& word : split(spaced, ' ')) {
    if (word.empty()) continue;
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(std::exchange(line, ""));
    }
    line += (line.empty() ? "" : " ") + shorten(word, width);
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string number(double value) { return format_number(value, kDigits); }

}  // namespace

std::string format_estimate(const Judgement& judgement) {
  return judgement.estimate ? number(*judgement.estimate) : "-";
}

std::string format_interval(const Judgement& judgement) {
  const bool no_low = std::isinf(judgement.low);
  const bool no_high = std::isinf(judgement.high);
  if (no_low && no_high) return "-";
  return fmt::format("{}, {}", no_low ? "(-inf" : "[" + number(judgement.low),
                     no_high ? "inf)" : number(judgement.high) + "]");
}

std::string describe_estimate(const ClaimStatement& claim) {
  const std::string where = claim.where ? fmt::format(" (where {})", claim.where->text()) : "";
  switch (claim.estimand) {
    case Estimand::Mean:
      return fmt::format("mean {}{}", claim.subject, where);
    case Estimand::Share:
      return fmt::format("share of trials with {}{}", claim.subject, where);
    case Estimand::PairedDifference:
      return fmt::format("difference in {} by {}{}", claim.subject, claim.along, where);
    case Estimand::Onset:
      break;
  }
  return fmt::format("{} at which {} becomes more likely than not{}", claim.along, claim.subject,
                     where);
}

std::string verdict_table(std::span<const Judgement> judgements) {
  std::string table;
  const auto append = [&](std::string_view head, std::string_view text) {
    for (const std::string& line : wrap(text, kColumns - kIndent)) {
      table += fmt::format("{:<{}}{}\n", head, kIndent, line);
      head = "";
    }
  };
  for (const Judgement& judgement : judgements) {
    append(to_string(judgement.verdict), judgement.claim.text);
    append("", fmt::format("{}: {}, 95 % interval {}, n = {}; expected {}",
                           describe_estimate(judgement.claim), format_estimate(judgement),
                           format_interval(judgement), judgement.n, judgement.claim.expect.text));
    if (!judgement.note.empty()) append("", fmt::format("({})", judgement.note));
  }
  return table;
}

}  // namespace hypertune
