// Exchanging kernels of Parzen estimators. Few others feel it: along an axis the neighbors.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/assert.h"
#include "math/parzen.h"
#include "math/parzen_bounds.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

/// Moves n values, of which those at the end are lost or stay.
template <typename T>
void move_values(T* row, std::size_t from, std::size_t to, std::size_t n) {
  std::memmove(row + to, row + from, n * sizeof(T));
}

/// Of n numbers those from k on change.
HT_VECTOR_CLONES
void renumber(std::uint32_t* order, std::size_t n, std::uint32_t k, std::uint32_t by) {
  for (std::size_t i = 0; i < n; ++i) order[i] += order[i] >= k ? by : 0;
}

/// Where observation k is, or belongs, in the order of an axis.
std::size_t place_of(std::span<const std::uint32_t> order, std::span<const double> at,
                     std::size_t k) {
  const auto before = [&](std::uint32_t other) {
    return at[other] < at[k] || (at[other] == at[k] && other < k);
  };
  return static_cast<std::size_t>(std::ranges::partition_point(order, before) - order.begin());
}

}  // namespace

bool ParzenMixture::can_become(std::size_t observations) const {
  const bool narrow = 1 / static_cast<double>(observations + 2) <= kLeastShare;
  return knows_narrow() && narrow && observations + 1 <= stride_;
}

void ParzenMixture::find_order() {
  for (Number& number : numbers_) {
    if (!number.order.empty()) return;
    const std::span<const double> at = means(number.axis);
    number.order.reserve(stride_);
    number.order.resize(count_ - 1);
    std::iota(number.order.begin(), number.order.end(), 0U);
    std::ranges::stable_sort(number.order, {}, [&](std::uint32_t k) { return at[k]; });
  }
}

/// The kernels from `from` on, the prior included, to `to`.
void ParzenMixture::move(std::size_t from, std::size_t to) {
  const std::size_t n = count_ - from;
  const std::size_t axes = axes_.size();
  for (std::size_t i = 0; i <= 2 * axes; ++i) {
    move_values(row(i).data(), from, to, n);
    move_values(single_row(i), from, to, n);
  }
  move_values(constants_.data(), from, to, n);
  for (Steps& steps : steps_) {
    if (steps.cells.empty()) continue;
    steps.cells.resize(std::max(count_, to + n));
    move_values(steps.cells.data(), from, to, n);
    steps.cells.resize(to + n);
  }
  count_ = to + n;
}

/// The observation at `place` in the order of an axis, if it is there.
void ParzenMixture::rescale(const Number& number, std::size_t place,
                            std::vector<std::size_t>& touched) {
  if (place >= number.order.size()) return;
  const std::span<const double> at = means(number.axis);
  const std::size_t k = number.order[place];
  double gap = 0;
  if (place > 0) gap = at[k] - at[number.order[place - 1]];
  if (place + 1 < number.order.size()) gap = std::max(gap, at[number.order[place + 1]] - at[k]);
  double& scale = scales(number.axis)[k];
  const double before = scale;
  scale = is_wide_gap(gap, number.narrowest) ? kScale / std::min(gap, number.high - number.low)
                                             : number.largest;
  scale = std::min(scale, number.largest);
  if (scale != before) touched.push_back(k);
}

/// What follows from the means and scales of a kernel.
void ParzenMixture::refresh(std::size_t kernel) {
  constants_[kernel] = constant_of(kernel);
  for (Steps& steps : steps_) {
    if (!steps.cells.empty()) find_cells(steps, kernel, 1);
  }
  fill_single(kernel, 1);
}

void ParzenMixture::erase(std::size_t k) {
  HT_ASSERT(k + 1 < count_ && knows_narrow());
  find_order();
  std::vector<std::size_t> places;
  for (Number& number : numbers_) {
    places.push_back(place_of(number.order, means(number.axis), k));
    number.order.erase(number.order.begin() + static_cast<std::ptrdiff_t>(places.back()));
    renumber(number.order.data(), number.order.size(), static_cast<std::uint32_t>(k), ~0U);
  }
  move(k + 1, k);
  // As behind all others.
  for (std::size_t i = 0; i <= 2 * axes_.size(); ++i) row(i)[count_] = 0;
  constants_[count_] = 0;
  for (std::size_t i = 0; i < 2 * axes_.size(); ++i) single_row(i)[count_] = 0;
  constexpr float kNothing = -1e30F;
  single_row(2 * axes_.size())[count_] = kNothing;

  std::vector<std::size_t> touched;
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    if (places[i] > 0) rescale(numbers_[i], places[i] - 1, touched);
    rescale(numbers_[i], places[i], touched);
  }
  for (const std::size_t kernel : touched) refresh(kernel);
}

void ParzenMixture::insert(std::size_t k, std::span<const double> row) {
  HT_ASSERT(k < count_ && count_ < stride_ && knows_narrow() && row.size() == axes_.size() + 1);
  find_order();
  move(k, k + 1);
  for (std::size_t d = 0; d < row.size(); ++d) this->row(d)[k] = row[d];
  std::vector<std::size_t> touched = {k};
  for (Number& number : numbers_) {
    std::vector<std::uint32_t>& order = number.order;
    const auto added = static_cast<std::uint32_t>(k);
    if (k + 2 < count_) renumber(order.data(), order.size(), added, 1);
    const std::size_t i = place_of(order, means(number.axis), k);
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(i), added);
    if (i > 0) rescale(number, i - 1, touched);
    rescale(number, i, touched);
    rescale(number, i + 1, touched);
  }
  for (const std::size_t kernel : touched) refresh(kernel);
}

}  // namespace hypertune
