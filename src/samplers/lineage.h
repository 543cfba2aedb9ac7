// Generations of genetic samplers, as they follow from a history.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "math/pareto.h"

namespace hypertune {

/// Which `count` of the points live on, the fittest first: their indices. `penalties` is empty or
/// says how much each point violates; generations count from 0.
using Survival = std::function<std::vector<std::size_t>(const PointsView& losses,
                                                        std::span<const double> penalties,
                                                        std::size_t count, int generation)>;

struct LineageMemo;

/// What a genetic sampler wants to know of the trials so far. Refers to the history and to the
/// Lineage that it is from, which answers nobody else as long as this lives.
class Past {
 public:
  /// The parents of the next generation, the fittest first; none before `population` trials are
  /// Complete with all objectives. Those trials, by increasing number, make generations of
  /// `population` each; the parents survived out of the last whole one and its own parents. Trials
  /// that are not Complete belong to none.
  const std::vector<const TrialRecord*>& parents() const { return parents_; }

  /// Whether a trial other than the one that is decided about has all these values.
  bool contains(const Params& values) const;

 private:
  friend class Lineage;
  const History* history_ = nullptr;
  std::vector<const TrialRecord*> parents_;
  const LineageMemo* memo_ = nullptr;  ///< of the first trials of the history; null for none
  std::unique_lock<std::mutex> lock_;  ///< of memo_
};

/// Answers from the history alone. So as not to go through all generations at each question, it
/// keeps what follows from the first trials of the last history, as far as these have ended for
/// good; they are recognized by their ids and the times at which they ended. Without it (another
/// history, records without times) answers are the same and take longer. Thread-safe.
class Lineage {
 public:
  Lineage(std::size_t population, std::vector<std::string> constraints);
  ~Lineage();

  /// `survive` must be a pure function, the same at each call with histories of one seed.
  Past past(const History& history, const Survival& survive) const;

 private:
  std::size_t population_;
  std::vector<std::string> constraints_;
  mutable std::mutex mutex_;           // guards *memo_
  std::unique_ptr<LineageMemo> memo_;  // never null
};

}  // namespace hypertune
