// Where values lie along an axis: numbers at themselves or at their logarithms, categories in a
// row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/space.h"
#include "report/plot.h"

namespace hypertune {

/// An axis from `low` to `high` with ticks of its own. Of logarithms when `log`: its bounds and
/// ticks then lie at the logarithms (base 10) of the values; requires 0 < low.
Axis axis_between(std::string label, bool log, double low, double high);

/// The axis of a parameter.
struct ParameterAxis {
  std::string name;
  bool log = false;
  std::vector<Value> categories = {};  ///< they lie at 0, 1, 2, ...; none for a number
  Axis axis = {};

  bool categorical() const { return !categories.empty(); }
  /// Nothing when the trial does not have the parameter, or a value that the axis cannot show.
  std::optional<double> at(const TrialRecord& trial) const;
  /// The same for a mark that is not to hide others: trials of one category or one of few whole
  /// numbers are spread a little, the same at each call and otherwise along the other `side`.
  enum class Side : std::uint8_t { X, Y };
  std::optional<double> near(const TrialRecord& trial, Side side = Side::X) const;

  double spread = 0;  ///< the width within which `near` lies
};

/// As wide as the parameter's domain, and as the values of the trials where they exceed it.
ParameterAxis parameter_axis(const Parameter& parameter,
                             std::span<const TrialRecord* const> trials);

/// The axis of a metric.
struct MetricAxis {
  std::string metric;
  /// Of the objective; nothing when the metric is no objective.
  std::optional<Direction> direction = {};
  bool log = false;
  Axis axis = {};

  double at(double value) const;
  /// Nothing when the value is absent, not finite, or one that the axis cannot show.
  std::optional<double> at(const Metrics& metrics) const;
  bool is_better(double a, double b) const;
  /// Which end of a scale of shades is dark: the better one.
  bool dark_is_low() const { return direction != Direction::Maximize; }
};

/// Wide enough for the values, which are finite. Logarithmic when the metric is not to be maximized
/// and its values, all positive, span more than two decades: on a linear axis one bad trial would
/// press the good ones together.
MetricAxis metric_axis(std::string_view metric, std::span<const Objective> objectives,
                       std::span<const double> values);

/// A scale of shades for values of the metric, in coordinates of its axis: the worst twentieth of
/// them share a shade, so that few bad trials do not make all others look alike.
Axis shade_axis(const MetricAxis& metric, std::vector<double> values);

}  // namespace hypertune
