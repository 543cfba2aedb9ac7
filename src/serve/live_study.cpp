// One study that is read in blocks and then followed.
#include "serve/live_study.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "hypertune/error.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A block is to hold so many values (of parameters and reports), which bounds what it costs to hold
// it, and how long others wait for the store meanwhile. The first one is small: somebody waits.
constexpr int kFirstBlock = 200;
constexpr int kSmallestBlock = 20;
constexpr int kLargestBlock = 5000;
constexpr std::size_t kBlockValues = 60'000;
// So many trials are put into the table before readers get their turn.
constexpr std::size_t kTrialsAtOnce = 500;
// Of those that wait, so many of the next ones are looked at; while some of them have begun, as
// many more.
constexpr std::size_t kNextWaiting = 64;
// All that wait are looked at so often, and for at most this part of the time.
constexpr milliseconds kBetweenSweeps{2000};
constexpr int kSweepShare = 20;
// Of one look, the last so many events are published: more than that nobody reads.
constexpr std::size_t kMostEventsAtOnce = 500;
constexpr milliseconds kBetweenSummaries{100};
constexpr milliseconds kBetweenFacts{1000};

constexpr std::string_view kOurs = "hypertune:";
constexpr std::string_view kSpec = "hypertune:spec";

}  // namespace

StatedAttributes stated_attributes(const Storage& storage, StudyId study) {
  StatedAttributes all = storage.attributes(study);
  std::erase_if(all, [](const auto& entry) { return !entry.first.starts_with(kOurs); });
  return all;
}

StudyFacts read_facts(const Storage& storage, StudyId study, const StatedAttributes& attributes) {
  StudyFacts facts{.spec = storage.spec(study), .ours = attributes.contains(kSpec)};
  try {
    StudyView view = view_without_trials(storage, study);
    facts.experiment = std::move(view.experiment);
    facts.provenance = std::move(view.provenance);
    facts.stopped = std::move(view.stopped);
  } catch (const StorageError&) {
    throw;
  } catch (const Error&) {
    // What is damaged is not shown; `hypertune report` says what is wrong with it.
  }
  return facts;
}

LiveStudy::LiveStudy(const Storage& storage, StudyId id, Events& events)
    : storage_(storage),
      id_(id),
      events_(events),
      facts_(read_facts(storage, id, stated_attributes(storage, id))),
      table_(facts_.spec),
      total_(storage.counts(id).total()),
      block_(kFirstBlock),
      facts_are_due_(true) {}

// --- Any thread ---

std::shared_lock<std::shared_mutex> LiveStudy::reading() const {
  const std::scoped_lock turn(turn_);
  return std::shared_lock(mutex_);
}

std::unique_lock<std::shared_mutex> LiveStudy::writing() const {
  const std::scoped_lock turn(turn_);
  return std::unique_lock(mutex_);
}

void LiveStudy::read(const std::function<void(const LiveStudies::Reading&)>& use) {
  const auto lock = reading();
  use({table_, facts_, loaded_held(), revision_, system_clock()()});
}

StudyOverview LiveStudy::overview() {
  const auto lock = reading();
  return overview_held();
}

StudyOverview LiveStudy::overview_held() const {
  StudyOverview overview{.id = id_, .spec = {}, .counts = table_.counts()};
  overview.spec.name = facts_.spec.name;
  overview.spec.objectives = facts_.spec.objectives;
  if (const auto best = table_.best()) overview.best = table_.record(*best);
  overview.started = table_.started();
  overview.changed = table_.changed();
  overview.ours = facts_.ours;
  overview.stopped = facts_.stopped;
  return overview;
}

double LiveStudy::loaded_held() const {
  if (is_loaded_ || total_ == 0) return is_loaded_ ? 1 : 0;
  return std::min(0.999, static_cast<double>(table_.counts().total()) / total_);
}

void LiveStudy::await_first(milliseconds patience) {
  auto lock = reading();
  came_.wait_for(lock, patience, [&] { return has_first_ || !failure_.empty(); });
  if (!has_first_ && !failure_.empty()) throw StorageError(failure_);
}

void LiveStudy::await_loaded(milliseconds patience) {
  auto lock = reading();
  came_.wait_for(lock, patience, [&] { return is_loaded(); });
}

// --- Reading it whole ---

void LiveStudy::load_block() {
  auto trials = storage_.trials(id_, next_, next_ + block_ - 1);
  const bool is_last = std::ssize(trials) < block_;
  std::size_t values = 0;
  for (const TrialRecord& trial : trials) {
    values += 1 + trial.params.size() + trial.reports.size();
  }
  if (!trials.empty()) {
    const double wanted = static_cast<double>(block_) * static_cast<double>(kBlockValues) /
                          static_cast<double>(values);
    next_ = trials.back().number + 1;
    block_ = static_cast<int>(std::clamp<double>(wanted, kSmallestBlock, kLargestBlock));
    take(std::move(trials), false);
  }
  // Numbers may have gaps: what is behind the last block is looked for without an end.
  if (is_last) {
    trials = storage_.trials(id_, next_);
    if (!trials.empty()) next_ = trials.back().number + 1;
    take(std::move(trials), false);
  }
  {
    const auto lock = writing();
    has_first_ = true;
    failure_.clear();
    is_loaded_ = is_last;
    if (!facts_.ours) facts_.spec.space = table_.space();
  }
  came_.notify_all();
  wants_look_ = is_last;  // what was read first may be another by now
  summary_is_due_ = true;
}

void LiveStudy::failed(const std::string& what) {
  {
    const auto lock = writing();
    failure_ = what;
  }
  came_.notify_all();
}

