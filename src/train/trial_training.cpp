// The loop of a trial: an epoch, a report, perhaps a checkpoint, and on.
#include "train/trial_training.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "train/network_facts.h"

namespace hypertune {
namespace {

/// When the next checkpoint against a crash is due.
class CheckpointTimer {
 public:
  CheckpointTimer(const TrainerClock& clock, double most_s)
      : clock_(clock), most_s_(most_s), saved_(clock()), epoch_began_(saved_) {}

  /// To be asked after each epoch: whether another one as long would make it too much to lose.
  bool is_due_after_epoch() {
    const auto now = clock_();
    const std::chrono::duration<double> unsaved = now - saved_;
    const std::chrono::duration<double> epoch = now - epoch_began_;
    epoch_began_ = now;
    return most_s_ > 0 && (unsaved + epoch).count() > most_s_;
  }
  void saved() { saved_ = epoch_began_ = clock_(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  const TrainerClock& clock_;
  double most_s_;
  Time saved_;
  Time epoch_began_;
};

}  // namespace

TrialStart start_of(const Trial& trial) {
  TrialStart start{.params = trial.params(),
                   .seed = trial.seed(),
                   .checkpoint = trial.checkpoint(),
                   .may_save_checkpoint = trial.may_save_checkpoint()};
  start.goes_on = start.checkpoint && trial.goes_on();
  return start;
}

ReportAnswer OwnTrial::report(std::int64_t step, Metrics metrics) {
  const Decision decision = trial_.report(step, std::move(metrics));
  const bool interrupted = stop_.stop_requested() || trial_.stop_cause() == StopCause::Interrupted;
  return {decision, trial_.wants_checkpoint(), interrupted};
}

double chance_of(const Dataset& data) { return 1.0 / static_cast<double>(data.classes.size()); }

Metrics final_metrics(const Training& training, const Dataset& data) {
  const EpochResult& last = training.last();
  const auto epochs = static_cast<double>(training.epochs_done());
  const bool finite = std::isfinite(last.train_loss) && std::isfinite(last.val_loss);
  const bool collapsed = !finite || last.diverged || last.val_accuracy <= 2 * chance_of(data);
  return {{"val_accuracy", last.val_accuracy},     {"val_loss", last.val_loss},
          {"train_loss", last.train_loss},         {"epochs", epochs},
          {"diverged", last.diverged ? 1.0 : 0.0}, {"collapsed", collapsed ? 1.0 : 0.0}};
}

Outcome train_trial(const TrialStart& start, TrialLink& link, const TrainerOptions& study_options,
                    const Dataset& data, const Split& split, const TrainerClock& clock) {
  const TrainerOptions options = with_params(study_options, start.params);
  Training training(options, data, split, start.seed);
  // The epoch of a checkpoint is reported again: before, it may not have come to an answer.
  bool is_restored = false;
  if (start.checkpoint) {
    is_restored = start.goes_on;
    is_restored ? training.restore(*start.checkpoint) : training.inherit(*start.checkpoint);
    const bool is_inherited_end = !is_restored && training.finished();
    if (is_inherited_end) return Outcome::complete(final_metrics(training, data));
  }
  const bool saves = start.may_save_checkpoint && options.checkpoint_s > 0;
  CheckpointTimer timer(clock, options.checkpoint_s);
  for (;; is_restored = false) {
    if (!is_restored) training.run_epoch();
    const EpochResult& result = training.last();
    const std::int64_t epoch = training.epochs_done();
    const ReportAnswer answer = link.report(epoch, {{"train_loss", result.train_loss},
                                                    {"val_loss", result.val_loss},
                                                    {"val_accuracy", result.val_accuracy}});
    const Metrics metrics = final_metrics(training, data);
    if (training.finished()) return Outcome::complete(metrics);
    const bool is_due = timer.is_due_after_epoch() && answer.decision == Decision::Continue;
    if (answer.wants_checkpoint || (saves && (is_due || answer.interrupted))) {
      link.save_checkpoint(training.checkpoint());
      timer.saved();
    }
    if (answer.decision == Decision::Pause) return Outcome::paused();
    const std::string when = fmt::format("after epoch {} of {}", epoch, options.epochs);
    if (answer.interrupted) return Outcome::interrupted("interrupted " + when);
    if (answer.decision != Decision::Continue)
      return Outcome::pruned("stopped by the scheduler " + when, metrics);
  }
}

}  // namespace hypertune
