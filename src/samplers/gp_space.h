// A search space as the coordinates of a Gaussian process.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/space.h"

namespace hypertune {

/// One coordinate. Numbers lie on their unit axis, those with steps in the middle of what a value
/// owns; categories are numbered from 0. A parameter that a trial does not have lies in the middle,
/// or in a category of its own.
struct GpAxis {
  std::string name;
  Domain domain;
  bool held = false;      ///< decided beforehand, so that it only tells trials apart
  bool optional = false;  ///< there are trials that do not have it
  bool category = false;
  std::size_t values = 0;  ///< how many there are; 0 where the axis is continuous

  double absent() const { return category ? -1 : 0.5; }
  /// Of the value that holds the point `unit` of the unit axis.
  double coordinate(double unit) const;
};

/// The parameters that a model is to cover: those to be sampled that have more than one value, and
/// values decided beforehand that differ among the trials.
class GpSpace {
 public:
  /// Refers to `space`, which must outlive it.
  GpSpace(const SearchSpace& space, const History& history);

  const std::vector<GpAxis>& axes() const { return axes_; }
  std::size_t dims() const { return axes_.size(); }
  /// Whether there is anything to choose.
  bool empty() const;

  /// Where a trial with these parameters lies; nothing when it lacks one that every trial has, or
  /// has a value outside its domain.
  std::optional<std::vector<double>> place(const Params& params) const;

  /// The place of a point of the unit cube [dims], with held values as they are and without the
  /// parameters that do not exist there.
  std::vector<double> place_at(std::span<const double> units) const;
  /// Makes it a place where the trial can lie: held values are as they are, numbers with steps are
  /// rounded, and parameters that do not exist are taken away.
  void settle(std::vector<double>& place) const;
  /// Whether held values are there as they are here.
  bool in_cell(const std::vector<double>& place) const;
  /// Whether parameters may exist in one trial and not in the other.
  bool conditional() const { return conditional_; }

  /// The parameters at a place, without those that are held.
  Params params(std::vector<double> place) const;
  /// Whether the space's constraints allow a settled place.
  bool allows(const std::vector<double>& place) const;

 private:
  Params take_away_absent(std::vector<double>& place) const;
  void add_held(const History& history);

  const SearchSpace* space_;
  std::vector<GpAxis> axes_;
  std::vector<double> held_;  ///< coordinates; those of axes that are not held mean nothing
  bool conditional_ = false;
};

}  // namespace hypertune
