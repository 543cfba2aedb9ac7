// The search space of a study.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/condition.h"
#include "hypertune/domain.h"

namespace hypertune {

/// How a parameter gets its value.
enum class Role : std::uint8_t {
  Sampled,   ///< the sampler draws it
  Grid,      ///< every value is tried
  Constant,  ///< it never changes
};

/// One entry of a space. Grid axes and constants have a CategoricalDomain of their values.
struct Parameter {
  std::string name;
  Role role = Role::Sampled;
  Domain domain;
  std::optional<Condition> when = {};
  bool operator==(const Parameter&) const = default;
};

/// A declared space: parameters in the order in which they were added. A parameter with a condition
/// exists only in trials for which it holds; a condition may name only parameters added before.
/// Not thread-safe while it is built; safe to read from many threads afterwards.
class SearchSpace {
 public:
  /// Each throws ConfigError on a duplicate name, an empty or malformed domain, or a condition on a
  /// name that was not added before. `grid` may depend on grid axes and constants only.
  SearchSpace& add(std::string name, Domain domain, std::optional<Condition> when = {});
  SearchSpace& grid(std::string name, std::vector<Value> values,
                    std::optional<Condition> when = {});
  SearchSpace& constant(std::string name, Value value, std::optional<Condition> when = {});
  SearchSpace& add(Parameter parameter);

  /// What every trial has to satisfy, such as `batch_size * accumulate <= 256`. Throws ConfigError
  /// for a name that was not added before.
  SearchSpace& constraint(Condition condition);
  const std::vector<Condition>& constraints() const { return constraints_; }

  /// The first constraint that does not hold although all of its names have values; null when there
  /// is none. Where a parameter does not exist, constraints that name it are met.
  const Condition* violated(const Params& decided) const;
  bool allows(const Params& decided) const { return violated(decided) == nullptr; }

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// The places of the parameters, in order of name.
  const std::vector<std::size_t>& by_name() const { return by_name_; }
  const Parameter* find(std::string_view name) const;
  bool empty() const { return parameters_.empty(); }

  /// Every combination of the grid axes, the last axis changing fastest; one empty point when there
  /// is no axis. Values in `fixed` replace their axis. Axes that a condition switches off are left
  /// out, points that become equal by that are given once, and those that violate a constraint
  /// whatever is sampled beside them are not given, as far as that can be counted.
  std::vector<Params> grid_points(const Params& fixed = {}) const;

  /// What is left to decide when `fixed` is decided. Conditions still see the fixed values.
  SearchSpace without(const Params& fixed) const;

  /// Whether the parameter exists given what was decided so far (fixed values included).
  bool active(const Parameter& parameter, const Params& decided) const;

  /// The values that `without` removed.
  const Params& fixed() const { return fixed_; }

  /// Two spaces are equal when they declare the same parameters and constraints in the same order.
  bool operator==(const SearchSpace& other) const {
    return parameters_ == other.parameters_ && constraints_ == other.constraints_;
  }

 private:
  std::optional<Value> value_of(std::string_view name, const Params& decided) const;
  std::vector<std::size_t>::const_iterator place_of(std::string_view name) const;
  void append(Parameter parameter);

  std::vector<Parameter> parameters_;
  std::vector<std::size_t> by_name_;
  std::vector<Condition> constraints_;
  Params fixed_;
};

}  // namespace hypertune
