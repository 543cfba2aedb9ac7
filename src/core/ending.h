// Why no trial of a study begins any more.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/stopper.h"

namespace hypertune {

/// Thread-safe.
class Ending {
 public:
  /// Forgets why it ended before.
  void set_stoppers(std::vector<std::unique_ptr<Stopper>> stoppers);
  /// Begins anew, with the same stoppers.
  void forget();
  bool has_stoppers() const;

  /// The first reason counts.
  void end(std::string reason);
  std::optional<std::string> reason() const;

  /// What a stopper says about a trial of this number.
  using Ask = std::function<std::optional<std::string>(const Stopper& stopper, int number)>;
  /// Asks about the trials from `first` to `last`, each once. Whether one of them must not begin;
  /// then it has ended.
  bool ends_before(int first, int last, const Ask& ask);

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<Stopper>> stoppers_;
  std::optional<std::string> reason_;
  int asked_below_ = 0;
};

}  // namespace hypertune
