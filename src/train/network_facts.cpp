// What is trained in a study: the options of a trial, and the networks of all trials in words.
#include "train/network_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "hypertune/error.h"
#include "train/network.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxArms = 100;        // rows of the table of parameters
constexpr std::size_t kMaxDescriptions = 8;  // networks that are put into words
constexpr std::string_view kSampled = "sampled";

/// Options that the number of parameters may depend on; pool does with head = "flatten" alone.
constexpr std::array<std::string_view, 5> kShape = {"channels", "kernel", "pool", "batch_norm",
                                                    "head"};
/// Options that the provenance has as facts of their own.
constexpr std::array<std::string_view, 3> kOwnFacts = {"model", "dataset", "split"};
/// Options that change no trial: a study may go on with others.
constexpr std::array<std::string_view, 2> kChangesNoTrial = {"rerun_best_in_f32", "checkpoint_s"};

template <std::size_t n>
bool is_among(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// Whether the name is that of an option that trials may differ in; false for other names.
bool is_trial_option(std::string_view name) {
  const auto options = trainer_options();
  const auto found = std::ranges::find(options, name, &TrainerOption::name);
  if (found == options.end()) return false;
  if (found->per_trial) return true;
  throw ConfigError(
      fmt::format("the trainer's option {} cannot be a parameter, for all trials of a study share "
                  "it; set it in the trainer's options",
                  name));
}

const Value& constant_of(const Parameter& parameter) {
  return std::get<CategoricalDomain>(parameter.domain).choices.front();
}

/// A grid point with what follows from it.
struct Arm {
  Params point;
  Params decided;  ///< the point, and the constants that hold in every trial of it
  std::set<std::string, std::less<>> open;  ///< parameters in which its trials may differ
  TrainerOptions options;  ///< those of open parameters are the study's, and mean nothing
};

Arm arm_at(const TrainerOptions& options, const SearchSpace& space, Params point) {
  Arm arm{point, std::move(point), {}, {}};
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.role == Role::Grid) continue;
    const bool unsure =
        parameter.when && std::ranges::any_of(parameter.when->names(), [&](const auto& name) {
          return arm.open.contains(name);
        });
    if (!unsure && !space.active(parameter, arm.decided)) continue;
    if (unsure || parameter.role == Role::Sampled) {
      arm.open.insert(parameter.name);
    } else {
      arm.decided[parameter.name] = constant_of(parameter);
    }
  }
  arm.options = with_params(options, arm.decided);
  return arm;
}

/// The network in words; `norm` stands where batch normalization has its place.
std::string describe(const Arm& arm, const Dataset& data, std::string_view norm) {
  const TrainerOptions& o = arm.options;
  const auto is_open = [&](std::string_view name) { return arm.open.contains(name); };
  const auto text = [&](std::string_view name, const auto& value) {
    return is_open(name) ? std::string(kSampled) : fmt::format("{}", value);
  };
  const bool sequence = data.shape.height == 1;
  std::string head = o.head;
  if (is_open("head"))
    head = "sampled head";
  else if (o.head != "flatten")
    head += sequence ? " over time" : " over positions";
  const std::string pool =
      is_open("pool") || o.pool > 1 ? fmt::format(" -> MaxPool({})", text("pool", o.pool)) : "";
  const std::string dropout = is_open("dropout") || o.dropout > 0
                                  ? fmt::format("dropout {}; ", text("dropout", o.dropout))
                                  : "";
  return fmt::format(
      "{} of Conv{}d(kernel {}) -> {}{}{} with {} channels; {}; {}linear to {} classes",
      is_open("channels") ? "blocks" : count_of(std::ssize(o.channels), "block"), sequence ? 1 : 2,
      text("kernel", o.kernel), is_open("batch_norm") ? "[BatchNorm, sampled] -> " : norm,
      is_open("activation") ? "sampled activation" : o.activation, pool,
      text("channels", fmt::format("{}", fmt::join(o.channels, ", "))), head, dropout,
      data.classes.size());
}

/// The networks of all arms, each description once; [BatchNorm] when some have it and some not.
std::string describe(const std::vector<Arm>& arms, const Dataset& data) {
  const auto with_norm =
      std::ranges::count_if(arms, [](const Arm& arm) { return arm.options.batch_norm; });
  const std::string_view norm = with_norm == 0                  ? ""
                                : with_norm == std::ssize(arms) ? "BatchNorm -> "
                                                                : "[BatchNorm] -> ";
  std::vector<std::string> texts;
  std::set<std::string> known;
  for (const Arm& arm : arms) {
    std::string text = describe(arm, data, norm);
    if (known.insert(text).second && known.size() <= kMaxDescriptions) {
      texts.push_back(std::move(text));
    }
  }
  if (const std::size_t others = known.size() - texts.size(); others > 0) {
    texts.push_back(fmt::format("one of {} others, by arm", others));
  }
  return join(texts, "; or ");
}

