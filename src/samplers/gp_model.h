// Gaussian processes of a study: one for each objective and each constraint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hypertune/sampler.h"
#include "math/box_decomposition.h"
#include "math/gaussian_process.h"
#include "samplers/gp_space.h"

namespace hypertune {

/// What was measured at a place.
struct GpObservation {
  std::vector<double> place;
  std::vector<double> losses;     ///< of the objectives; to be made small
  std::vector<double> penalties;  ///< of the constraints; may not be positive
  bool own = true;                ///< of this study

  bool feasible() const;
};

/// What a study gives to learn from.
struct GpData {
  std::vector<GpObservation> observations;   ///< the trials that models are built from
  std::vector<std::vector<double>> pending;  ///< places of trials that run
  std::size_t complete = 0;                  ///< trials, of this study and of earlier ones
};

/// Complete trials, with the values of pruned ones when there is one objective; no more than
/// options.max_trials of them: the best and the newest.
GpData gp_data(const GpSpace& space, const History& history, const GpOptions& options);

/// How a quantity of the study is written in the units of its model.
struct GpScale {
  double mean = 0;
  double deviation = 1;
  double standardized(double x) const { return (x - mean) / deviation; }
};

/// The models of a study. Trials of other studies share them by one more coordinate: 0 for this
/// study, 1 for others.
struct GpModels {
  std::vector<GaussianProcess> objectives;   ///< with pending places
  std::vector<GaussianProcess> constraints;  ///< without
  std::vector<GpScale> objective_scales;
  std::vector<double> limits;  ///< of the constraints, in units of their models
  bool other_studies = false;  ///< whether there is one more coordinate
  /// Of this study, as far as feasible, the best first: places, and the standardized values that
  /// the models give them, without noise, row after row.
  std::vector<std::vector<double>> places;
  std::vector<double> means;
  /// The worst that was observed in each objective.
  std::vector<double> worst;
};

/// Requires at least one observation.
GpModels fit_models(const GpSpace& space, const GpData& data, const GpOptions& options);

}  // namespace hypertune
