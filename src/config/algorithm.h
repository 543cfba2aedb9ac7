// Tables of algorithms: names, the options of each, and how a section of a study file chooses one.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/study_file.h"
#include "config/toml_document.h"

namespace hypertune {

/// The legal numbers of an option, both ends included unless `open` says otherwise.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  enum class Open : std::uint8_t { None, Low, High, Both } open = Open::None;
};

/// What a word in a study file means.
template <typename E>
struct Word {
  std::string_view word;
  E meaning;
};

/// One key of an algorithm's options.
template <typename O>
struct Option {
  std::string_view key;
  std::function<void(const Entry&, O&)> read;
  /// As TOML; empty when the option is not set.
  std::function<std::string(const O&)> text;
  /// For what depends on the sections before: called when all keys of `section` are read. Returns
  /// what it set by itself, for messages about options that contradict each other.
  std::function<std::string(const Entry& section, const StudyFile& file, O&)> complete = {};
};

namespace option_types {

template <typename M>
M plain(const M&);
template <typename M>
M plain(const std::optional<M>&);
/// What a study file gives for a member of type M.
template <typename M>
using PlainType = decltype(plain(std::declval<const M&>()));

bool lies_in(double number, const Range& range);
/// Throws unless the number lies in the range.
double number_in(const Entry& entry, const Range& range);
std::int64_t whole_in(const Entry& entry, const Range& range, std::int64_t highest);
/// Throws for a metric that trials do not have.
std::string metric_name(const Entry& entry);

inline std::string to_toml(bool flag) { return flag ? "true" : "false"; }
inline std::string to_toml(std::integral auto whole) { return std::to_string(whole); }
inline std::string to_toml(double number) { return format_number(number); }
inline std::string to_toml(const std::string& text) {
  return text.empty() ? "" : fmt::format("\"{}\"", text);
}

template <typename M, typename ToText>
std::string text_or_nothing(const std::optional<M>& value, ToText to_text) {
  return value ? to_text(*value) : std::string();
}
template <typename M, typename ToText>
std::string text_or_nothing(const M& value, ToText to_text) {
  return to_text(value);
}

}  // namespace option_types

/// A truth value.
template <typename O, typename M>
requires std::same_as < option_types::PlainType<M>,
bool > Option<O> option(std::string_view key, M O::*member) {
  return {key, [member](const Entry& entry, O& into) { into.*member = entry.flag(); },
          [member](const O& from) {
            return option_types::text_or_nothing(from.*member,
                                                 [](bool b) { return option_types::to_toml(b); });
          }};
}

/// A number, whole when the member is. A default out of the range counts as none.
template <typename O, typename M>
requires std::is_arithmetic_v<option_types::PlainType<M>> Option<O> option(std::string_view key,
                                                                           M O::*member,
                                                                           Range range) {
  using Number = option_types::PlainType<M>;
  const auto read = [member, range](const Entry& entry, O& into) {
    if constexpr (std::integral<Number>) {
      constexpr auto kHighest = static_cast<std::int64_t>(std::min<std::uint64_t>(
          std::numeric_limits<Number>::max(), std::numeric_limits<std::int64_t>::max()));
      into.*member = static_cast<Number>(option_types::whole_in(entry, range, kHighest));
    } else {
      into.*member = option_types::number_in(entry, range);
    }
  };
  return {key, read, [member, range](const O& from) {
            return option_types::text_or_nothing(from.*member, [&](Number n) {
              const bool legal = option_types::lies_in(static_cast<double>(n), range);
              return legal ? option_types::to_toml(n) : std::string();
            });
          }};
}

/// One of some words.
template <typename O, typename M>
requires std::is_enum_v<option_types::PlainType<M>> Option<O> option(
    std::string_view key, M O::*member, std::vector<Word<option_types::PlainType<M>>> words) {
  using Meaning = option_types::PlainType<M>;
  const auto read = [member, words](const Entry& entry, O& into) {
    const std::string text = entry.text();
    const auto match = std::ranges::find(words, text, &Word<Meaning>::word);
    if (match == words.end()) {
      std::vector<std::string> known;
      for (const Word<Meaning>& word : words) known.emplace_back(word.word);
      entry.fail(fmt::format("{} cannot be \"{}\"{}", entry.name(), shorten(text, 60),
                             suggestion(text, known)));
    }
    into.*member = match->meaning;
  };
  return {key, read, [member, words](const O& from) {
            return option_types::text_or_nothing(from.*member, [&](Meaning meaning) {
              const auto match = std::ranges::find(words, meaning, &Word<Meaning>::meaning);
              return match == words.end() ? "" : fmt::format("\"{}\"", match->word);
            });
          }};
}

