// The chain of trials that repeat each other.
#include "core/repeated.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <optional>

namespace hypertune {
namespace {

std::optional<TrialRecord> read_begun(const Storage& storage, StudyId study, int number) {
  const Storage::Unfinished wanted{number, {}};
  constexpr int kBehindAll = std::numeric_limits<int>::max();
  std::vector<TrialRecord> found = storage.changed_trials(study, kBehindAll, {&wanted, 1});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace

std::vector<TrialRecord> repeated_trials(const Storage& storage, StudyId study,
                                         const TrialRecord& trial) {
  std::vector<TrialRecord> repeated;
  std::optional<int> next = trial.plan.retry_of;
  int above = trial.number;
  // Numbers fall from one to the next: other programs may have written what makes no sense.
  while (next && *next >= 0 && *next < above) {
    auto record = read_begun(storage, study, *next);
    if (!record) break;
    above = record->number;
    next = record->plan.retry_of;
    repeated.push_back(*std::move(record));
  }
  return repeated;
}

std::vector<Report> reports_before(std::optional<std::int64_t> step,
                                   const std::vector<TrialRecord>& repeated) {
  std::map<std::int64_t, Report> reports;
  for (const TrialRecord& trial : repeated) {
    for (const Report& report : trial.reports) {
      if (!step || report.step < *step) reports.try_emplace(report.step, report);
    }
  }
  std::vector<Report> in_order;
  for (auto& [at, report] : reports) in_order.push_back(std::move(report));
  return in_order;
}

void drop_useless_checkpoints(Storage& storage, StudyId study, const TrialRecord& trial) {
  std::vector<int> useless = {trial.number};
  for (const TrialRecord& repeated : repeated_trials(storage, study, trial)) {
    useless.push_back(repeated.number);
  }
  constexpr std::array kNotEnded = {TrialState::Waiting, TrialState::Running, TrialState::Paused};
  for (const TrialRecord& other : storage.trials_in(study, kNotEnded)) {
    if (other.plan.parent && other.number != trial.number) std::erase(useless, *other.plan.parent);
  }
  storage.drop_checkpoints(study, useless);
}

}  // namespace hypertune
