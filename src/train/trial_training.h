// Training for one trial, wherever the study of the trial is.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "hypertune/trial.h"
#include "train/split.h"
#include "train/trainer_on.h"
#include "train/training.h"

namespace hypertune {

/// What is known of a trial when its training begins.
struct TrialStart {
  Params params;
  std::uint64_t seed = 0;
  std::optional<std::string> checkpoint = {};
  bool goes_on = false;  ///< as Trial::goes_on; of no meaning without a checkpoint
  bool may_save_checkpoint = false;
};
TrialStart start_of(const Trial& trial);

/// What is said to a report.
struct ReportAnswer {
  Decision decision = Decision::Continue;
  bool wants_checkpoint = false;
  bool interrupted = false;  ///< the run is to end
};

/// What a training tells its trial.
class TrialLink {
 public:
  virtual ~TrialLink() = default;
  virtual ReportAnswer report(std::int64_t step, Metrics metrics) = 0;
  virtual void save_checkpoint(std::string_view bytes) = 0;
};

/// To a trial of this process.
class OwnTrial final : public TrialLink {
 public:
  OwnTrial(Trial& trial, std::stop_token stop) : trial_(trial), stop_(std::move(stop)) {}
  ReportAnswer report(std::int64_t step, Metrics metrics) override;
  void save_checkpoint(std::string_view bytes) override { trial_.save_checkpoint(bytes); }

 private:
  Trial& trial_;
  std::stop_token stop_;
};

/// Metrics of a training that has ended, or is to end.
Metrics final_metrics(const Training& training, const Dataset& data);
/// Accuracy of guessing.
double chance_of(const Dataset& data);

/// Trains one network to its end, or until an answer is not Continue. The parameters of the trial
/// override options of the same name. Throws ConfigError, and what the link throws.
Outcome train_trial(const TrialStart& start, TrialLink& link, const TrainerOptions& study_options,
                    const Dataset& data, const Split& split, const TrainerClock& clock);

}  // namespace hypertune
