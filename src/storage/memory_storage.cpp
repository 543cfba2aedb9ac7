// The store in memory.
#include <fmt/format.h>
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/worker_id.h"
#include "core/shared_domains.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "storage/notes.h"
#include "storage/spec_json.h"
#include "storage/trial_rules.h"

namespace hypertune {
namespace {

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(Clock clock) : clock_(std::move(clock)) {}

  StudyId open_study(const StudySpec& spec) override {
    check_spec(spec);
    const std::scoped_lock lock(mutex_);
    if (const auto study = id_of(spec.name)) {
      check_match(spec.name, spec_differences(at(*study).spec, spec));
      return *study;
    }
    studies_.push_back({spec, {}, {}, {}, {}});
    ++changes_;
    return std::ssize(studies_);
  }

  std::optional<StudyId> find_study(std::string_view name) const override {
    const std::scoped_lock lock(mutex_);
    return id_of(name);
  }

  std::vector<std::string> study_names() const override {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const StudyEntry& study : studies_) names.push_back(study.spec.name);
    return names;
  }

  StudySpec spec(StudyId study) const override {
    const std::scoped_lock lock(mutex_);
    return at(study).spec;
  }

  void set_attribute(StudyId study, std::string_view key, std::string_view json) override {
    check_attribute(key, json);
    const std::scoped_lock lock(mutex_);
    at(study).attributes[std::string(key)] = json;
  }

  std::map<std::string, std::string, std::less<>> attributes(StudyId study) const override {
    const std::scoped_lock lock(mutex_);
    return at(study).attributes;
  }

  int enqueue(StudyId study, std::span<const TrialPlan> plans) override;
  std::optional<TrialRecord> claim(StudyId study, const Lease& lease) override;
  void set_params(Claim at, std::span<const ParamValue> params) override;
  void add_report(Claim at, const Report& report) override;
  void finish(Claim at, const Outcome& outcome) override;
  void release(Claim at) override;
  void save_checkpoint(Claim at, std::string_view bytes) override;
  std::optional<std::string> checkpoint(StudyId study, int number) const override;
  void drop_checkpoints(StudyId study, std::span<const int> numbers) override;
  void pause(Claim at) override;
  std::optional<TrialRecord> resume(Claim paused, const Lease& lease) override;
  bool end_paused(Claim paused, const Outcome& outcome) override;
  std::vector<Claim> heartbeat(std::span<const Claim> claims,
                               std::chrono::seconds duration) override;
  std::vector<TrialRecord> fail_stale(StudyId study) override;

  std::vector<TrialRecord> trials(StudyId study, int first_number, int last_number) const override {
    const std::scoped_lock lock(mutex_);
    const auto& all = at(study).trials;
    const auto first = std::clamp<std::ptrdiff_t>(first_number, 0, std::ssize(all));
    const auto end =
        std::clamp<std::ptrdiff_t>(std::ptrdiff_t{last_number} + 1, first, std::ssize(all));
    return {all.begin() + first, all.begin() + end};
  }

  std::vector<TrialRecord> begun_trials(StudyId study, int first_number) const override {
    const std::scoped_lock lock(mutex_);
    std::vector<TrialRecord> begun;
    append_begun(at(study), first_number, begun);
    return begun;
  }
  std::vector<TrialRecord> changed_trials(StudyId study, int first_number,
                                          std::span<const Unfinished> seen) const override;

  std::optional<int> next_waiting(StudyId study) const override {
    const std::scoped_lock lock(mutex_);
    const std::set<int>& waiting = at(study).waiting;
    return waiting.empty() ? std::nullopt : std::optional(*waiting.begin());
  }

  TrialCounts counts(StudyId study) const override {
    const std::scoped_lock lock(mutex_);
    TrialCounts counts;
    for (const TrialRecord& trial : at(study).trials) count(trial.state, counts);
    return counts;
  }
  std::vector<TrialRecord> trials_in(StudyId study,
                                     std::span<const TrialState> states) const override;
  std::optional<TrialRecord> best_trial(StudyId study) const override;
  void restore(StudyId study, std::span<const TrialRecord> trials) override;
  std::string revision() const override {
    const std::scoped_lock lock(mutex_);
    return std::to_string(changes_);
  }
  Note note(StudyId study, std::optional<int> number) const override;
  bool set_note(StudyId study, std::optional<int> number, std::string_view text,
                int expected_version) override;
  std::vector<Finding> examine() const override { return {}; }

