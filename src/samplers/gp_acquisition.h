// How much is to be hoped for at a place: expected improvements of models.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hypertune/rng.h"
#include "math/box_decomposition.h"
#include "samplers/gp_model.h"

namespace hypertune {

/// The logarithm of the expected improvement, of the best value or of the hypervolume, in units of
/// the models, times the chance to be feasible; while nothing is feasible, that chance alone. The
/// values of pending trials are drawn some times from the models, and the improvement averaged
/// over the draws. Refers to the models.
class GpAcquisition {
 public:
  GpAcquisition(const GpModels& models, const Rng& rng);

  /// Over which the models change along each coordinate, the mean over the objectives.
  std::vector<double> length_scales() const;

  /// At some places, which have the coordinates of the space.
  std::vector<double> values(const std::vector<std::vector<double>>& places) const;

  /// At one place; writes the gradient.
  double value(std::span<const double> place, std::span<double> gradient) const;

 private:
  /// What the draws of pending values amount to.
  struct Draw {
    std::vector<std::vector<double>> normals;  ///< [objectives][pending]
    double best = 0;                           ///< with one objective
    Boxes boxes;                               ///< with several
  };
  /// Derivatives by what one model predicts.
  struct Slopes {
    double by_mean = 0;
    double by_deviation = 0;
    std::vector<double> by_loadings = {};
  };

  void draw_pending(const Rng& rng);
  void add_draw(std::vector<std::vector<double>> normals);
  double improvement(std::span<const GpPrediction> predictions, std::vector<Slopes>* slopes) const;
  double improvement_of(const Draw& draw, std::span<const double> means,
                        std::span<const double> deviations, std::span<double> by_means,
                        std::span<double> by_deviations) const;

  const GpModels& models_;
  std::vector<Draw> draws_;  ///< empty while nothing is feasible
};

}  // namespace hypertune
