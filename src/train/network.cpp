// A convolutional network on LibTorch. The one file that includes its headers.
//
// What makes it faster than the usual loop: tensors in channels-last order (sequences as images of
// height 1), pooling before a monotonic activation (same result, fewer values), parameters and
// gradients as views of two flat vectors, and a classifier that is a 1 x 1 convolution, so that
// all matrix products are oneDNN's.
#include "train/network.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <array>
#include <cmath>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::int64_t kAlignment = 16;  ///< floats; each tensor begins on a cache line
constexpr std::int64_t kMaxParameters = 500'000'000;
constexpr double kBatchNormMomentum = 0.1;
constexpr double kBatchNormEpsilon = 1e-5;
constexpr double kLeakySlope = 0.01;

std::int64_t aligned(std::int64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

struct BatchNorm {
  at::Tensor scale, shift;  ///< views of the parameters
  at::Tensor mean, variance;
};

struct Layer {
  at::Tensor weight;  ///< [out, in, rows, columns], channels last
  at::Tensor bias;    ///< undefined when there is none
  std::optional<BatchNorm> norm;
};

/// A convolution and what follows it directly.
struct LayerPlan {
  std::string name;
  std::array<std::int64_t, 4> sizes;  ///< of the weights: out, in, rows, columns
  bool normed;                        ///< batch normalization in place of a bias

  std::int64_t inputs() const { return sizes[1] * sizes[2] * sizes[3]; }
  std::int64_t parameters() const { return sizes[0] * (inputs() + (normed ? 2 : 1)); }
};

/// The blocks, then the classifier.
std::vector<LayerPlan> plan_layers(const TrainerOptions& options, const SampleShape& input,
                                   int classes) {
  const bool sequence = input.height == 1;
  std::int64_t height = input.height;
  std::int64_t width = input.width;
  std::int64_t channels = input.channels;
  std::vector<LayerPlan> layers;
  for (const std::int64_t out : options.channels) {
    layers.push_back({fmt::format("block{}", layers.size() + 1),
                      {out, channels, sequence ? 1 : options.kernel, options.kernel},
                      options.batch_norm});
    channels = out;
    if (!sequence) height /= options.pool;
    width /= options.pool;
    if (height == 0 || width == 0) {
      throw ConfigError(fmt::format(
          "nothing is left of the input after {} of {} blocks: it has {} positions and each block "
          "pools by {}; use fewer channels entries or a smaller pool",
          layers.size(), options.channels.size(),
          sequence ? fmt::format("{}", input.width)
                   : fmt::format("{} x {}", input.height, input.width),
          options.pool));
    }
  }
  const std::int64_t features = options.head == "flatten" ? channels * height * width : channels;
  layers.push_back({"classifier", {classes, features, 1, 1}, false});
  return layers;
}

std::int64_t count_of_parameters(std::span<const LayerPlan> layers) {
  std::int64_t count = 0;
  for (const LayerPlan& layer : layers) count += layer.parameters();
  if (count <= kMaxParameters) return count;
  throw ConfigError(
      fmt::format("the network would have {} parameters, more than {}; use fewer "
                  "channels or a smaller kernel",
                  count, kMaxParameters));
}

/// A tensor that is a view of the flat vectors.
struct Slot {
  std::string name;
  std::vector<std::int64_t> sizes;
  double bound;  ///< initial values are uniform in +-bound; 0: all are `constant`
  float constant = 0;
  at::Tensor* tensor;
};

/// Makes room for what the plan says.
void add_layer(Layer& layer, const LayerPlan& plan, std::vector<Slot>& slots) {
  const std::int64_t out = plan.sizes[0];
  const double bound = 1 / std::sqrt(static_cast<double>(plan.inputs()));
  slots.push_back(
      {plan.name + ".weight", {plan.sizes.begin(), plan.sizes.end()}, bound, 0, &layer.weight});
  if (!plan.normed) {
    slots.push_back({plan.name + ".bias", {out}, bound, 0, &layer.bias});
    return;
  }
  BatchNorm& norm = layer.norm.emplace();
  slots.push_back({plan.name + ".scale", {out}, 0, 1, &norm.scale});
  slots.push_back({plan.name + ".shift", {out}, 0, 0, &norm.shift});
  norm.mean = at::zeros({out});
  norm.variance = at::ones({out});
}

}  // namespace

struct Network::State {
  TrainerOptions options;
  SampleShape input;
  std::vector<Layer> blocks;
  Layer classifier;
  at::Tensor parameters, gradients;
  std::int64_t count = 0;

  void build(int classes, const Rng& rng);
  void place(std::vector<Slot>& slots, const Rng& rng);
  at::Tensor pool(const at::Tensor& x) const;
  at::Tensor activate(const at::Tensor& x) const;
  at::Tensor block(Layer& layer, const at::Tensor& x, bool training);
  at::Tensor forward(at::Tensor x, Rng* dropout);
  at::Tensor batch(const float* samples, std::int64_t n) const;
};

void Network::State::build(int classes, const Rng& rng) {
  const std::vector<LayerPlan> plans = plan_layers(options, input, classes);
  count = count_of_parameters(plans);
  std::vector<Slot> slots;
  blocks.resize(options.channels.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) add_layer(blocks[i], plans[i], slots);
  add_layer(classifier, plans.back(), slots);
  place(slots, rng);
}

