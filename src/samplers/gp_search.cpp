// Where the expected improvement is largest: many points, then local searches from a few of them,
// by turns along the gradient and through the values of each discrete coordinate.
#include "samplers/gp_search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "math/lbfgs.h"
#include "math/sobol.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

using Place = std::vector<double>;

/// Local searches, and how many of them go on after their first round.
constexpr std::size_t kStarts = 10;
constexpr std::size_t kFinalists = 3;
constexpr int kFirstEvaluations = 20;
constexpr int kFinalEvaluations = 60;
constexpr int kRounds = 8;
/// Gains below this end a search; the acquisition is a logarithm.
constexpr double kTolerance = 1e-4;
/// A coordinate of more values than this is continuous for the gradient, and rounded afterwards.
constexpr std::size_t kFewValues = 16;
/// One of so many candidates lies near a known place.
constexpr int kNearShare = 4;
/// Known places that candidates are drawn around, and those that searches start from.
constexpr std::size_t kCenters = 5;
constexpr std::size_t kKnownStarts = 3;

class Search {
 public:
  Search(const GpSpace& space, const GpAcquisition& acquisition, const Rng& rng)
      : space_(space), acquisition_(acquisition), rng_(rng) {
    for (std::size_t d = 0; d < space.dims(); ++d) {
      const GpAxis& axis = space.axes()[d];
      if (axis.held) continue;
      open_.push_back(d);
      if (!axis.category && (axis.values == 0 || axis.values > kFewValues)) smooth_.push_back(d);
      if (axis.values > 0 || std::holds_alternative<IntDomain>(axis.domain)) steps_.push_back(d);
    }
  }

  std::vector<GpBest> run(const std::vector<Place>& known, int candidates) {
    std::vector<GpBest> points = valued(drawn(known, candidates));
    std::vector<GpBest> found = starts(points, known);
    for (GpBest& start : found) improve(start, kFirstEvaluations);
    sort(found);
    for (std::size_t i = 0; i < std::min(kFinalists, found.size()); ++i) {
      for (int round = 1; round < kRounds; ++round) {
        const double before = found[i].value;
        improve(found[i], kFinalEvaluations);
        if (found[i].value - before <= kTolerance) break;
      }
    }
    found.insert(found.end(), points.begin(), points.end());
    sort(found);
    return found;
  }

 private:
  static void sort(std::vector<GpBest>& places) {
    std::ranges::stable_sort(places, std::greater(), &GpBest::value);
  }

  std::vector<GpBest> valued(std::vector<Place> places) const {
    std::erase_if(places, [&](const Place& place) { return !space_.allows(place); });
    const std::vector<double> values = acquisition_.values(places);
    std::vector<GpBest> result;
    for (std::size_t i = 0; i < places.size(); ++i) {
      result.push_back({std::move(places[i]), values[i]});
    }
    return result;
  }

  std::vector<Place> drawn(const std::vector<Place>& known, int candidates) const {
    const std::size_t dims = space_.dims();
    std::vector<std::uint64_t> keys;
    for (const GpAxis& axis : space_.axes()) keys.push_back(rng_.fork("gp/" + axis.name)());
    Rng near = rng_.fork("gp/near");
    std::vector<Place> places;
    Place units(dims);
    for (int i = 0; i < candidates; ++i) {
      if (!known.empty() && i % kNearShare == kNearShare - 1) {
        places.push_back(moved(known[near.below(std::min(known.size(), kCenters))], near));
        continue;
      }
      const auto index = static_cast<std::uint32_t>(i);
      for (std::size_t d = 0; d < dims; ++d) {
        units[d] = d < static_cast<std::size_t>(kSobolDimensions)
                       ? owen_scrambled_unit(sobol(index, static_cast<int>(d)), keys[d])
                       : padded_coordinate(index, keys[d]);
      }
      places.push_back(space_.place_at(units));
    }
    return places;
  }

  /// A place with some coordinates changed, about three of them, by as much as chance will have it.
  Place moved(Place place, Rng& rng) const {
    const double width = 0.2 * std::pow(0.05, rng.uniform());
    const std::size_t always = open_[rng.below(open_.size())];
    for (const std::size_t d : open_) {
      if (d != always && rng.uniform() * static_cast<double>(open_.size()) > 3) continue;
      const GpAxis& axis = space_.axes()[d];
      place[d] = axis.category ? static_cast<double>(rng.below(axis.values))
                               : std::clamp(place[d] + width * rng.normal(), 0.0, 1.0);
    }
    space_.settle(place);
    return place;
  }

