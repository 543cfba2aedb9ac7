// What other processes do with a study, read from its store as events.
#include "cli/follow.h"

#include <algorithm>

#include "base/text.h"

namespace hypertune {
namespace {

/// `host:pid:start` of a worker's name, which is that and the number of its thread.
std::string process_of(const std::string& worker) { return worker.substr(0, worker.rfind(':')); }

}  // namespace

StudyFollower::StudyFollower(const Storage& storage, StudyId study, int max_attempts)
    : storage_(storage), study_(study), max_attempts_(max_attempts) {
  for (const TrialRecord& trial : storage.begun_trials(study)) {
    if (is_final(trial.state)) note_ended(trial.number);
    if (trial.state == TrialState::Paused) {
      paused_[trial.number] = {trial.lease, trial.reports.size()};
    }
  }
}

void StudyFollower::poll(const OnEvent& on_event) {
  std::vector<Storage::Unfinished> unfinished;
  for (const auto& [number, known] : paused_) {
    if (number < first_unknown_) unfinished.push_back({number, known.lease});
  }
  for (const auto& [number, known] : running_) {
    if (number < first_unknown_) unfinished.push_back({number, {}});
  }
  std::ranges::sort(unfinished, {}, &Storage::Unfinished::number);
  for (const TrialRecord& trial : storage_.changed_trials(study_, first_unknown_, unfinished)) {
    take(trial, on_event);
  }
  const auto is_known = [&](int number) {
    return ended_.contains(number) || running_.contains(number) || paused_.contains(number);
  };
  while (is_known(first_unknown_)) ended_.erase(first_unknown_++);
}

void StudyFollower::take(const TrialRecord& trial, const OnEvent& on_event) {
  if (ended_.contains(trial.number)) return;
  if (trial.state == TrialState::Running) return take_running(trial, on_event);
  if (trial.state == TrialState::Waiting) return take_back(trial, on_event);
  const auto paused = paused_.find(trial.number);
  const bool was_paused = paused != paused_.end();
  if (was_paused && trial.state == TrialState::Paused && paused->second.lease == trial.lease)
    return;
  const auto known = running_.find(trial.number);
  if (known != running_.end()) {
    take_reports(trial, known->second, on_event);
  } else if (trial.state == TrialState::Paused || !was_paused) {
    take_running(trial, on_event);  // between two looks it began, or went on, and stopped
  }
  const auto now = running_.find(trial.number);
  const int place = now == running_.end() ? 0 : now->second.place;
  running_.erase(trial.number);
  paused_.erase(trial.number);
  if (trial.state == TrialState::Paused) {
    paused_[trial.number] = {trial.lease, trial.reports.size()};
    return on_event({Event::Kind::Paused, place, trial});
  }
  const bool lost = trial.failure == Failure::WorkerLost && wants_retry(trial, max_attempts_);
  on_event({lost ? Event::Kind::Lost : Event::Kind::Finished, place, trial});
  note_ended(trial.number);
}

/// It had begun, and waits again.
void StudyFollower::take_back(const TrialRecord& trial, const OnEvent& on_event) {
  const auto known = running_.find(trial.number);
  if (known != running_.end()) on_event({Event::Kind::Lost, known->second.place, trial});
  running_.erase(trial.number);
  for (int number = trial.number + 1; number < first_unknown_; ++number) {
    if (!running_.contains(number) && !paused_.contains(number)) ended_.insert(number);
  }
  first_unknown_ = std::min(first_unknown_, trial.number);
}

void StudyFollower::take_running(const TrialRecord& trial, const OnEvent& on_event) {
  // Another program's trial has no lease: nobody knows whether it lives.
  if (trial.state == TrialState::Running && trial.lease == 0) return;
  const auto known = running_.find(trial.number);
  const bool is_new = known == running_.end() || known->second.lease != trial.lease;
  const int place = known == running_.end() ? free_place() : known->second.place;
  Running& now = running_[trial.number];
  if (is_new) {
    if (const auto paused = paused_.find(trial.number); paused != paused_.end()) {
      now.reports = paused->second.reports;
      paused_.erase(paused);
    }
    now.lease = trial.lease;
    now.place = place;
    now.worker = trial.worker;
    on_event({Event::Kind::Started, place, trial});
  }
  take_reports(trial, now, on_event);
}

void StudyFollower::take_reports(const TrialRecord& trial, Running& known,
                                 const OnEvent& on_event) {
  if (trial.reports.size() <= known.reports) return;
  TrialRecord until = trial;
  until.reports.clear();
  for (std::size_t i = known.reports; i < trial.reports.size(); ++i) {
    until.reports.assign(1, trial.reports[i]);
    on_event({Event::Kind::Reported, known.place, until});
  }
  known.reports = trial.reports.size();
}

int StudyFollower::free_place() const {
  std::set<int> taken;
  for (const auto& [number, known] : running_) taken.insert(known.place);
  int place = 0;
  while (taken.contains(place)) ++place;
  return place;
}

int StudyFollower::processes() const {
  std::set<std::string> names;
  for (const auto& [number, known] : running_) names.insert(process_of(known.worker));
  return static_cast<int>(names.size());
}

void StudyFollower::note_ended(int number) {
  if (number >= first_unknown_) ended_.insert(number);
}

}  // namespace hypertune