/// The name of a metric that trials have.
template <typename O>
Option<O> metric_option(std::string_view key, std::string O::*member) {
  return {
      key,
      [member](const Entry& entry, O& into) { into.*member = option_types::metric_name(entry); },
      [member](const O& from) { return option_types::to_toml(from.*member); }};
}

/// A list of such names.
template <typename O>
Option<O> metric_list_option(std::string_view key, std::vector<std::string> O::*member) {
  const auto read = [member](const Entry& entry, O& into) {
    (into.*member).clear();
    for (const Entry& element : entry.elements()) {
      (into.*member).push_back(option_types::metric_name(element));
    }
  };
  return {key, read, [member](const O& from) {
            std::vector<std::string> quoted;
            for (const std::string& name : from.*member) {
              quoted.push_back(option_types::to_toml(name));
            }
            return fmt::format("[{}]", join(quoted, ", "));
          }};
}

/// A row of the table of samplers or of schedulers.
template <typename T>
struct Algorithm {
  std::string_view name;
  std::vector<OptionDefault> options;
  /// The keys are known to be options. `file` holds the sections that are read before.
  std::function<Choice<T>(const Entry& section, const StudyFile& file)> read;
};

template <typename T>
Algorithm<T> algorithm(std::string_view name, std::unique_ptr<T> (*make)()) {
  return {name, {}, [=](const Entry&, const StudyFile&) {
            return Choice<T>{std::string(name), {}, make};
          }};
}

/// `Argument` is O or const O&.
template <typename T, typename Argument, typename O = std::remove_cvref_t<Argument>>
Algorithm<T> algorithm(std::string_view name, std::unique_ptr<T> (*make)(Argument),
                       std::vector<Option<std::type_identity_t<O>>> options) {
  std::vector<OptionDefault> defaults;
  for (const Option<O>& option : options) {
    defaults.push_back({std::string(option.key), option.text(O())});
  }
  const auto read = [=](const Entry& section, const StudyFile& file) {
    Choice<T> choice{std::string(name), {}, {}};
    O chosen;
    for (const Option<O>& option : options) {
      if (const auto entry = section.find(option.key)) option.read(*entry, chosen);
    }
    std::vector<std::string> notes;
    for (const Option<O>& option : options) {
      const std::string note =
          option.complete ? option.complete(section, file, chosen) : std::string();
      if (!note.empty()) notes.push_back(note);
      const std::string text = option.text(chosen);
      if (text != option.text(O())) {
        choice.changed.push_back(fmt::format("{} = {}", option.key, text));
      }
    }
    try {
      make(chosen);  // options that contradict each other
    } catch (const ConfigError& error) {
      section.fail(error.what() + (notes.empty() ? "" : " (" + join(notes, ", ") + ")"));
    }
    choice.make = [=] { return make(chosen); };
    if constexpr (requires { chosen.budget, chosen.workers; }) {
      choice.make_for = [=](int budget, int workers) {
        O sized = chosen;
        sized.budget = budget;
        sized.workers = workers;
        return make(sized);
      };
    }
    return choice;
  };
  return {name, std::move(defaults), read};
}

/// Throws for a key of the section that is no option of `chosen`. `owners` has the other
/// algorithms, each with its keys.
struct KeyOwner {
  std::string name;
  std::vector<std::string> keys;
};
void check_option_keys(const Entry& section, const KeyOwner& chosen,
                       std::span<const KeyOwner> owners);

/// Reads a section, such as [sampler], whose `name` chooses a row of the table. `file` holds the
/// sections that are read before.
template <typename T>
Choice<T> read_choice(const Entry& section, std::span<const Algorithm<T>> table,
                      const StudyFile& file = {}) {
  const auto name = section.find("name");
  if (!name) {
    section.fail(
        fmt::format("{} has no \"name\"; add name = \"{}\"", section.name(), table.front().name));
  }
  const std::string wanted = name->text();
  const auto row = std::ranges::find(table, wanted, &Algorithm<T>::name);
  std::vector<KeyOwner> owners;
  for (const Algorithm<T>& each : table) {
    KeyOwner& owner = owners.emplace_back(KeyOwner{std::string(each.name), {}});
    for (const OptionDefault& option : each.options) owner.keys.push_back(option.key);
  }
  if (row == table.end()) {
    std::vector<std::string> names;
    for (const KeyOwner& owner : owners) names.push_back(owner.name);
    const std::string near = did_you_mean(wanted, names);
    name->fail(fmt::format("there is no {} \"{}\"{} Known: {}", section.name(), shorten(wanted, 60),
                           near.empty() ? "." : near, join(names, ", ")));
  }
  check_option_keys(section, owners[static_cast<std::size_t>(row - table.begin())], owners);
  return row->read(section, file);
}

}  // namespace hypertune
