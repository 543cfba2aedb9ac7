// The studies of a store as they are now.
#include "serve/live_studies.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include "hypertune/error.h"
#include "serve/http.h"
#include "serve/live_study.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

// A study is followed while somebody listens, or asked within this time.
constexpr milliseconds kAskedLately{10'000};
// How soon somebody who begins to listen is noticed while nothing is followed.
constexpr milliseconds kIdlePace{250};
// How long an answer waits for what it is computed from to be there, or to be up to date.
constexpr milliseconds kFirstPatience{5'000};
constexpr milliseconds kFreshPatience{500};
constexpr milliseconds kBetweenOverviews{1'000};
constexpr milliseconds kFirstRetry{100};
constexpr milliseconds kLastRetry{5'000};
// Looking at the store is to take no more than this part of the time.
constexpr int kLookShare = 3;
constexpr int kOverviewShare = 10;
// When a study changed last is looked for among so many of the trials that began last.
constexpr int kLastTrials = 32;

/// Growing pauses after failures.
struct Pause {
  std::string trouble = {};  ///< why; empty when all is well
  Time until = {};
  milliseconds length = kFirstRetry;

  void fail(const std::string& what) {
    trouble = what;
    until = steady_clock::now() + length;
    length = std::min(2 * length, kLastRetry);
  }
};

}  // namespace

struct LiveStudies::Inside {
  /// A study in memory.
  struct Kept {
    std::shared_ptr<LiveStudy> study;
    Time asked;
    Time looked = {};           // when it was found up to date
    std::string revision = {};  // of the store, when it was looked at
    Pause pause = {};
  };
  /// What is known of the studies that are not in memory.
  struct Listed {
    std::vector<StudyOverview> overviews;
    std::string revision;
    Time due = {};  // not to be read before
  };

  Inside(std::shared_ptr<Storage> store, LiveOptions o) : storage(std::move(store)), options(o) {}

  std::shared_ptr<LiveStudy> kept(StudyId study);
  void await_fresh(StudyId study, Time since);
  std::map<StudyId, std::string> names();
  StudyOverview read_overview(StudyId study, const std::string& name) const;
  std::vector<StudyOverview> overviews();

  void follow(const std::stop_token& stop);
  Time work();
  bool is_followed(const Kept& entry, Time now) const;
  bool load(Kept& entry);
  void look();
  void look(Kept& entry, const std::string& revision, bool thorough);
  void look_at_list(const std::string& revision);
  void publish_list(const std::vector<StudyOverview>& before);
  void drop(Time now);
  std::vector<StudyId> ids();
  Kept& kept_entry(StudyId study);

  const std::shared_ptr<Storage> storage;
  const LiveOptions options;
  Events events;

  std::mutex making;   // held while a study is read for the first time
  std::mutex listing;  // guards the next three
  Listed listed;
  std::map<StudyId, std::string> known_names;
  std::string names_revision;

  mutable std::mutex mutex;           // guards what follows
  std::condition_variable_any wake;   // for the following thread
  std::condition_variable_any fresh;  // after each look
  std::map<StudyId, Kept> studies;    // a Kept but for `asked` is written by that thread alone
  Pause store_pause;
  bool wakes = false;        // something is to be done at once
  bool is_hastened = false;  // this process wrote something
  Time list_asked = {};

  // The following thread's own.
  Time next_look = {};
  Time next_list = {};
  std::string list_revision;
  std::jthread follower;  // the last member: it ends before the others
};

// --- Asking ---

std::shared_ptr<LiveStudy> LiveStudies::Inside::kept(StudyId study) {
  const auto find = [&]() -> std::shared_ptr<LiveStudy> {
    const std::scoped_lock lock(mutex);
    const auto found = studies.find(study);
    if (found == studies.end()) return nullptr;
    found->second.asked = steady_clock::now();
    return found->second.study;
  };
  if (auto known = find()) return known;
  const std::scoped_lock alone(making);
  if (auto known = find()) return known;
  if (!names().contains(study)) {
    throw HttpError{404, "there is no study with id " + std::to_string(study) +
                             "; GET /api/studies lists those that there are"};
  }
  auto made = std::make_shared<LiveStudy>(*storage, study, events);
  {
    const std::scoped_lock lock(mutex);
    studies.emplace(study, Kept{.study = made, .asked = steady_clock::now()});
    wakes = true;
  }
  wake.notify_all();
  return made;
}

/// Waits until the study was looked at since, unless it is followed anyway or cannot be.
void LiveStudies::Inside::await_fresh(StudyId study, Time since) {
  std::unique_lock lock(mutex);
  const auto is_fresh = [&] {
    const auto found = studies.find(study);
    return found == studies.end() || !found->second.study->is_loaded() ||
           !found->second.pause.trouble.empty() || !store_pause.trouble.empty() ||
           found->second.looked + 2 * options.pace >= since;
  };
  if (is_fresh()) return;
  wakes = true;
  wake.notify_all();
  fresh.wait_for(lock, kFreshPatience, is_fresh);
}

/// By id. Read anew when the store changed.
std::map<StudyId, std::string> LiveStudies::Inside::names() {
  std::string revision = storage->revision();
  const std::scoped_lock lock(listing);
  if (revision == names_revision) return known_names;
  std::map<StudyId, std::string> found;
  for (const std::string& name : storage->study_names()) {
    if (const auto id = storage->find_study(name)) found.emplace(*id, name);
  }
  known_names = found;
  names_revision = std::move(revision);
  return found;
}

StudyOverview LiveStudies::Inside::read_overview(StudyId study, const std::string& name) const {
  StudyOverview overview{.id = study, .counts = storage->counts(study)};
  const StatedAttributes attributes = stated_attributes(*storage, study);
  const StudyFacts facts = read_facts(*storage, study, attributes);
  overview.spec.name = name;
  overview.spec.objectives = facts.spec.objectives;
  overview.ours = facts.ours;
  overview.stopped = facts.stopped;
  overview.best = storage->best_trial(study);
  const auto note = [&](const TrialRecord& trial) {
    for (const auto& time : {trial.started, trial.ended}) {
      if (time) overview.changed = std::max(overview.changed.value_or(*time), *time);
    }
  };
  for (const TrialRecord& first : storage->trials(study, 0, 0)) {
    overview.started = first.started;
    note(first);
  }
  // As a rule trials begin in order, and those that wait come last.
  const int begun = overview.counts.total() - overview.counts.waiting;
  for (const TrialRecord& trial :
       storage->trials(study, std::max(0, begun - kLastTrials), begun - 1)) {
    note(trial);
  }
  return overview;
}

std::vector<StudyOverview> LiveStudies::Inside::overviews() {
  const Time now = steady_clock::now();
  {
    const std::scoped_lock lock(mutex);
    list_asked = now;
  }
  const auto all = names();
  std::map<StudyId, std::shared_ptr<LiveStudy>> loaded;
  {
    const std::scoped_lock lock(mutex);
    for (const auto& [id, entry] : studies) {
      if (entry.study->is_loaded() && is_followed(entry, now)) loaded.emplace(id, entry.study);
    }
  }
  const std::string revision = storage->revision();
  const std::scoped_lock lock(listing);
  const bool keeps = revision == listed.revision || now < listed.due;
  std::vector<StudyOverview> result;
  for (const auto& [id, name] : all) {
    const auto live = loaded.find(id);
    const auto old = std::ranges::find(listed.overviews, id, &StudyOverview::id);
    if (live != loaded.end()) {
      result.push_back(live->second->overview());
    } else if (keeps && old != listed.overviews.end()) {
      result.push_back(*old);
    } else {
      result.push_back(read_overview(id, name));
    }
  }
  listed.overviews = result;
  if (!keeps) {
    const Time end = steady_clock::now();
    listed.revision = revision;
    listed.due =
        end + std::max<steady_clock::duration>(kBetweenOverviews, kOverviewShare * (end - now));
  }
  return result;
}

// --- Following ---

void LiveStudies::Inside::follow(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Time next = work();
    std::unique_lock lock(mutex);
    wake.wait_until(lock, stop, next, [&] { return wakes; });
  }
}

/// With the mutex held.
bool LiveStudies::Inside::is_followed(const Kept& entry, Time now) const {
  return now - entry.asked < kAskedLately || events.listened_to(entry.study->id(), kAskedLately) ||
         events.listened_to(std::nullopt, kAskedLately);
}

std::vector<StudyId> LiveStudies::Inside::ids() {
  const std::scoped_lock lock(mutex);
  std::vector<StudyId> all;
  for (const auto& [id, entry] : studies) all.push_back(id);
  return all;
}

/// A reference that lasts: only the following thread, which asks, erases entries.
LiveStudies::Inside::Kept& LiveStudies::Inside::kept_entry(StudyId study) {
  const std::scoped_lock lock(mutex);
  return studies.at(study);
}

/// Does what is due; returns when more is.
Time LiveStudies::Inside::work() {
  drop(steady_clock::now());
  Time next = steady_clock::now() + kIdlePace;
  for (const StudyId id : ids()) {
    Kept& entry = kept_entry(id);
    if (!entry.study->is_loaded()) next = std::min(next, load(entry) ? Time{} : entry.pause.until);
  }
  const Time now = steady_clock::now();
  bool is_watched = false;
  bool is_due = now >= next_look;
  {
    const std::scoped_lock lock(mutex);
    is_due |= std::exchange(wakes, false);
    is_watched = now - list_asked < kAskedLately || events.listened_to({}, kAskedLately);
    for (const auto& [id, entry] : studies) is_watched |= is_followed(entry, now);
  }
  if (is_due && now >= store_pause.until) look();
  return is_watched ? std::min(next, std::max(next_look, store_pause.until)) : next;
}

/// False when the study cannot be read at present.
bool LiveStudies::Inside::load(Kept& entry) {
  if (steady_clock::now() < entry.pause.until) return false;
  try {
    entry.study->load_block();
    entry.study->settle(steady_clock::now());
    const std::scoped_lock lock(mutex);
    entry.pause = {};
    return true;
  } catch (const std::exception& e) {
    entry.study->failed(e.what());
    const std::scoped_lock lock(mutex);
    entry.pause.fail(e.what());
    return false;
  }
}

void LiveStudies::Inside::look() {
  const Time begin = steady_clock::now();
  bool thorough = false;
  {
    const std::scoped_lock lock(mutex);
    thorough = std::exchange(is_hastened, false);
  }
  try {
    const std::string revision = storage->revision();
    for (const StudyId id : ids()) {
      Kept& entry = kept_entry(id);
      bool is_wanted = entry.study->is_loaded();
      {
        const std::scoped_lock lock(mutex);
        is_wanted = is_wanted && is_followed(entry, begin);
      }
      if (is_wanted) look(entry, revision, thorough);
    }
    look_at_list(revision);
    const std::scoped_lock lock(mutex);
    store_pause = {};
  } catch (const std::exception& e) {
    const std::scoped_lock lock(mutex);
    store_pause.fail(e.what());
  }
  fresh.notify_all();
  const Time end = steady_clock::now();
  next_look = std::max(begin + options.pace, end + (kLookShare - 1) * (end - begin));
}

void LiveStudies::Inside::look(Kept& entry, const std::string& revision, bool thorough) {
  const Time now = steady_clock::now();
  if (now < entry.pause.until) return;
  try {
    if (thorough || revision != entry.revision || entry.study->wants_look(now)) {
      entry.study->look(thorough);
    }
    entry.study->settle(now);
    const std::scoped_lock lock(mutex);
    entry.revision = revision;
    entry.looked = now;
    entry.pause = {};
  } catch (const std::exception& e) {
    const std::scoped_lock lock(mutex);
    entry.pause.fail(e.what());
  }
}

/// Studies that came or went, and, while the list is looked at, what changed of those that are not
/// in memory.
void LiveStudies::Inside::look_at_list(const std::string& revision) {
  const Time now = steady_clock::now();
  if (now < next_list || revision == list_revision) return;
  std::map<StudyId, std::string> before;
  std::vector<StudyOverview> overviews_before;
  {
    const std::scoped_lock lock(listing);
    before = known_names;
    overviews_before = listed.overviews;
  }
  const auto all = names();
  std::set<StudyId> gone;
  for (const StudyId id : ids()) {
    const auto found = all.find(id);
    if (found == all.end() || kept_entry(id).study->is_gone()) gone.insert(id);
  }
  {
    const std::scoped_lock lock(mutex);
    for (const StudyId id : gone) studies.erase(id);
  }
  if (before != all || !gone.empty()) {
    Json numbers = Json::array();
    for (const auto& [id, name] : all) numbers.push_back(id);
    events.publish(0, "studies", {{"studies", std::move(numbers)}});
  }
  if (events.listened_to(std::nullopt, kAskedLately) && !overviews_before.empty()) {
    publish_list(overviews_before);
  }
  list_revision = revision;
  const Time end = steady_clock::now();
  next_list =
      end + std::max<steady_clock::duration>(kBetweenOverviews, kOverviewShare * (end - now));
}

void LiveStudies::Inside::publish_list(const std::vector<StudyOverview>& before) {
  for (const StudyOverview& overview : overviews()) {
    {
      const std::scoped_lock lock(mutex);
      if (studies.contains(overview.id)) continue;  // publishes its own
    }
    const auto old = std::ranges::find(before, overview.id, &StudyOverview::id);
    Json summary = summary_json(overview);
    if (old == before.end() || summary_json(*old) == summary) continue;
    events.publish(overview.id, "study",
                   {{"summary", std::move(summary)}, {"revision", 0}, {"loaded", 0}});
  }
}

void LiveStudies::Inside::drop(Time now) {
  const std::scoped_lock lock(mutex);
  std::erase_if(studies, [&](const auto& entry) {
    const Kept& kept = entry.second;
    // What is being read is waited for.
    const bool is_settled = kept.study->is_loaded() || !kept.pause.trouble.empty();
    return is_settled && now - kept.asked > options.kept &&
           !events.listened_to(entry.first, options.kept);
  });
}

// --- What others see ---

LiveStudies::LiveStudies(std::shared_ptr<Storage> storage, LiveOptions options)
    : inside_(std::make_unique<Inside>(std::move(storage), options)) {
  inside_->follower =
      std::jthread([inside = inside_.get()](const std::stop_token& stop) { inside->follow(stop); });
}

LiveStudies::~LiveStudies() = default;

std::vector<StudyOverview> LiveStudies::overviews() { return inside_->overviews(); }

bool LiveStudies::has(StudyId study) {
  {
    const std::scoped_lock lock(inside_->mutex);
    if (inside_->studies.contains(study)) return true;
  }
  return inside_->names().contains(study);
}

void LiveStudies::read(StudyId study, const std::function<void(const Reading&)>& use) {
  const Time now = steady_clock::now();
  const auto kept = inside_->kept(study);
  kept->await_first(kFirstPatience);
  inside_->await_fresh(study, now);
  kept->read(use);
}

void LiveStudies::await_loaded(StudyId study, milliseconds patience) {
  inside_->kept(study)->await_loaded(patience);
}

std::optional<TrialRecord> LiveStudies::trial(StudyId study, int number) const {
  if (!inside_->names().contains(study)) return std::nullopt;
  auto found = inside_->storage->trials(study, number, number);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Events& LiveStudies::events() { return inside_->events; }

Storage& LiveStudies::storage() const { return *inside_->storage; }

void LiveStudies::hasten() {
  {
    const std::scoped_lock lock(inside_->mutex);
    inside_->is_hastened = inside_->wakes = true;
  }
  inside_->wake.notify_all();
}

std::string LiveStudies::trouble() const {
  const std::scoped_lock lock(inside_->mutex);
  if (!inside_->store_pause.trouble.empty()) return inside_->store_pause.trouble;
  for (const auto& [id, entry] : inside_->studies) {
    if (!entry.pause.trouble.empty()) return entry.pause.trouble;
  }
  return "";
}

}  // namespace hypertune
