// Stops trials that got worse and stayed worse; as Optuna's PatientPruner.
//
// Deviation: Optuna's `min_delta` is called `tolerance` here. Elsewhere a "min_delta" is how much
// an improvement must be at least, which makes patience shorter; this one makes it longer.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

class PatienceScheduler final : public Scheduler {
 public:
  PatienceScheduler(const PatienceOptions& options, std::unique_ptr<Scheduler> wrapped)
      : options_(options), wrapped_(std::move(wrapped)) {
    if (options.patience < 0) {
      throw ConfigError(fmt::format("patience must be 0 or more, not {}", options.patience));
    }
    if (!(options.tolerance >= 0)) {
      throw ConfigError(fmt::format("tolerance must be 0 or more, not {}", options.tolerance));
    }
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    const Watched watched(history);
    if (!watched.latest(trial)) return {};
    const auto reports = watched.all(trial);
    const auto recent = static_cast<std::ptrdiff_t>(options_.patience) + 1;
    if (std::ssize(reports) <= recent) return {};
    const auto middle = reports.end() - recent;
    const auto before = std::ranges::min_element(reports.begin(), middle, {}, &Observation::loss);
    const auto after = std::ranges::min_element(middle, reports.end(), {}, &Observation::loss);
    if (!(before->loss + options_.tolerance < after->loss)) return {};
    std::string reason =
        fmt::format("{} of step {} was not met again in the last {}", watched.text(before->loss),
                    before->step, count_of(recent, "report"));
    if (!wrapped_) return {Decision::Stop, std::move(reason)};
    Ruling ruling = wrapped_->on_report(trial, history);
    if (ruling.decision == Decision::Continue) return {};
    ruling.reason = std::move(reason) + ", and " + ruling.reason;
    return ruling;
  }

  bool uses_history() const override { return wrapped_ && wrapped_->uses_history(); }
  bool replaces() const override { return wrapped_ && wrapped_->replaces(); }
  bool pauses() const override { return wrapped_ && wrapped_->pauses(); }
  std::optional<int> resume(const History& history) const override {
    return wrapped_ ? wrapped_->resume(history) : std::nullopt;
  }
  bool wants_checkpoint(const TrialRecord& trial) const override {
    return wrapped_ && wrapped_->wants_checkpoint(trial);
  }

 private:
  PatienceOptions options_;
  std::unique_ptr<Scheduler> wrapped_;
};

}  // namespace

std::unique_ptr<Scheduler> patience_scheduler(const PatienceOptions& options,
                                              std::unique_ptr<Scheduler> wrapped) {
  return std::make_unique<PatienceScheduler>(options, std::move(wrapped));
}

}  // namespace hypertune
