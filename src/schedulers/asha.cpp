// ASHA. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020; see
// successive_halving.cpp for the rule and how it deviates from other programs' rules.
#include "hypertune/scheduler.h"
#include "schedulers/successive_halving.h"

namespace hypertune {
namespace {

class AshaScheduler final : public Scheduler {
 public:
  explicit AshaScheduler(const AshaOptions& options) : halving_(options) {}
  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    return halving_.on_report(trial, history);
  }
  bool pauses() const override { return halving_.promotes(); }
  std::optional<int> resume(const History& history) const override {
    return halving_.promotes() ? halving_.resume(history) : std::nullopt;
  }

 private:
  SuccessiveHalving halving_;
};

}  // namespace

std::unique_ptr<Scheduler> asha_scheduler(const AshaOptions& options) {
  return std::make_unique<AshaScheduler>(options);
}

}  // namespace hypertune