 private:
  struct StudyEntry {
    StudySpec spec;
    std::map<std::string, std::string, std::less<>> attributes;
    std::deque<TrialRecord> trials;
    std::set<std::string> keys;              // planned
    std::map<std::string, Domain> used;      // a domain of each parameter name
    std::set<int> waiting = {};              // numbers
    std::map<int, TimePoint> expiries = {};  // of running trials, by number
    std::map<int, std::string> checkpoints = {};
    SharedDomains domains = {};
  };

  // What follows is called with the mutex held.

  /// As it is stored; `used` is a domain of each parameter name.
  static TrialRecord restored(const TrialRecord& trial, const std::vector<Objective>& objectives,
                              std::map<std::string, Domain>& used);
  static void append_begun(const StudyEntry& entry, int first_number,
                           std::vector<TrialRecord>& begun);

  std::optional<StudyId> id_of(std::string_view name) const {
    const auto match = std::ranges::find(
        studies_, name, [](const StudyEntry& s) -> const std::string& { return s.spec.name; });
    if (match == studies_.end()) return std::nullopt;
    return match - studies_.begin() + 1;
  }

  std::size_t index(StudyId study) const {
    if (study < 1 || study > std::ssize(studies_)) {
      throw StorageError(fmt::format("there is no study with id {}", study));
    }
    return static_cast<std::size_t>(study - 1);
  }
  const StudyEntry& at(StudyId study) const { return studies_[index(study)]; }
  StudyEntry& at(StudyId study) {
    ++changes_;  // who asks for one that may be changed changes it
    return studies_[index(study)];
  }

  struct Place {
    StudyEntry& study;
    TrialRecord& trial;
  };
  Place place(TrialId trial) {
    if (trial < 1 || trial > std::ssize(places_)) {
      throw StorageError(fmt::format("there is no trial with id {}", trial));
    }
    const auto& [study, number] = places_[static_cast<std::size_t>(trial - 1)];
    StudyEntry& entry = at(study);
    return {entry, entry.trials[static_cast<std::size_t>(number)]};
  }
  Place writable(Claim at) {
    const Place found = place(at.trial);
    check_fence(at, found.trial.number, found.trial.state, found.trial.lease);
    return found;
  }
  std::optional<Place> place_of_paused(Claim paused) {
    if (paused.trial < 1 || paused.trial > std::ssize(places_)) return std::nullopt;
    const Place found = place(paused.trial);
    const bool fits = found.trial.state == TrialState::Paused && found.trial.lease == paused.lease;
    return fits ? std::optional<Place>(found) : std::nullopt;
  }
  void give_out(Place at, const Lease& lease) {
    at.trial.state = TrialState::Running;
    at.trial.worker = lease.worker;
    ++at.trial.lease;
    const TimePoint time = clock_();
    if (!at.trial.started) at.trial.started = time;
    at.study.expiries[at.trial.number] = time + lease.duration;
  }
  void settle_trial(Place at, const Outcome& outcome) {
    const auto& objectives = at.study.spec.objectives;
    std::optional<double> last_reported;
    for (auto report = at.trial.reports.rbegin();
         report != at.trial.reports.rend() && !last_reported; ++report) {
      const auto watched = report->metrics.find(objectives.front().metric);
      if (watched != report->metrics.end()) last_reported = watched->second;
    }
    end_trial(at, settle(at.trial.number, outcome, objectives, last_reported));
  }
  void end_trial(Place at, Outcome outcome) {
    at.trial.state = outcome.state;
    at.trial.metrics = std::move(outcome.metrics);
    at.trial.reason = std::move(outcome.reason);
    at.trial.failure = outcome.failure;
    at.trial.ended = clock_();
    at.study.expiries.erase(at.trial.number);
  }

  static std::optional<TrialId> noted_trial(const StudyEntry& entry, std::optional<int> number);
  static Note stored_note(const StudyEntry& entry, std::optional<TrialId> trial);

  Clock clock_;
  mutable std::mutex mutex_;                     // guards everything below
  std::uint64_t changes_ = 0;                    // so many, or fewer
  std::vector<StudyEntry> studies_;              // a study's id is its place, from 1
  std::vector<std::pair<StudyId, int>> places_;  // study and number of each trial, by id from 1
};

