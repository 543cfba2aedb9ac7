// [space] and [trainer]: parameters, domains, conditions, and what the trainer says to them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/text.h"
#include "config/sections.h"

namespace hypertune {
namespace {

/// Grid axes and choices beyond these are slips of the pen.
constexpr std::size_t kMaxValues = 1000;
/// Integer ranges up to this length are shown to the trainer value by value.
constexpr std::uint64_t kMaxProbes = 1000;
/// The key of [space] that is no parameter.
constexpr std::string_view kConstraint = "constraint";
/// The key of [trainer] that is no option of a training.
constexpr std::string_view kIsolation = "isolation";

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const TrainerOption& option : trainer_options()) names.emplace_back(option.name);
  return names;
}

void require_option(const Entry& entry, const std::vector<std::string>& other_keys = {}) {
  if (has_own_names(entry)) return check_own_name(entry, entry.key());
  std::vector<std::string> names = option_names();
  if (std::ranges::find(names, entry.key()) != names.end()) return;
  names.insert(names.end(), other_keys.begin(), other_keys.end());
  entry.fail_at_key(fmt::format("the trainer has no option \"{}\"{}", shorten(entry.key(), 60),
                                suggestion(entry.key(), names)));
}

/// Fails for an option that all trials must share.
void require_per_trial(const Entry& parameter) {
  if (has_own_names(parameter)) return;
  const auto options = trainer_options();
  const auto option = std::ranges::find(options, parameter.key(), &TrainerOption::name);
  const bool is_shared =
      option == options.end() ? parameter.key() == kIsolation : !option->per_trial;
  if (!is_shared) return;
  parameter.fail_at_key(fmt::format(
      "\"{0}\" cannot be a parameter: {0} belongs into [trainer], because all trials of "
      "a study share it",
      parameter.key()));
}

/// The value, which the trainer takes for the option; of a list, each entry and the whole.
Value accepted(const Entry& entry, const std::string& option) {
  const Value value = entry.value();
  if (has_own_names(entry)) {
    if (entry.is_list()) entry.fail(fmt::format("{} is a list; write a text", entry.name()));
    return value;
  }
  if (entry.is_list()) {
    for (const Entry& element : entry.elements()) accepted(element, option);
  }
  entry.check([&] { TrainerOptions().set(option, value); });
  return value;
}

/// Values that show whether the trainer takes a whole range: its ends, and what lies between.
std::vector<Value> probes(const FloatDomain& domain) {
  constexpr double kInside = 0.3819660113;  // neither a whole number nor a bound, as a rule
  const double inside = domain.step ? std::min(domain.low + *domain.step, domain.high)
                                    : domain.low + kInside * (domain.high - domain.low);
  return {domain.low, domain.high, inside};
}

std::vector<Value> probes(const IntDomain& domain) {
  const auto step = static_cast<std::uint64_t>(domain.step);
  const std::uint64_t count =
      (static_cast<std::uint64_t>(domain.high) - static_cast<std::uint64_t>(domain.low)) / step;
  std::vector<Value> values;
  for (std::uint64_t i = 0; i <= std::min(count, kMaxProbes); ++i) {
    values.emplace_back(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(domain.low) + i * step));
  }
  if (count > kMaxProbes) values.emplace_back(domain.high);
  return values;
}

void read_number(const Entry& entry, double& into) { into = entry.number(); }
void read_number(const Entry& entry, std::optional<double>& into) { into = entry.number(); }
void read_number(const Entry& entry, std::int64_t& into) { into = entry.whole(); }