/// The number of parameters, or on what it depends.
Json parameters_of(const Arm& arm, const Dataset& data) {
  TrainerOptions options = arm.options;
  const bool pool_matters = arm.open.contains("head") || options.head == "flatten";
  std::vector<std::string> causes;
  for (const std::string_view name : kShape) {
    if (!arm.open.contains(name)) continue;
    if (name == "pool" && !pool_matters) {
      options.pool = 1;
    } else {
      causes.emplace_back(name);
    }
  }
  if (!causes.empty()) return "depends on " + join(causes, ", ");
  return count_parameters(options, data.shape, static_cast<int>(data.classes.size()));
}

/// What is decided about the shape of the arm's network, as text.
std::string shape_of(const Arm& arm, const SearchSpace& space) {
  Params shape;
  for (const auto& [name, value] : arm.decided) {
    const Parameter* parameter = space.find(name);
    const bool everywhere = parameter->role == Role::Constant && !parameter->when;
    if (is_among(kShape, name) && !everywhere) shape[name] = value;
  }
  return to_string(shape);
}

using Counts = std::vector<std::pair<std::string, Json>>;

/// Numbers of parameters by the shape of the networks; nothing when shapes do not tell them apart,
/// as when they are set by conditions on other parameters.
std::optional<Counts> by_shape(const std::vector<Arm>& arms, const Counts& by_arm,
                               const SearchSpace& space) {
  Counts counts;
  std::map<std::string, std::size_t> rows;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const std::string shape = shape_of(arms[i], space);
    if (shape.empty()) return std::nullopt;
    const auto [row, is_new] = rows.emplace(shape, counts.size());
    if (is_new) counts.emplace_back(shape, by_arm[i].second);
    if (counts[row->second].second != by_arm[i].second) return std::nullopt;
  }
  return counts;
}

void add_parameters(Json& facts, const std::vector<Arm>& arms, const SearchSpace& space,
                    const Dataset& data) {
  Counts counts;
  for (const Arm& arm : arms) {
    counts.emplace_back(to_string(arm.point), parameters_of(arm, data));
  }
  const bool all_equal = std::ranges::all_of(
      counts, [&](const auto& row) { return row.second == counts.front().second; });
  if (all_equal) {
    facts["parameters"] = counts.front().second;
    return;
  }
  if (auto shapes = by_shape(arms, counts, space)) counts = *std::move(shapes);
  if (counts.size() > kMaxArms) {
    facts["parameters_left_out"] = counts.size() - kMaxArms;
    counts.resize(kMaxArms);
  }
  for (const auto& [arm, count] : counts) facts["parameters"][arm] = count;
}

/// What is fixed for every trial, and what a parameter's condition leaves to the options.
Json options_table(const TrainerOptions& options, const SearchSpace& space) {
  Json table = Json::object();
  for (const TrainerOption& option : trainer_options()) {
    if (is_among(kOwnFacts, option.name) || is_among(kChangesNoTrial, option.name)) continue;
    const Parameter* parameter = space.find(option.name);
    TrainerOptions changed = options;
    if (parameter != nullptr && parameter->role == Role::Constant) {
      changed.set(option.name, constant_of(*parameter));
    }
    const Value value = changed.get(option.name);
    if (parameter != nullptr && parameter->when) {
      const std::string there = parameter->role == Role::Constant  ? to_string(value)
                                : parameter->role == Role::Sampled ? std::string(kSampled)
                                                                   : "by arm";
      table[std::string(option.name)] =
          fmt::format("{} where {}, else {}", there, parameter->when->text(),
                      to_string(options.get(option.name)));
    } else if (parameter == nullptr || parameter->role == Role::Constant) {
      table[std::string(option.name)] = to_json(value);
    }
  }
  return table;
}

}  // namespace

TrainerOptions with_params(TrainerOptions options, const Params& params) {
  for (const auto& [name, value] : params)
    if (is_trial_option(name)) options.set(name, value);
  options.validate();
  return options;
}

Json network_facts(const TrainerOptions& options, const SearchSpace& space, const Dataset& data) {
  for (const Parameter& parameter : space.parameters()) is_trial_option(parameter.name);
  std::vector<Arm> arms;
  for (Params& point : space.grid_points()) {
    arms.push_back(arm_at(options, space, std::move(point)));
  }
  Json facts = {{"model", describe(arms, data)}, {"trainer", options_table(options, space)}};
  add_parameters(facts, arms, space, data);
  return facts;
}

}  // namespace hypertune