  /// The first of the known places, the best point, and others with chances in proportion to their
  /// expected improvement: adding Gumbel numbers to logarithms draws like that.
  std::vector<GpBest> starts(const std::vector<GpBest>& points, const std::vector<Place>& known) {
    std::vector<Place> first(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                known.size(), kKnownStarts)));
    for (Place& place : first) space_.settle(place);
    std::vector<GpBest> chosen = valued(std::move(first));
    Rng gumbel = rng_.fork("gp/starts");
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double noise = -std::log(-std::log(std::max(gumbel.uniform(), 1e-300)));
      order.emplace_back(points[i].value + noise, i);
    }
    const auto best = std::ranges::max_element(points, {}, &GpBest::value);
    if (best != points.end()) {
      order[static_cast<std::size_t>(best - points.begin())].first = 1e300;
    }
    std::ranges::sort(order, std::greater());
    for (const auto& [key, i] : order) {
      if (chosen.size() >= kStarts) break;
      chosen.push_back(points[i]);
    }
    return chosen;
  }

  /// One round of the local search.
  void improve(GpBest& best, int evaluations) const {
    climb(best, evaluations);
    for (const std::size_t d : steps_) {
      std::vector<Place> others;
      for (const double coordinate : alternatives(d, best.place)) {
        Place place = best.place;
        place[d] = coordinate;
        space_.settle(place);
        if (place != best.place) others.push_back(std::move(place));
      }
      take_best(best, std::move(others));
    }
  }

  void take_best(GpBest& best, std::vector<Place> others) const {
    for (GpBest& other : valued(std::move(others))) {
      if (other.value > best.value) best = std::move(other);
    }
  }

  /// Along the gradient, in units of the length scales.
  void climb(GpBest& best, int evaluations) const {
    std::vector<std::size_t> free;
    for (const std::size_t d : smooth_) {
      if (!is_absent(d, best.place)) free.push_back(d);
    }
    if (free.empty()) return;
    const std::vector<double> lengths = acquisition_.length_scales();
    Place place = best.place;
    Place gradient(place.size());
    const SmoothFunction minus = [&](std::span<const double> x, std::span<double> slope) {
      for (std::size_t i = 0; i < free.size(); ++i) place[free[i]] = x[i] * lengths[free[i]];
      const double value = acquisition_.value(place, gradient);
      for (std::size_t i = 0; i < free.size(); ++i) {
        slope[i] = -gradient[free[i]] * lengths[free[i]];
      }
      return -value;
    };
    std::vector<double> start;
    std::vector<double> upper;
    for (const std::size_t d : free) {
      start.push_back(place[d] / lengths[d]);
      upper.push_back(1 / lengths[d]);
    }
    const std::vector<double> lower(free.size(), 0.0);
    const Minimum top = minimize_lbfgs(minus, std::move(start), lower, upper,
                                       {.max_evaluations = evaluations,
                                        .gradient_tolerance = 1e-2,
                                        .value_tolerance = kTolerance});
    for (std::size_t i = 0; i < free.size(); ++i) {
      place[free[i]] = std::clamp(top.x[i] * lengths[free[i]], 0.0, 1.0);
    }
    Place settled = place;
    space_.settle(settled);
    take_best(best, {std::move(settled)});
  }

  bool is_absent(std::size_t d, const Place& place) const {
    const GpAxis& axis = space_.axes()[d];
    if (!axis.optional || !space_.conditional()) return false;
    if (axis.category) return place[d] < 0;
    if (place[d] != axis.absent()) return false;
    // In the middle, where absent parameters lie: moving it shows whether it exists.
    Place other = place;
    other[d] = 1;
    space_.settle(other);
    return other[d] == axis.absent();
  }

  /// Values to try in one discrete coordinate: all when they are few or choices, else neighbors.
  std::vector<double> alternatives(std::size_t d, const Place& place) const {
    const GpAxis& axis = space_.axes()[d];
    std::vector<double> result;
    if (axis.category) {
      for (std::size_t i = 0; i < axis.values; ++i) result.push_back(static_cast<double>(i));
      return result;
    }
    if (axis.values > 0 && axis.values <= kFewValues && !is_logarithmic(axis.domain)) {
      for (std::size_t i = 0; i < axis.values; ++i) {
        result.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(axis.values));
      }
      return result;
    }
    const UnitCell cell = unit_cell(axis.domain, place[d]);
    for (const double cells : {1.0, 2.0, 4.0}) {
      const double width = cells * (cell.high - cell.low);
      result.push_back(place[d] - width);
      result.push_back(place[d] + width);
    }
    return result;
  }

  static bool is_logarithmic(const Domain& domain) {
    const auto* whole = std::get_if<IntDomain>(&domain);
    return whole != nullptr && whole->log;
  }

  const GpSpace& space_;
  const GpAcquisition& acquisition_;
  const Rng& rng_;
  std::vector<std::size_t> open_;    ///< coordinates to choose
  std::vector<std::size_t> smooth_;  ///< of these, those that the gradient moves
  std::vector<std::size_t> steps_;   ///< those that have discrete values
};

}  // namespace

std::vector<GpBest> promising_places(const GpSpace& space, const GpAcquisition& acquisition,
                                     const std::vector<Place>& known, int candidates,
                                     const Rng& rng) {
  return Search(space, acquisition, rng).run(known, candidates);
}

}  // namespace hypertune
