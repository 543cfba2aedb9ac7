// Tables of algorithms: what does not depend on the kind of algorithm.
#include "config/algorithm.h"

#include "config/sections.h"

namespace hypertune {
namespace {

/// `a number above 0, at most 1`.
std::string range_text(const Range& range, std::string_view kind) {
  const bool above = range.open == Range::Open::Low || range.open == Range::Open::Both;
  const bool below = range.open == Range::Open::High || range.open == Range::Open::Both;
  std::string text(kind);
  if (!std::isinf(range.low)) {
    text += above ? fmt::format(" above {}", format_number(range.low))
                  : fmt::format(", {} or more", format_number(range.low));
  }
  if (!std::isinf(range.high)) {
    text += fmt::format(", {} {}", below ? "below" : "at most", format_number(range.high));
  }
  return text;
}

}  // namespace

namespace option_types {

bool lies_in(double number, const Range& range) {
  const bool above = range.open == Range::Open::Low || range.open == Range::Open::Both;
  const bool below = range.open == Range::Open::High || range.open == Range::Open::Both;
  return (above ? number > range.low : number >= range.low) &&
         (below ? number < range.high : number <= range.high);
}

double number_in(const Entry& entry, const Range& range) {
  const double number = entry.number();
  if (!lies_in(number, range)) {
    entry.fail(fmt::format("{} is {}; it must be {}", entry.name(), format_number(number),
                           range_text(range, "a number")));
  }
  return number;
}

std::int64_t whole_in(const Entry& entry, const Range& range, std::int64_t highest) {
  const std::int64_t whole = entry.whole();
  if (!lies_in(static_cast<double>(whole), range) || whole > highest) {
    Range legal = range;
    if (whole > highest) legal.high = static_cast<double>(highest);
    entry.fail(fmt::format("{} is {}; it must be {}", entry.name(), whole,
                           range_text(legal, "a whole number")));
  }
  return whole;
}

std::string metric_name(const Entry& entry) {
  const std::string metric = entry.text();
  if (has_own_names(entry)) {
    check_own_name(entry, metric);
    return metric;
  }
  const std::vector<std::string> metrics = known_metrics();
  if (std::ranges::find(metrics, metric) == metrics.end()) {
    entry.fail(fmt::format("the trainer gives no metric \"{}\"{}", shorten(metric, 60),
                           suggestion(metric, metrics)));
  }
  return metric;
}

}  // namespace option_types

void check_option_keys(const Entry& section, const KeyOwner& chosen,
                       std::span<const KeyOwner> owners) {
  std::vector<std::string> keys = chosen.keys;
  keys.emplace_back("name");
  for (const Entry& member : section.members()) {
    if (std::ranges::find(keys, member.key()) != keys.end()) continue;
    std::vector<std::string> takers;
    std::vector<std::string> foreign;
    for (const KeyOwner& owner : owners) {
      foreign.insert(foreign.end(), owner.keys.begin(), owner.keys.end());
      const bool takes = std::ranges::find(owner.keys, member.key()) != owner.keys.end();
      if (takes) takers.push_back(owner.name);
    }
    if (!takers.empty()) {
      member.fail_at_key(fmt::format(
          "\"{}\" is an option of {}, not of {}; remove it, or choose {} = \"{}\"", member.key(),
          join(takers, ", "), chosen.name, section.name() + ".name", takers.front()));
    }
    const std::string where = fmt::format("unknown key \"{}\" in {} \"{}\"",
                                          shorten(member.key(), 60), section.name(), chosen.name);
    std::string near = did_you_mean(member.key(), keys);
    if (near.empty() && !did_you_mean(member.key(), foreign).empty()) {
      const std::string word = *nearest(member.key(), foreign);
      const auto owner = std::ranges::find_if(owners, [&](const KeyOwner& each) {
        return std::ranges::find(each.keys, word) != each.keys.end();
      });
      near = fmt::format(", did you mean \"{}\", an option of {}?", word, owner->name);
    }
    if (near.empty()) {
      near = chosen.keys.empty() ? fmt::format("; {} takes no options", chosen.name)
                                 : suggestion(member.key(), keys);
    }
    member.fail_at_key(where + near);
  }
}

}  // namespace hypertune
