// Training of one network: epochs, metrics, divergence.
#include "train/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hypertune {
namespace {

constexpr std::size_t kEvaluationBatch = 256;

double infinite_if_nan(double loss) {
  return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
}

/// Minus the logarithm of the probability of `label`.
double cross_entropy(std::span<const float> logits, std::size_t label) {
  const double highest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest - logits[label];
}

std::int64_t batches(const Split& split, const TrainerOptions& options) {
  const auto n = static_cast<std::int64_t>(split.train.size());
  return (n + options.batch_size - 1) / options.batch_size;
}

}  // namespace

Training::Training(const TrainerOptions& options, const Dataset& data, const Split& split,
                   std::uint64_t seed)
    : options_(options),
      data_(data),
      split_(split),
      seed_(seed),
      network_(options, data.shape, static_cast<int>(data.classes.size()),
               Rng(seed).fork("weights")),
      optimizer_(options, network_.parameters().size()),
      schedule_(options, batches(split, options)) {}

EpochResult Training::run_epoch() {
  prepare_training_thread();
  const double train_loss = train_epoch();
  EpochResult result = evaluate();
  result.train_loss = infinite_if_nan(train_loss);
  result.diverged = result.diverged || !std::isfinite(train_loss);
  schedule_.end_epoch(result.val_loss);
  ++epoch_;
  return result;
}

double Training::train_epoch() {
  const std::string name = fmt::format("epoch/{}", epoch_);
  const auto n = static_cast<std::int64_t>(split_.train.size());
  std::vector<std::int64_t> order = random_subset(n, n, seed_, name);
  for (std::int64_t& i : order) i = split_.train[static_cast<std::size_t>(i)];
  Rng dropout = Rng(seed_).fork(name + "/dropout");
  double sum = 0;
  const auto batch_size = static_cast<std::size_t>(options_.batch_size);
  for (std::size_t begin = 0, batch = 0; begin < order.size(); begin += batch_size, ++batch) {
    gather(std::span(order).subspan(begin, std::min(batch_size, order.size() - begin)));
    const double loss = network_.train(samples_, labels_, dropout);
    if (!std::isfinite(loss)) return loss;
    optimizer_.step(network_.parameters(), network_.gradients(),
                    schedule_.rate(epoch_, static_cast<std::int64_t>(batch)));
    sum += loss * static_cast<double>(labels_.size());
  }
  return sum / static_cast<double>(n);
}

EpochResult Training::evaluate() {
  const std::size_t classes = data_.classes.size();
  const std::size_t n = split_.validation.size();
  EpochResult result;
  std::size_t right = 0;
  std::size_t of_class_0 = 0;
  for (std::size_t begin = 0; begin < n; begin += kEvaluationBatch) {
    gather(std::span(split_.validation).subspan(begin, std::min(kEvaluationBatch, n - begin)));
    const std::vector<float> logits = network_.logits(samples_);
    result.diverged =
        result.diverged || !std::ranges::all_of(logits, [](float x) { return std::isfinite(x); });
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto label = static_cast<std::size_t>(labels_[i]);
      const std::span row(logits.data() + i * classes, classes);
      right += std::ranges::max_element(row) - row.begin() == labels_[i];
      of_class_0 += label == 0;
      result.val_loss += cross_entropy(row, label);
    }
  }
  const auto total = static_cast<double>(n);
  result.val_loss = infinite_if_nan(result.val_loss / total);
  result.val_accuracy = static_cast<double>(result.diverged ? of_class_0 : right) / total;
  return result;
}

void Training::gather(std::span<const std::int64_t> chosen) {
  const auto size = static_cast<std::size_t>(data_.shape.size());
  samples_.resize(chosen.size() * size);
  labels_.resize(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::copy_n(data_.sample(chosen[i]), size, samples_.data() + i * size);
    labels_[i] = data_.labels[static_cast<std::size_t>(chosen[i])];
  }
}

}  // namespace hypertune
