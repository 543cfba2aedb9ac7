// What happened lately, in order, for those who listen.
#include "serve/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace hypertune {
namespace {

// Who listens names a study, which may be made up; so many are remembered.
constexpr std::size_t kMostListenedTo = 256;

}  // namespace

Events::Events() : epoch_(fmt::format("{:x}", system_clock()().time_since_epoch().count())) {}

void Events::publish(StudyId study, std::string kind, Json data) {
  {
    const std::scoped_lock lock(mutex_);
    kept_.push_back({++last_, study, std::move(kind), std::move(data)});
    if (kept_.size() > kKeptEvents) kept_.pop_front();
  }
  came_.notify_all();
}

std::string Events::place(std::uint64_t id) const { return fmt::format("{}-{}", epoch_, id); }

std::optional<std::uint64_t> Events::id_of(std::string_view place) const {
  if (!place.starts_with(epoch_) || place.size() <= epoch_.size() || place[epoch_.size()] != '-') {
    return std::nullopt;
  }
  const std::string_view digits = place.substr(epoch_.size() + 1);
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  if (id > last_ || is_forgotten(id)) return std::nullopt;
  return id;
}

std::uint64_t Events::last_id() const {
  const std::scoped_lock lock(mutex_);
  return last_;
}

std::vector<LiveEvent> Events::after(std::uint64_t id, std::optional<StudyId> study,
                                     std::size_t limit, std::chrono::milliseconds patience,
                                     std::stop_token stop) const {
  const Time deadline = std::chrono::steady_clock::now() + patience;
  std::vector<LiveEvent> found;
  std::unique_lock lock(mutex_);
  note_listener(study, deadline);
  std::uint64_t seen = id;
  const auto look = [&] {
    if (is_forgotten(id)) return true;
    const std::uint64_t first = last_ - kept_.size() + 1;
    for (seen = std::max(seen + 1, first); seen <= last_ && found.size() < limit; ++seen) {
      const LiveEvent& event = kept_[seen - first];
      if (!study || event.study == *study || event.study == 0) found.push_back(event);
    }
    --seen;
    return !found.empty();
  };
  came_.wait_until(lock, stop, deadline, look);
  note_listener(study, std::chrono::steady_clock::now());
  return found;
}

bool Events::listened_to(std::optional<StudyId> study, std::chrono::milliseconds lately) const {
  const Time since = std::chrono::steady_clock::now() - lately;
  const std::scoped_lock lock(mutex_);
  const auto found = listened_.find(study.value_or(0));
  return found != listened_.end() && found->second >= since;
}

void Events::note_listener(std::optional<StudyId> study, Time until) const {
  if (listened_.size() >= kMostListenedTo) {
    std::erase_if(listened_, [now = std::chrono::steady_clock::now()](const auto& entry) {
      return entry.second < now;
    });
  }
  // Of several listeners the one that stays longest counts; who came back is about to ask again.
  Time& known = listened_[study.value_or(0)];
  known = std::max(known, until);
}

}  // namespace hypertune