void Network::State::place(std::vector<Slot>& slots, const Rng& rng) {
  const auto size_of = [](const Slot& slot) {
    std::int64_t size = 1;
    for (const std::int64_t n : slot.sizes) size *= n;
    return size;
  };
  std::int64_t total = 0;
  for (const Slot& slot : slots) total += aligned(size_of(slot));
  parameters = at::zeros({total});
  gradients = at::zeros({total});
  std::int64_t offset = 0;
  for (Slot& slot : slots) {
    float* values = parameters.data_ptr<float>() + offset;
    Rng draws = rng.fork(slot.name);
    for (std::int64_t i = 0; i < size_of(slot); ++i)
      values[i] = slot.bound > 0 ? static_cast<float>(slot.bound * (2 * draws.uniform() - 1))
                                 : slot.constant;
    std::vector<std::int64_t> strides = {1};
    if (slot.sizes.size() == 4) {
      const std::int64_t row = slot.sizes[3] * slot.sizes[1];
      strides = {slot.sizes[2] * row, 1, row, slot.sizes[1]};
    }
    *slot.tensor = parameters.as_strided(slot.sizes, strides, offset).detach();
    slot.tensor->requires_grad_();
    slot.tensor->mutable_grad() = gradients.as_strided(slot.sizes, strides, offset).detach();
    offset += aligned(size_of(slot));
  }
}

at::Tensor Network::State::pool(const at::Tensor& x) const {
  if (options.pool == 1) return x;
  return at::max_pool2d(x, {input.height == 1 ? 1 : options.pool, options.pool});
}

at::Tensor Network::State::activate(const at::Tensor& x) const {
  if (options.activation == "relu") return at::relu(x);
  if (options.activation == "leaky-relu") return at::leaky_relu(x, kLeakySlope);
  if (options.activation == "tanh") return at::tanh(x);
  return at::gelu(x);
}

at::Tensor Network::State::block(Layer& layer, const at::Tensor& x, bool training) {
  const std::int64_t padding = options.kernel / 2;
  at::Tensor y =
      at::conv2d(x, layer.weight, layer.bias, 1, {input.height == 1 ? 0 : padding, padding});
  if (layer.norm) {
    BatchNorm& norm = *layer.norm;
    const bool has_variance = y.numel() > y.size(1);
    y = at::batch_norm(y, norm.scale, norm.shift, norm.mean, norm.variance,
                       training && has_variance, kBatchNormMomentum, kBatchNormEpsilon, false);
  }
  // GELU alone is not monotonic: the largest value need not give the largest output.
  return options.activation == "gelu" ? pool(activate(y)) : activate(pool(y));
}

at::Tensor Network::State::forward(at::Tensor x, Rng* dropout) {
  for (Layer& layer : blocks) x = block(layer, x, dropout != nullptr);
  const std::int64_t n = x.size(0);
  if (options.head == "mean")
    x = x.mean({2, 3}, true);
  else if (options.head == "max")
    x = at::amax(x, {2, 3}, true);
  else
    x = x.permute({0, 2, 3, 1}).reshape({n, -1, 1, 1});
  if (dropout != nullptr && options.dropout > 0) {
    at::Tensor mask = at::empty(x.sizes());
    const auto scale = static_cast<float>(1 / (1 - options.dropout));
    for (float& value : std::span(mask.data_ptr<float>(), static_cast<std::size_t>(mask.numel())))
      value = dropout->uniform() < options.dropout ? 0 : scale;
    x = x * mask;
  }
  return at::conv2d(x, classifier.weight, classifier.bias).reshape({n, -1});
}

at::Tensor Network::State::batch(const float* samples, std::int64_t n) const {
  // LibTorch reads through the pointer only: no gradient is asked for, nothing works in place.
  return at::from_blob(const_cast<float*>(samples), {n, input.channels, input.height, input.width},
                       {input.size(), 1, input.width * input.channels, input.channels});
}

Network::Network(const TrainerOptions& options, const SampleShape& input, int classes,
                 const Rng& rng)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->input = input;
  state_->build(classes, rng);
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;

std::span<float> Network::parameters() {
  at::Tensor& flat = state_->parameters;
  return {flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
}

std::span<const float> Network::gradients() const {
  const at::Tensor& flat = state_->gradients;
  return {flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
}

std::int64_t Network::parameter_count() const { return state_->count; }

std::int64_t count_parameters(const TrainerOptions& options, const SampleShape& input,
                              int classes) {
  return count_of_parameters(plan_layers(options, input, classes));
}

float Network::train(std::span<const float> samples, std::span<const std::int64_t> labels,
                     Rng& rng) {
  const auto n = static_cast<std::int64_t>(labels.size());
  HT_ASSERT(static_cast<std::int64_t>(samples.size()) == n * state_->input.size());
  const at::Tensor target = at::from_blob(const_cast<std::int64_t*>(labels.data()), {n}, at::kLong);
  at::Tensor& flat = state_->gradients;
  std::memset(flat.data_ptr<float>(), 0, flat.nbytes());
  const at::Tensor output = state_->forward(state_->batch(samples.data(), n), &rng);
  const at::Tensor loss = at::cross_entropy_loss(output, target);
  loss.backward();
  return loss.item<float>();
}

std::vector<float> Network::logits(std::span<const float> samples) {
  const c10::NoGradGuard no_gradients;
  const std::int64_t n = static_cast<std::int64_t>(samples.size()) / state_->input.size();
  const at::Tensor output = state_->forward(state_->batch(samples.data(), n), nullptr).contiguous();
  const float* values = output.data_ptr<float>();
  return {values, values + output.numel()};
}

void prepare_training_thread() {
  thread_local bool prepared = false;
  if (std::exchange(prepared, true)) return;
  static std::mutex mutex;  // guards LibTorch's and OpenBLAS' process-wide settings
  const std::scoped_lock lock(mutex);
  at::set_num_threads(1);
  at::globalContext().setFlushDenormal(true);
  // A BLAS is behind LibTorch's matrix products; OpenBLAS has threads of its own.
  using SetThreads = void (*)(int);
  static const auto set_threads =
      reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

std::string libtorch_version() { return TORCH_VERSION; }

}  // namespace hypertune