/// `[low, high]` with `log` and `step`; each piece is checked where it stands.
template <typename T>
Domain read_range(const Entry& range, const Entry& parameter) {
  const std::vector<Entry> bounds = range.elements();
  if (bounds.size() != 2) {
    range.fail(fmt::format("{} needs two bounds, [low, high], not {}", range.name(),
                           count_of(static_cast<long long>(bounds.size()), "value")));
  }
  T domain;
  read_number(bounds[0], domain.low);
  read_number(bounds[1], domain.high);
  const auto check_at = [&](const Entry& piece) {
    piece.check([&] { validate(domain, parameter.key()); });
  };
  check_at(range);
  if (const auto log = parameter.find("log")) {
    domain.log = log->flag();
    check_at(*log);
  }
  if (const auto step = parameter.find("step")) {
    read_number(*step, domain.step);
    check_at(*step);
  }
  if (has_own_names(parameter)) return domain;
  try {
    for (const Value& value : probes(domain)) TrainerOptions().set(parameter.key(), value);
  } catch (const ConfigError& error) {
    range.fail(fmt::format("{} yields values that do not fit: {}", range.name(), error.what()));
  }
  return domain;
}

Domain read_values(const Entry& list, const Entry& parameter) {
  const std::vector<Entry> entries = list.elements();
  if (entries.empty()) {
    list.fail(fmt::format("{} is empty; list at least one value, such as {} = [1]", list.name(),
                          list.key()));
  }
  if (entries.size() > kMaxValues) {
    list.fail(fmt::format("{} has {} values; at most {} are allowed", list.name(), entries.size(),
                          kMaxValues));
  }
  for (const std::string_view range_only : {"log", "step"}) {
    if (const auto entry = parameter.find(range_only)) {
      entry->fail_at_key(
          fmt::format("{} goes with float and int, not with {}; drop it", range_only, list.key()));
    }
  }
  CategoricalDomain domain;
  for (const Entry& entry : entries) {
    const Value value = accepted(entry, parameter.key());
    if (std::ranges::any_of(domain.choices, [&](const Value& v) { return same_value(v, value); })) {
      entry.fail(fmt::format("{} lists {} twice; remove one", list.name(), to_string(value)));
    }
    domain.choices.push_back(value);
  }
  return domain;
}

/// One way of writing a parameter.
struct Kind {
  std::string_view name;
  Role role;
  Domain (*read)(const Entry& values, const Entry& parameter);
};
constexpr std::array<Kind, 4> kKinds = {{{"float", Role::Sampled, read_range<FloatDomain>},
                                         {"int", Role::Sampled, read_range<IntDomain>},
                                         {"choice", Role::Sampled, read_values},
                                         {"grid", Role::Grid, read_values}}};

Parameter read_parameter(const Entry& entry) {
  require_per_trial(entry);
  require_option(entry, {std::string(kConstraint)});
  if (entry.is_list()) {
    entry.fail(
        fmt::format("{} is a list; say what is to be done with it: {{ grid = [...] }} tries "
                    "every value, {{ choice = [...] }} draws one, {{ float = [low, high] }} "
                    "draws from a range",
                    entry.name()));
  }
  if (!entry.is_table()) {
    return {entry.key(), Role::Constant, CategoricalDomain{{accepted(entry, entry.key())}}};
  }
  entry.allow_only(parameter_keys());
  Parameter parameter{entry.key(), Role::Sampled, {}};
  std::optional<Entry> chosen;
  for (const Kind& kind : kKinds) {
    const auto values = entry.find(kind.name);
    if (!values) continue;
    if (chosen) {
      values->fail_at_key(
          fmt::format("{} has both {} and {}; keep one", entry.name(), chosen->key(), kind.name));
    }
    chosen = values;
    parameter.role = kind.role;
    parameter.domain = kind.read(*values, entry);
  }
  if (!chosen) {
    entry.fail(fmt::format("{} does not say its values; add one of {}", entry.name(),
                           join(names_of(kKinds), ", ")));
  }
  return parameter;
}

/// Throws ConfigError for a value that does not go with the options of the study.
void require_that_trainer_takes(const Parameter& parameter, const TrainerOptions& options) {
  const auto* values = std::get_if<CategoricalDomain>(&parameter.domain);
  if (values == nullptr) return;
  for (const Value& value : values->choices) {
    TrainerOptions changed = options;
    changed.set(parameter.name, value);
    changed.validate();
  }
}

