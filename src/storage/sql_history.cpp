// What happened, read from a SQL database.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/examine.h"
#include "storage/sql_records.h"
#include "storage/sql_storage.h"
#include "storage/trial_rules.h"

namespace hypertune {

std::vector<TrialRecord> SqlStorage::trials(StudyId study, int first_number,
                                            int last_number) const {
  return transact(Kind::Read, [&]() -> std::vector<TrialRecord> {
    return read_trials(*database_, study, objectives(study), first_number, last_number);
  });
}

std::vector<TrialRecord> SqlStorage::begun_trials(StudyId study, int first_number) const {
  return transact(Kind::Read,
                  [&]() -> std::vector<TrialRecord> { return begun_from(study, first_number); });
}

std::vector<TrialRecord> SqlStorage::changed_trials(StudyId study, int first_number,
                                                    std::span<const Unfinished> seen) const {
  return transact(Kind::Read, [&]() -> std::vector<TrialRecord> {
    std::vector<int> numbers;
    if (!seen.empty()) {
      const std::map<int, int> paused = leases_of_paused(study);
      for (const Unfinished& known : seen) {
        const auto found = paused.find(known.number);
        if (found == paused.end() || found->second != known.paused_under) {
          numbers.push_back(known.number);
        }
      }
    }
    std::vector<TrialRecord> changed;
    // Neighbors are read at once; a few between them cost less than one more reading.
    constexpr int kWidestGap = 8;
    for (std::size_t begin = 0, end = 0; begin < numbers.size(); begin = end) {
      end = begin + 1;
      while (end < numbers.size() && numbers[end] - numbers[end - 1] <= kWidestGap) ++end;
      for (TrialRecord& record :
           read_trials(*database_, study, objectives(study), numbers[begin], numbers[end - 1])) {
        if (std::ranges::binary_search(numbers, record.number))
          changed.push_back(std::move(record));
      }
    }
    std::ranges::move(begun_from(study, first_number), std::back_inserter(changed));
    return changed;
  });
}

std::map<int, int> SqlStorage::leases_of_paused(StudyId study) const {
  std::map<int, int> leases;
  Query row = database_->query(
      "SELECT t.number, p.lease FROM hypertune_paused p JOIN trials t USING (trial_id) "
      "WHERE t.study_id = ?1 AND t.state = 'RUNNING'",
      study);
  while (row.next()) leases[static_cast<int>(row.integer(0))] = static_cast<int>(row.integer(1));
  return leases;
}

std::vector<TrialRecord> SqlStorage::begun_from(StudyId study, int first_number) const {
  // The last one first, so that the many that wait after it are not read.
  int last = -1;
  for (const TrialState state :
       {TrialState::Running, TrialState::Complete, TrialState::Pruned, TrialState::Failed}) {
    Query row = database_->query(
        "SELECT number FROM trials WHERE study_id = ?1 AND state = ?2 "
        "ORDER BY trial_id DESC LIMIT 1",
        study, state_name(state));
    if (row.next()) last = std::max(last, static_cast<int>(row.integer(0)));
  }
  auto records = read_trials(*database_, study, objectives(study), first_number, last);
  std::erase_if(records, [](const TrialRecord& r) { return r.state == TrialState::Waiting; });
  return records;
}

std::optional<int> SqlStorage::next_waiting(StudyId study) const {
  return transact(Kind::Read, [&]() -> std::optional<int> {
    Query row = database_->query(
        "SELECT number FROM trials WHERE study_id = ?1 AND state = 'WAITING' "
        "ORDER BY trial_id LIMIT 1",
        study);
    if (!row.next()) return std::nullopt;
    return static_cast<int>(row.integer(0));
  });
}

TrialCounts SqlStorage::counts(StudyId study) const {
  return transact(Kind::Read, [&]() -> TrialCounts {
    study_name(study);  // throws when there is none
    TrialCounts counts;
    Query row = database_->query(
        "SELECT state, COUNT(*) FROM trials WHERE study_id = ?1 GROUP BY state", study);
    while (row.next()) {
      count(state_from_name(row.text(0), false), counts, static_cast<int>(row.integer(1)));
    }
    counts.paused = static_cast<int>(leases_of_paused(study).size());
    counts.running -= counts.paused;
    return counts;
  });
}

std::vector<TrialRecord> SqlStorage::trials_in(StudyId study,
                                               std::span<const TrialState> states) const {
  return transact(Kind::Read, [&]() -> std::vector<TrialRecord> {
    return read_trials_in(*database_, study, objectives(study), states);
  });
}

std::optional<TrialRecord> SqlStorage::best_trial(StudyId study) const {
  return transact(Kind::Read, [&]() -> std::optional<TrialRecord> {
    const std::vector<Objective> all = objectives(study);
    const auto number = best_number(*database_, study, all.front().direction);
    if (!number) return std::nullopt;
    return std::move(read_trials(*database_, study, all, *number, *number).at(0));
  });
}

std::string SqlStorage::revision() const {
  return transact(Kind::Read, [&]() -> std::string { return database_->revision(); });
}

std::vector<Finding> SqlStorage::examine() const {
  return transact(Kind::Read, [&] { return hypertune::examine(*database_, now()); });
}

}  // namespace hypertune