// --- Following it ---

void LiveStudy::look(bool thorough) {
  wants_look_ = false;
  std::vector<Storage::Unfinished> begun;
  for (const auto& [number, known] : unfinished_) {
    if (known.state == TrialState::Waiting) continue;
    const bool is_paused = known.state == TrialState::Paused;
    begun.push_back({number, is_paused ? std::optional(known.lease) : std::nullopt});
  }
  look_at(begun);
  look_at_waiting(thorough);
  look_at_new();
  facts_are_due_ = true;
}

void LiveStudy::look_at_waiting(bool thorough) {
  std::vector<Storage::Unfinished> waiting;
  for (const auto& [number, known] : unfinished_) {
    if (known.state == TrialState::Waiting) waiting.push_back({number, {}});
  }
  const Time now = steady_clock::now();
  const bool sweeps = thorough || sweep_is_due(now);
  wants_sweep_ = false;
  std::span<const Storage::Unfinished> rest = waiting;
  while (!rest.empty()) {
    const auto next = rest.first(std::min(kNextWaiting, rest.size()));
    rest = rest.subspan(next.size());
    const bool changed = look_at({next.begin(), next.end()}) > 0;
    if (!changed && !sweeps) {
      wants_sweep_ = !rest.empty();
      return;
    }
  }
  swept_ = steady_clock::now();
  sweep_cost_ = swept_ - now;
}

bool LiveStudy::sweep_is_due(Time now) const {
  return now - swept_ > std::max<steady_clock::duration>(kBetweenSweeps, kSweepShare * sweep_cost_);
}

std::size_t LiveStudy::look_at(const std::vector<Storage::Unfinished>& trials) {
  if (trials.empty()) return 0;
  // No trial has the first number, so that only these are read.
  std::vector<TrialRecord> changed =
      storage_.changed_trials(id_, std::numeric_limits<int>::max(), trials);
  const auto expected = std::ranges::count_if(
      trials, [](const Storage::Unfinished& seen) { return !seen.paused_under; });
  if (std::ssize(changed) < expected) is_gone_ = true;
  std::erase_if(changed, [&](const TrialRecord& trial) {
    const auto known = unfinished_.find(trial.number);
    return known != unfinished_.end() && known->second.same_as(trial) &&
           (known->second.announced || trial.state != TrialState::Running);
  });
  const std::size_t count = changed.size();
  take(std::move(changed), true);
  return count;
}

void LiveStudy::look_at_new() {
  while (true) {
    auto trials = storage_.trials(id_, next_, next_ + block_ - 1);
    if (trials.empty()) return;
    next_ = trials.back().number + 1;
    take(std::move(trials), true);
  }
}

/// Puts them into the table; what happened to them is told where they are news.
void LiveStudy::take(std::vector<TrialRecord> trials, bool are_news) {
  const TimePoint now = system_clock()();
  std::vector<std::pair<Json, std::uint64_t>> told;
  for (std::size_t begin = 0; begin < trials.size(); begin += kTrialsAtOnce) {
    const auto some =
        std::span(trials).subspan(begin).first(std::min(kTrialsAtOnce, trials.size() - begin));
    const auto lock = writing();
    ++revision_;
    for (const TrialRecord& trial : some) {
      const auto known = unfinished_.find(trial.number);
      std::optional<SeenTrial> before;
      if (known != unfinished_.end()) before = known->second;
      table_.put(trial);
      if (are_news) {
        Json event = trial_event(id_, facts_.spec.objectives, trial, before, now);
        if (!event.is_null()) told.emplace_back(std::move(event), revision_);
      }
      if (is_final(trial.state)) {
        if (known != unfinished_.end()) unfinished_.erase(known);
        continue;
      }
      SeenTrial seen_now = seen(trial);
      seen_now.announced = !are_news || !announces_later(trial, before);
      if (!seen_now.announced) wants_look_ = true;
      unfinished_.insert_or_assign(trial.number, seen_now);
    }
    if (!facts_.ours) facts_.spec.space = table_.space();
    summary_is_due_ = true;
  }
  const std::size_t first = told.size() - std::min(told.size(), kMostEventsAtOnce);
  for (std::size_t i = first; i < told.size(); ++i) {
    told[i].first["revision"] = told[i].second;
    events_.publish(id_, "trial", std::move(told[i].first));
  }
}

void LiveStudy::settle(Time now) {
  if (facts_are_due_ && now - facts_read_ >= kBetweenFacts) refresh_facts();
  if (!summary_is_due_ || now - published_ < kBetweenSummaries) return;
  Json data;
  {
    const auto lock = reading();
    data = {{"summary", summary_json(overview_held())},
            {"revision", revision_},
            {"loaded", loaded_held()}};
  }
  events_.publish(id_, "study", std::move(data));
  published_ = now;
  summary_is_due_ = false;
}

void LiveStudy::refresh_facts() {
  facts_are_due_ = false;
  facts_read_ = steady_clock::now();
  // A study that was deleted and made again under its name has the same id.
  if (next_ > 0 && storage_.trials(id_, next_ - 1, next_ - 1).empty()) is_gone_ = true;
  StatedAttributes attributes = stated_attributes(storage_, id_);
  if (attributes == attributes_) return;
  StudyFacts facts = read_facts(storage_, id_, attributes);
  if (facts.spec.name != facts_.spec.name) is_gone_ = true;
  attributes_ = std::move(attributes);
  const auto lock = writing();
  facts_ = std::move(facts);
  if (!facts_.ours) facts_.spec.space = table_.space();
  ++revision_;
  summary_is_due_ = true;
}

}  // namespace hypertune