/// Refuses names of later parameters; those that stand nowhere are left to SearchSpace::add.
Condition read_when(const Entry& when, std::span<const Entry> later) {
  const std::string text = when.text();
  Condition condition = when.check([&] { return Condition(text); });
  for (const Entry& parameter : later) {
    if (std::ranges::find(condition.names(), parameter.key()) != condition.names().end()) {
      when.fail(fmt::format("{} names \"{}\", which is not defined before it; move \"{}\" up",
                            when.name(), parameter.key(), parameter.key()));
    }
  }
  return condition;
}

void read_constraint(const Entry& entry, SearchSpace& space) {
  if (entry.is_table()) {
    entry.fail(
        "space.constraint is a condition as text, such as \"batch_size * epochs <= 256\", or a "
        "list "
        "of these; no parameter can have this name");
  }
  for (const Entry& element : entry.is_list() ? entry.elements() : std::vector<Entry>{entry}) {
    const std::string text = element.text();
    element.check([&] { space.constraint(Condition(text)); });
  }
  if (space.grid_points().empty()) {
    entry.fail("no point of the space satisfies the constraints; relax them, or change the ranges");
  }
}

/// What no backend can do is a fault of the entry that asks for it.
void check_combinations(const Entry& section, TrainerOptions options) {
  const std::string precision = std::exchange(options.precision, "f32");
  if (const auto device = section.find("device")) device->check([&] { options.validate(); });
  options.precision = precision;
  if (const auto entry = section.find("precision")) entry->check([&] { options.validate(); });
}

Isolation read_isolation(const Entry& entry) {
  const std::string word = entry.text();
  if (word == "thread") return Isolation::Thread;
  if (word == "process") return Isolation::Process;
  entry.fail(fmt::format("{} is \"{}\"{}", entry.name(), shorten(word, 60),
                         suggestion(word, std::vector<std::string>{"thread", "process"})));
}

}  // namespace

std::vector<std::string> parameter_keys() {
  std::vector<std::string> keys = names_of(kKinds);
  keys.insert(keys.end(), {"log", "step", "when"});
  return keys;
}

std::vector<std::string> trainer_keys() {
  std::vector<std::string> keys = option_names();
  keys.emplace_back(kIsolation);
  return keys;
}

void read_trainer(const Entry& section, StudyFile& file) {
  for (const Entry& entry : section.members()) {
    if (entry.key() == kIsolation) {
      file.isolation = read_isolation(entry);
      continue;
    }
    require_option(entry, {std::string(kIsolation)});
    file.trainer.set(entry.key(), accepted(entry, entry.key()));
  }
  check_combinations(section, file.trainer);
}

void read_space(const Entry& section, StudyFile& file) {
  std::vector<Entry> entries = section.members();
  // Constraints may name every parameter, wherever they stand.
  std::erase_if(entries, [](const Entry& entry) { return entry.key() == kConstraint; });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    Parameter parameter = read_parameter(entry);
    const auto when = entry.is_table() ? entry.find("when") : std::nullopt;
    if (when) {
      parameter.when = read_when(*when, std::span(entries).subspan(i + 1));
    }
    if (!has_own_names(entry)) {
      entry.check([&] { require_that_trainer_takes(parameter, file.trainer); });
    }
    (when ? *when : entry).check([&] { file.spec.space.add(std::move(parameter)); });
  }
  if (const auto constraint = section.find(kConstraint)) {
    read_constraint(*constraint, file.spec.space);
  }
}

void check_trainer_against_space(const Entry& root) {
  const auto trainer = root.find("trainer");
  const auto space = root.find("space");
  if (!trainer || !space) return;
  for (const Entry& parameter : space->members()) {
    if (const auto option = trainer->find(parameter.key())) {
      parameter.fail_at_key(fmt::format(
          "\"{}\" is a parameter here and also fixed in [trainer] ({}); remove one of the two",
          parameter.key(), option->place()));
    }
  }
}

}  // namespace hypertune
