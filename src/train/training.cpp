// Training of one network: epochs, metrics, divergence, checkpoints.
#include "train/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cfenv>
#include <cmath>
#include <limits>
#include <map>

#include "base/sha256.h"
#include "hypertune/error.h"
#include "train/network_facts.h"

namespace hypertune {
namespace {

/// Samples that are gathered at once for evaluation: a network cuts them as suits it.
constexpr std::size_t kEvaluationBlock = 1024;

double infinite_if_nan(double loss) {
  return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
}

bool all_finite(std::span<const float> numbers) {
  return std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); });
}

/// Minus the logarithm of the probability of `label`.
double cross_entropy(std::span<const float> logits, std::size_t label) {
  const double highest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest - logits[label];
}

std::int64_t batches(const Split& split, const TrainerOptions& options) {
  return (std::ssize(split.train) + options.batch_size - 1) / options.batch_size;
}

/// A network takes memory for a whole batch: no more than there are samples.
std::unique_ptr<Network> network_for(TrainerOptions options, const Dataset& data,
                                     const Split& split, std::uint64_t seed) {
  options.batch_size = std::min(options.batch_size, std::int64_t{std::ssize(split.train)});
  return make_network(options, data.shape, static_cast<int>(data.classes.size()),
                      Rng(seed).fork("weights"));
}

/// Networks make their thread flush denormal numbers to zero. What else it computes, such as a
/// sampler's densities, must not depend on whether it trained before: restores the modes.
class FloatingPointModes {
 public:
  FloatingPointModes() { std::fegetenv(&modes_); }
  ~FloatingPointModes() { std::fesetenv(&modes_); }
  FloatingPointModes(const FloatingPointModes&) = delete;
  FloatingPointModes& operator=(const FloatingPointModes&) = delete;

 private:
  std::fenv_t modes_;
};

OptimizerOptions optimizer_options(const TrainerOptions& options) {
  static const std::map<std::string_view, OptimizerRule> rules = {
      {"sgd", OptimizerRule::Sgd},           {"momentum", OptimizerRule::Momentum},
      {"nesterov", OptimizerRule::Nesterov}, {"adam", OptimizerRule::Adam},
      {"adamw", OptimizerRule::AdamW},       {"rmsprop", OptimizerRule::RmsProp}};
  return {.rule = rules.at(options.optimizer),
          .momentum = options.momentum,
          .weight_decay = options.weight_decay};
}

ScheduleOptions schedule_options(const TrainerOptions& options) {
  static const std::map<std::string_view, ScheduleKind> kinds = {
      {"none", ScheduleKind::None},
      {"step", ScheduleKind::Step},
      {"cosine", ScheduleKind::Cosine},
      {"plateau", ScheduleKind::Plateau},
      {"one-cycle", ScheduleKind::OneCycle}};
  return {.kind = kinds.at(options.schedule),
          .learning_rate = options.learning_rate,
          .period = options.schedule_epochs,
          .factor = options.schedule_factor,
          .epochs = options.epochs};
}

