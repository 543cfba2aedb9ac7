// Subsets of a data set, and its division into training and validation samples.
#include "train/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "hypertune/error.h"
#include "hypertune/rng.h"

namespace hypertune {
namespace {

constexpr std::string_view kPurpose = "split";  ///< of the random numbers

Split split_by_user(const Dataset& data, double share, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(data.users.size());
  if (n == 0) {
    throw ConfigError(fmt::format(
        "split = \"by-user\": the data set {} has no users; use split = \"random\"", data.name));
  }
  if (n == 1)
    throw ConfigError("split = \"by-user\" needs two users at least; use split = \"random\"");
  // A share of 0.2 of ten users is two, whatever 0.2 * 10 is in binary.
  const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(n) - 1e-9));
  std::vector<std::int64_t> users =
      random_subset(n, std::clamp<std::int64_t>(wanted, 1, n - 1), seed, kPurpose);
  std::ranges::sort(users);
  Split split;
  for (const std::int64_t user : users)
    split.held_out.push_back(data.users[static_cast<std::size_t>(user)]);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const bool held_out =
        std::ranges::binary_search(users, data.user_of[static_cast<std::size_t>(i)]);
    (held_out ? split.validation : split.train).push_back(i);
  }
  return split;
}

Split split_at_random(const Dataset& data, double share, std::uint64_t seed) {
  const std::int64_t n = data.size();
  if (n < 2) throw ConfigError(fmt::format("the data set {} has fewer than 2 samples", data.name));
  const std::int64_t held_out =
      std::clamp<std::int64_t>(std::llround(share * static_cast<double>(n)), 1, n - 1);
  const std::vector<std::int64_t> order = random_subset(n, n, seed, kPurpose);
  Split split;
  split.validation.assign(order.begin(), order.begin() + held_out);
  split.train.assign(order.begin() + held_out, order.end());
  std::ranges::sort(split.validation);
  std::ranges::sort(split.train);
  return split;
}

}  // namespace

std::vector<std::int64_t> random_subset(std::int64_t n, std::int64_t count, std::uint64_t seed,
                                        std::string_view purpose) {
  HT_ASSERT(count <= n);
  Rng rng = Rng(seed).fork(purpose);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    std::swap(numbers[i], numbers[i + rng.below(numbers.size() - i)]);
  numbers.resize(static_cast<std::size_t>(count));
  return numbers;
}

Dataset subset(const Dataset& data, const Selection& selection) {
  if (selection.max_samples == 0 || selection.max_samples >= data.size()) return data;
  std::vector<std::int64_t> chosen =
      random_subset(data.size(), selection.max_samples, selection.seed, "subset");
  std::ranges::sort(chosen);
  Dataset part = data;
  part.values.clear();
  part.labels.clear();
  part.user_of.clear();
  for (const std::int64_t i : chosen) {
    const auto at = static_cast<std::size_t>(i);
    part.values.insert(part.values.end(), data.sample(i), data.sample(i) + data.shape.size());
    part.labels.push_back(data.labels[at]);
    if (!data.user_of.empty()) part.user_of.push_back(data.user_of[at]);
  }
  part.note += fmt::format("; random subset of {} of {} samples", part.size(), data.size());
  return part;
}

Split split_dataset(const Dataset& data, const TrainerOptions& options, std::uint64_t seed) {
  Split split = options.split == "by-user" ? split_by_user(data, options.validation_share, seed)
                                           : split_at_random(data, options.validation_share, seed);
  if (split.train.empty() || split.validation.empty())
    throw ConfigError(fmt::format("the {} samples of {} leave none to {}; use more", data.size(),
                                  data.name, split.train.empty() ? "train on" : "validate on"));
  return split;
}

}  // namespace hypertune