int MemoryStorage::enqueue(StudyId study, std::span<const TrialPlan> plans) {
  const std::scoped_lock lock(mutex_);
  StudyEntry& entry = at(study);
  int inserted = 0;
  for (const TrialPlan& plan : plans) {
    if (!plan.key.empty() && !entry.keys.insert(plan.key).second) continue;
    TrialRecord& trial = entry.trials.emplace_back();
    trial.number = static_cast<int>(entry.trials.size()) - 1;
    trial.plan = plan;
    places_.emplace_back(study, trial.number);
    trial.id = std::ssize(places_);
    entry.waiting.insert(trial.number);
    ++inserted;
  }
  return inserted;
}

std::optional<TrialRecord> MemoryStorage::claim(StudyId study, const Lease& lease) {
  const std::scoped_lock lock(mutex_);
  StudyEntry& entry = at(study);
  if (entry.waiting.empty() || *entry.waiting.begin() > lease.highest_number) return std::nullopt;
  const int number = entry.waiting.extract(entry.waiting.begin()).value();
  TrialRecord& trial = entry.trials[static_cast<std::size_t>(number)];
  give_out({entry, trial}, lease);
  return trial;
}

void MemoryStorage::set_params(Claim at, std::span<const ParamValue> params) {
  const std::scoped_lock lock(mutex_);
  const auto [study, trial] = writable(at);
  std::vector<NamedDomain> domains;
  domains.reserve(params.size());
  for (const ParamValue& param : params) domains.push_back({param.name, &param.domain});
  // What an earlier trial had goes with what the study has used.
  const std::optional<Domains> known = study.domains.find(trial.domains, domains);
  // Checked and made first: all of them, or none.
  Params values;
  values.reserve(trial.params.size() + params.size());
  std::map<std::string, Domain> newly_used;
  for (const ParamValue& param : params) {
    const bool decided = trial.domains.contains(param.name) || values.contains(param.name);
    const Domain* used = nullptr;
    if (!known) {
      newly_used.try_emplace(param.name, param.domain);
      const auto before = study.used.find(param.name);
      if (before != study.used.end()) used = &before->second;
    }
    values.insert_or_assign(param.name, checked_value(trial.number, param, used, decided));
  }
  trial.domains = known ? *known : study.domains.with(trial.domains, domains);
  values.merge(std::move(trial.params));
  trial.params = std::move(values);
  study.used.merge(newly_used);
}

void MemoryStorage::add_report(Claim at, const Report& report) {
  const std::scoped_lock lock(mutex_);
  TrialRecord& trial = writable(at).trial;
  check_step(trial.number, report.step,
             trial.reports.empty() ? std::nullopt : std::optional(trial.reports.back().step));
  trial.reports.push_back(report);
}

void MemoryStorage::finish(Claim at, const Outcome& outcome) {
  const std::scoped_lock lock(mutex_);
  settle_trial(writable(at), outcome);
}

void MemoryStorage::release(Claim at) {
  const std::scoped_lock lock(mutex_);
  const auto [study, trial] = writable(at);
  trial.state = TrialState::Waiting;
  trial.worker.clear();
  trial.started.reset();
  study.expiries.erase(trial.number);
  study.waiting.insert(trial.number);
}

void MemoryStorage::save_checkpoint(Claim at, std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  const auto [study, trial] = writable(at);
  check_checkpoint(trial.number, bytes);
  study.checkpoints[trial.number] = bytes;
}

std::optional<std::string> MemoryStorage::checkpoint(StudyId study, int number) const {
  const std::scoped_lock lock(mutex_);
  const auto& checkpoints = at(study).checkpoints;
  const auto found = checkpoints.find(number);
  return found == checkpoints.end() ? std::nullopt : std::optional(found->second);
}

void MemoryStorage::drop_checkpoints(StudyId study, std::span<const int> numbers) {
  const std::scoped_lock lock(mutex_);
  for (const int number : numbers) at(study).checkpoints.erase(number);
}

void MemoryStorage::pause(Claim at) {
  const std::scoped_lock lock(mutex_);
  const auto [study, trial] = writable(at);
  trial.state = TrialState::Paused;
  study.expiries.erase(trial.number);
}

