// L-BFGS in a box. Coordinates that lie at a bound, with a gradient that points out of the box, are
// held; the others take a quasi-Newton step, which is cut off at the bounds and halved until the
// value falls enough (Armijo).
#include "math/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <utility>

namespace hypertune {
namespace {

constexpr std::size_t kMemory = 10;
constexpr double kEnough = 1e-4;  // of the gain that the gradient promises
constexpr int kHalvings = 20;

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A step and the change of the gradient along it.
struct Correction {
  Vector step;
  Vector change;
  double product;  ///< of the two, positive
};

/// Minus the inverse Hessian times the gradient, by the two-loop recursion.
Vector direction(const Vector& gradient, const std::deque<Correction>& memory) {
  Vector q = gradient;
  Vector shares(memory.size());
  for (std::size_t i = memory.size(); i-- > 0;) {
    shares[i] = dot(memory[i].step, q) / memory[i].product;
    for (std::size_t j = 0; j < q.size(); ++j) q[j] -= shares[i] * memory[i].change[j];
  }
  if (!memory.empty()) {
    const Correction& last = memory.back();
    const double scale = last.product / dot(last.change, last.change);
    for (double& x : q) x *= scale;
  }
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const double share = shares[i] - dot(memory[i].change, q) / memory[i].product;
    for (std::size_t j = 0; j < q.size(); ++j) q[j] += share * memory[i].step[j];
  }
  for (double& x : q) x = -x;
  return q;
}

class Descent {
 public:
  Descent(const SmoothFunction& function, Vector start, std::span<const double> lower,
          std::span<const double> upper)
      : function_(function), lower_(lower), upper_(upper), x_(std::move(start)), g_(x_.size()) {
    for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = std::clamp(x_[i], lower[i], upper[i]);
    value_ = function(x_, g_);
  }

  Minimum run(const LbfgsOptions& options) {
    while (evaluations_ < options.max_evaluations && std::isfinite(value_)) {
      const Vector free = free_gradient();
      if (std::ranges::all_of(free,
                              [&](double g) { return std::abs(g) <= options.gradient_tolerance; }))
        break;
      Vector d = direction(free, memory_);
      for (std::size_t i = 0; i < d.size(); ++i) d[i] = free[i] == 0 ? 0 : d[i];
      if (!(dot(d, free) < 0)) {
        memory_.clear();
        d = direction(free, memory_);
      }
      const double before = value_;
      const bool first = memory_.empty();
      if (!search(d, first ? 1 / std::max(1.0, std::sqrt(dot(d, d))) : 1, options)) {
        if (first) break;
        memory_.clear();
        continue;
      }
      if (before - value_ <= options.value_tolerance * std::max(1.0, std::abs(value_))) break;
    }
    return {x_, value_, evaluations_};
  }

 private:
  /// The gradient, with zeros where it points out of the box.
  Vector free_gradient() const {
    Vector free = g_;
    for (std::size_t i = 0; i < free.size(); ++i) {
      if ((x_[i] <= lower_[i] && g_[i] > 0) || (x_[i] >= upper_[i] && g_[i] < 0)) free[i] = 0;
    }
    return free;
  }

  /// Goes along `d`, at first `length` times it. False when no step was found.
  bool search(const Vector& d, double length, const LbfgsOptions& options) {
    Vector x(x_.size());
    Vector g(x_.size());
    for (int halving = 0; halving < kHalvings; ++halving, length /= 2) {
      if (evaluations_ >= options.max_evaluations) return false;
      double promised = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = std::clamp(x_[i] + length * d[i], lower_[i], upper_[i]);
        promised += g_[i] * (x[i] - x_[i]);
      }
      const double value = function_(x, g);
      ++evaluations_;
      if (!(value <= value_ + kEnough * promised)) continue;
      remember(x, g);
      x_ = x;
      g_ = g;
      value_ = value;
      return true;
    }
    return false;
  }

  void remember(const Vector& x, const Vector& g) {
    Correction correction{x, g, 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      correction.step[i] -= x_[i];
      correction.change[i] -= g_[i];
    }
    correction.product = dot(correction.step, correction.change);
    const double size = dot(correction.change, correction.change);
    if (!(correction.product > 1e-12 * size) || size == 0) return;
    memory_.push_back(std::move(correction));
    if (memory_.size() > kMemory) memory_.pop_front();
  }

  const SmoothFunction& function_;
  std::span<const double> lower_;
  std::span<const double> upper_;
  Vector x_;
  Vector g_;
  double value_ = 0;
  int evaluations_ = 1;
  std::deque<Correction> memory_;
};

}  // namespace

Minimum minimize_lbfgs(const SmoothFunction& function, std::vector<double> start,
                       std::span<const double> lower, std::span<const double> upper,
                       const LbfgsOptions& options) {
  return Descent(function, std::move(start), lower, upper).run(options);
}

}  // namespace hypertune