std::string checksum(std::span<const std::int64_t> numbers) {
  return sha256({reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
}

std::vector<float> copy_of(std::span<const float> numbers) {
  return {numbers.begin(), numbers.end()};
}

/// Facts of an identity in which a training may differ from the one that it inherits from; all
/// others say what the weights mean, or what they were trained on.
constexpr std::array<std::string_view, 12> kOwnFacts = {
    "seed",     "optimizer",       "learning_rate",   "momentum",   "weight_decay", "dropout",
    "schedule", "schedule_epochs", "schedule_factor", "batch_size", "epochs",       "patience"};

/// Throws ConfigError that names the first fact in which the two differ, `except` these.
void require_same_identity(const Json& stored, const Json& wanted,
                           std::span<const std::string_view> except = {}) {
  Json both = stored;
  both.update(wanted);
  for (const auto& [name, value] : both.items()) {
    if (std::ranges::find(except, name) != except.end()) continue;
    const Json before = stored.value(name, Json());
    const Json now = wanted.value(name, Json());
    if (before == now) continue;
    throw ConfigError(fmt::format(
        "the checkpoint is that of another training: there {} is {}, here it is {}; begin the "
        "training anew, or use the checkpoint with the options it was made with",
        name, dump_json(before), dump_json(now)));
  }
}

}  // namespace

Training::Training(const TrainerOptions& options, const Dataset& data, const Split& split,
                   std::uint64_t seed)
    : options_(options),
      data_(data),
      split_(split),
      seed_(seed),
      network_(network_for(options, data, split, seed)),
      optimizer_(optimizer_options(options), network_->parameters().size(),
                 kernels_for(chosen_isa())),
      schedule_(schedule_options(options), batches(split, options)) {}

EpochResult Training::run_epoch() {
  const FloatingPointModes restored_at_end;
  network_->prepare_thread();
  const double train_loss = train_epoch();
  last_ = evaluate();
  last_.train_loss = infinite_if_nan(train_loss);
  last_.diverged = last_.diverged || !std::isfinite(train_loss) || !has_finite_state();
  schedule_.end_epoch(last_.val_loss);
  ++epoch_;
  if (last_.val_loss < best_val_loss_) {
    best_val_loss_ = last_.val_loss;
    epochs_since_best_ = 0;
  } else {
    ++epochs_since_best_;
  }
  return last_;
}

bool Training::finished() const {
  const bool is_stopped_early = options_.patience > 0 && epochs_since_best_ >= options_.patience;
  return epoch_ >= options_.epochs || last_.diverged || is_stopped_early;
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
    const double loss = network_->train(samples_, labels_, dropout);
    if (!std::isfinite(loss)) return loss;
    optimizer_.step(network_->parameters(), network_->gradients(),
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
  for (std::size_t begin = 0; begin < n; begin += kEvaluationBlock) {
    gather(std::span(split_.validation).subspan(begin, std::min(kEvaluationBlock, n - begin)));
    logits_.resize(labels_.size() * classes);
    network_->evaluate(samples_, logits_);
    result.diverged = result.diverged || !all_finite(logits_);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto label = static_cast<std::size_t>(labels_[i]);
      const std::span<const float> row(logits_.data() + i * classes, classes);
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

/// An infinite weight need not show in the outputs: ReLU makes 0 of minus infinity.
bool Training::has_finite_state() const {
  return all_finite(network_->parameters()) && all_finite(network_->statistics());
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

Json Training::identity() const {
  Json json = {{"backend", backend_facts(options_).at("backend")},
               {"seed", seed_},
               {"shape", {data_.shape.height, data_.shape.width, data_.shape.channels}},
               {"classes", data_.classes.size()},
               {"data", data_.name},
               {"data_sha256", data_.sha256},
               {"train_samples_sha256", checksum(split_.train)},
               {"validation_samples_sha256", checksum(split_.validation)}};
  for (const TrainerOption& option : trainer_options()) {
    if (option.per_trial) json[std::string(option.name)] = to_json(options_.get(option.name));
  }
  return json;
}

std::string Training::checkpoint() const {
  return encode({.identity = identity(),
                 .epochs = epoch_,
                 .last = last_,
                 .best_val_loss = best_val_loss_,
                 .epochs_since_best = epochs_since_best_,
                 .schedule = schedule_.state(),
                 .optimizer_steps = optimizer_.steps(),
                 .parameters = copy_of(network_->parameters()),
                 .statistics = copy_of(network_->statistics()),
                 .first_moments = copy_of(optimizer_.first()),
                 .second_moments = copy_of(optimizer_.second())});
}

void Training::restore(std::string_view bytes) {
  const Checkpoint stored = decode(bytes);
  require_same_identity(stored.identity, identity());
  take(stored, true);
}

void Training::inherit(std::string_view bytes) {
  const Checkpoint stored = decode(bytes);
  const Json own = identity();
  require_same_identity(stored.identity, own, kOwnFacts);
  take(stored, stored.identity.at("optimizer") == own.at("optimizer"));
}

void Training::take(const Checkpoint& stored, bool with_optimizer) {
  const bool same_memory = stored.first_moments.size() == optimizer_.first().size() &&
                           stored.second_moments.size() == optimizer_.second().size();
  if (stored.parameters.size() != network_->parameters().size() ||
      stored.statistics.size() != network_->statistics().size() ||
      (with_optimizer && !same_memory)) {
    throw ConfigError(
        "the checkpoint is that of a network laid out otherwise, by another version of the "
        "program; begin the training anew");
  }
  epoch_ = stored.epochs;
  last_ = stored.last;
  best_val_loss_ = stored.best_val_loss;
  epochs_since_best_ = stored.epochs_since_best;
  schedule_.restore(stored.schedule);
  if (with_optimizer)
    optimizer_.restore(stored.optimizer_steps, stored.first_moments, stored.second_moments);
  std::ranges::copy(stored.parameters, network_->parameters().begin());
  std::ranges::copy(stored.statistics, network_->statistics().begin());
}

}  // namespace hypertune