std::optional<TrialRecord> MemoryStorage::resume(Claim paused, const Lease& lease) {
  const std::scoped_lock lock(mutex_);
  const auto found = place_of_paused(paused);
  if (!found) return std::nullopt;
  give_out(*found, lease);
  return found->trial;
}

bool MemoryStorage::end_paused(Claim paused, const Outcome& outcome) {
  const std::scoped_lock lock(mutex_);
  const auto found = place_of_paused(paused);
  if (!found) return false;
  settle_trial(*found, outcome);
  found->study.checkpoints.erase(found->trial.number);
  return true;
}

std::vector<Claim> MemoryStorage::heartbeat(std::span<const Claim> claims,
                                            std::chrono::seconds duration) {
  const std::scoped_lock lock(mutex_);
  const TimePoint expires = clock_() + duration;
  std::vector<Claim> lost;
  for (const Claim& claim : claims) {
    const bool known = claim.trial >= 1 && claim.trial <= std::ssize(places_);
    if (known) {
      const auto [study, trial] = place(claim.trial);
      if (trial.state == TrialState::Running && trial.lease == claim.lease) {
        study.expiries[trial.number] = expires;
        continue;
      }
    }
    lost.push_back(claim);
  }
  return lost;
}

std::vector<TrialRecord> MemoryStorage::fail_stale(StudyId study) {
  const std::scoped_lock lock(mutex_);
  StudyEntry& entry = at(study);
  const TimePoint time = clock_();
  std::vector<int> stale;
  for (const auto& [number, expiry] : entry.expiries) {
    const TrialRecord& trial = entry.trials[static_cast<std::size_t>(number)];
    if (expiry <= time || worker_is_dead(trial.worker)) stale.push_back(number);
  }
  std::vector<TrialRecord> failed;
  for (const int number : stale) {
    TrialRecord& trial = entry.trials[static_cast<std::size_t>(number)];
    end_trial({entry, trial}, worker_lost(trial.worker));
    failed.push_back(trial);
  }
  return failed;
}

void MemoryStorage::append_begun(const StudyEntry& entry, int first_number,
                                 std::vector<TrialRecord>& begun) {
  auto waiting = entry.waiting.lower_bound(first_number);
  auto still_waiting = std::ssize(entry.waiting) - std::distance(entry.waiting.begin(), waiting);
  for (int number = std::max(first_number, 0); number < std::ssize(entry.trials); ++number) {
    // A plan is run in order: what waits is as a rule all that is left.
    if (still_waiting == std::ssize(entry.trials) - number) break;
    if (waiting != entry.waiting.end() && *waiting == number) {
      ++waiting;
      --still_waiting;
      continue;
    }
    begun.push_back(entry.trials[static_cast<std::size_t>(number)]);
  }
}

std::vector<TrialRecord> MemoryStorage::changed_trials(StudyId study, int first_number,
                                                       std::span<const Unfinished> seen) const {
  const std::scoped_lock lock(mutex_);
  const StudyEntry& entry = at(study);
  std::vector<TrialRecord> changed;
  for (const Unfinished& known : seen) {
    const TrialRecord& trial = entry.trials.at(static_cast<std::size_t>(known.number));
    if (trial.state == TrialState::Paused && trial.lease == known.paused_under) continue;
    changed.push_back(trial);
  }
  append_begun(entry, first_number, changed);
  return changed;
}

std::vector<TrialRecord> MemoryStorage::trials_in(StudyId study,
                                                  std::span<const TrialState> states) const {
  const std::scoped_lock lock(mutex_);
  std::vector<TrialRecord> found;
  for (const TrialRecord& trial : at(study).trials) {
    if (std::ranges::find(states, trial.state) != states.end()) found.push_back(trial);
  }
  return found;
}

