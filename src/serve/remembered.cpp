// Answers that take long to compute, kept for those who ask for the same.
#include "serve/remembered.h"

#include <algorithm>

namespace hypertune {
namespace {

constexpr std::size_t kMostKept = 64;
/// How old an answer about an earlier revision may be, in times that it took to compute.
constexpr int kPatience = 4;
/// Nothing is kept longer: a study that was left and is read anew counts its revisions anew.
constexpr std::chrono::seconds kLongest{60};

}  // namespace

std::shared_ptr<Remembered::Entry> Remembered::entry(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  if (!kept_.contains(key) && kept_.size() >= kMostKept) {
    kept_.erase(
        std::ranges::min_element(kept_, {}, [](const auto& kept) { return kept.second.used; }));
  }
  Kept& kept = kept_[key];
  if (!kept.entry) kept.entry = std::make_shared<Entry>();
  kept.used = ++uses_;
  return kept.entry;
}

std::string Remembered::get(const std::string& key, std::uint64_t revision,
                            const std::function<std::string()>& compute) {
  const std::shared_ptr<Entry> found = entry(key);
  const std::scoped_lock lock(found->mutex);
  const auto began = clock_();
  const auto age = began - found->computed;
  const auto good_for = found->revision == revision ? std::chrono::steady_clock::duration(kLongest)
                                                    : std::min<std::chrono::steady_clock::duration>(
                                                          kPatience * found->took, kLongest);
  if (found->known && age < good_for) return found->answer;
  found->answer = compute();
  found->computed = clock_();
  found->took = found->computed - began;
  found->revision = revision;
  found->known = true;
  return found->answer;
}

}  // namespace hypertune
