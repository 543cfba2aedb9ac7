// [ask]: trials that are evaluated by whoever asks for them; and names that are not the trainer's.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/text.h"
#include "config/sections.h"

namespace hypertune {
namespace {

constexpr std::int64_t kLongestLeaseS = std::int64_t{366} * 24 * 3600;

void read_lease(const Entry& entry, StudyFile& file) {
  file.ask->lease = entry.check([&] { return parse_lease(entry.text()); });
}

constexpr Key<StudyFile> kAskKeys[] = {{"lease", read_lease}};

}  // namespace

std::chrono::seconds parse_lease(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, int>, 5> kUnits = {
      {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 24 * 3600}}};
  std::int64_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  for (const auto& [name, seconds] : kUnits) {
    if (error != std::errc() || unit != name) continue;
    if (count >= 1 && count <= kLongestLeaseS / seconds) {
      return std::chrono::seconds(count * seconds);
    }
  }
  throw ConfigError(
      fmt::format("\"{}\" is not a time up to a year; write 90s, 30m, 1h or 2d", text));
}

std::vector<std::string> ask_keys() { return names_of(kAskKeys); }

void read_ask(const Entry& section, StudyFile& file) {
  file.ask = AskChoice();
  for (const char* other : {"trainer", "command"}) {
    if (!section.document_has(other)) continue;
    section.fail(
        fmt::format("[ask] says that trials are evaluated by whoever asks for them, [{}] that "
                    "hypertune does it; remove one of the two",
                    other));
  }
  read_table(section, kAskKeys, file);
}

bool has_own_names(const Entry& entry) {
  return entry.document_has("ask") || entry.document_has("command");
}

void check_own_name(const Entry& entry, const std::string& name) {
  const auto legal = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-./").find(static_cast<char>(c)) != std::string_view::npos;
  };
  const bool begins =
      !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_');
  if (begins && std::ranges::all_of(name, legal)) return;
  entry.fail_at_key(
      fmt::format("\"{}\" cannot be a name here: use letters, digits, \"_\", \"-\", \".\" and "
                  "\"/\", and begin with a letter",
                  shorten(name, 60)));
}

}  // namespace hypertune