std::optional<TrialRecord> MemoryStorage::best_trial(StudyId study) const {
  const std::scoped_lock lock(mutex_);
  const StudyEntry& entry = at(study);
  const Objective& objective = entry.spec.objectives.front();
  const bool maximize = objective.direction == Direction::Maximize;
  const TrialRecord* best = nullptr;
  double best_value = 0;
  for (const TrialRecord& trial : entry.trials) {
    if (trial.state != TrialState::Complete) continue;
    const double value = trial.metrics.at(objective.metric);
    if (best != nullptr && !(maximize ? value > best_value : value < best_value)) continue;
    best = &trial;
    best_value = value;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::optional<TrialId> MemoryStorage::noted_trial(const StudyEntry& entry,
                                                  std::optional<int> number) {
  if (!number) return std::nullopt;
  if (*number < 0 || *number >= std::ssize(entry.trials)) {
    throw StorageError(fmt::format("study \"{}\" has no trial {}", entry.spec.name, *number));
  }
  return entry.trials[static_cast<std::size_t>(*number)].id;
}

Note MemoryStorage::stored_note(const StudyEntry& entry, std::optional<TrialId> trial) {
  const auto version = entry.attributes.find(note_version_key(trial));
  if (version == entry.attributes.end()) return {};
  Note note{.version = note_version(version->second)};
  for (std::size_t i = 0;; ++i) {
    const auto piece = entry.attributes.find(note_piece_key(trial, i));
    if (piece == entry.attributes.end()) return note;
    note.text += note_piece(piece->second);
  }
}

Note MemoryStorage::note(StudyId study, std::optional<int> number) const {
  const std::scoped_lock lock(mutex_);
  const StudyEntry& entry = at(study);
  return stored_note(entry, noted_trial(entry, number));
}

bool MemoryStorage::set_note(StudyId study, std::optional<int> number, std::string_view text,
                             int expected_version) {
  const std::vector<std::string> pieces = note_pieces(text);
  const std::scoped_lock lock(mutex_);
  StudyEntry& entry = at(study);
  const auto trial = noted_trial(entry, number);
  if (stored_note(entry, trial).version != expected_version) return false;
  entry.attributes[note_version_key(trial)] = std::to_string(expected_version + 1);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    entry.attributes[note_piece_key(trial, i)] = pieces[i];
  }
  // Where the old text was longer, its end would be read with the new one.
  for (std::size_t i = pieces.size(); entry.attributes.erase(note_piece_key(trial, i)) > 0;) ++i;
  return true;
}

void MemoryStorage::restore(StudyId study, std::span<const TrialRecord> trials) {
  const std::scoped_lock lock(mutex_);
  StudyEntry& entry = at(study);
  int next = static_cast<int>(entry.trials.size());
  // Checked first: all of them, or none.
  std::set<std::string> keys;
  std::map<std::string, Domain> used = entry.used;
  std::vector<TrialRecord> copies;
  for (const TrialRecord& trial : trials) {
    check_restored(trial, next++);
    const std::string& key = trial.plan.key;
    check_restored_key(trial, entry.keys.contains(key) || !keys.insert(key).second);
    copies.push_back(restored(trial, entry.spec.objectives, used));
  }
  for (TrialRecord& copy : copies) {
    places_.emplace_back(study, copy.number);
    copy.id = std::ssize(places_);
    if (!copy.plan.key.empty()) entry.keys.insert(copy.plan.key);
    if (copy.state == TrialState::Waiting) entry.waiting.insert(copy.number);
    entry.trials.push_back(std::move(copy));
  }
  entry.used = std::move(used);
}

TrialRecord MemoryStorage::restored(const TrialRecord& trial,
                                    const std::vector<Objective>& objectives,
                                    std::map<std::string, Domain>& used) {
  TrialRecord copy = trial;
  copy.lease = 0;
  for (const auto& [name, domain] : trial.domains) {
    const Domain& known = used.try_emplace(name, domain).first->second;
    copy.params[name] =
        checked_value(trial.number, {name, domain, trial.params.at(name)}, &known, false);
  }
  std::optional<std::int64_t> last;
  std::optional<double> last_reported;
  for (const Report& report : trial.reports) {
    check_step(trial.number, report.step, std::exchange(last, report.step));
    const auto watched = report.metrics.find(objectives.front().metric);
    if (watched != report.metrics.end()) last_reported = watched->second;
  }
  if (trial.state == TrialState::Waiting) return copy;
  Outcome outcome = settle(trial.number, {trial.state, trial.metrics, trial.reason, trial.failure},
                           objectives, last_reported);
  copy.metrics = std::move(outcome.metrics);
  copy.failure = outcome.failure;
  return copy;
}

}  // namespace

std::shared_ptr<Storage> memory_storage(Clock clock) {
  return std::make_shared<MemoryStorage>(std::move(clock));
}

Clock system_clock() {
  return [] { return std::chrono::system_clock::now(); };
}

}  // namespace hypertune
