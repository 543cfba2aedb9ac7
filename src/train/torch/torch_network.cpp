// A convolutional network on LibTorch, as a library to be loaded. The one file of the product that
// includes LibTorch's headers.
//
// What makes it faster than the usual loop: tensors in channels-last order (sequences as images of
// height 1), pooling before a monotonic activation (same result, fewer values), parameters and
// gradients as views of two flat vectors, and a classifier that is a 1 x 1 convolution, so that
// all matrix products are oneDNN's.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "hypertune/error.h"
#include "train/network_plan.h"
#include "train/torch_backend.h"

namespace hypertune {
namespace {

constexpr std::int64_t kAlignment = 16;  ///< floats; each tensor begins on a cache line
constexpr std::int64_t kEvaluationBatch = 256;
constexpr double kBatchNormMomentum = 0.1;
constexpr double kBatchNormEpsilon = 1e-5;

std::int64_t aligned(std::int64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

/// A flat vector on the processor, where others read and write it, and on the device, where
/// LibTorch computes with it: the same one when the device is the processor.
struct Flat {
  at::Tensor here, there;

  Flat(std::int64_t size, at::Device device) : here(at::zeros({size})), there(here.to(device)) {}

  std::span<float> values() const {
    return {here.data_ptr<float>(), static_cast<std::size_t>(here.numel())};
  }
  void send() { there.copy_(here); }
  void fetch() { here.copy_(there); }
};

struct BatchNorm {
  at::Tensor scale, shift;    ///< views of the parameters
  at::Tensor mean, variance;  ///< views of the statistics
};

struct Layer {
  at::Tensor weight;  ///< [out, in, rows, columns], channels last
  at::Tensor bias;    ///< undefined when there is none
  std::optional<BatchNorm> norm;
};

/// Where the tensors lie, and how much room they take.
struct Places {
  std::vector<TensorPlace> tensors;
  std::int64_t parameters = 0;
  std::int64_t statistics = 0;

  void add(std::string name, const std::array<std::int64_t, 4>& sizes, std::int64_t inputs) {
    const auto [out, rows, columns, in] = sizes;
    const std::int64_t unit = rows * columns * in;
    tensors.push_back({std::move(name), sizes, {unit, columns * in, in, 1}, parameters, inputs});
    parameters += aligned(out * unit);
  }
};

Places places_of(const NetworkPlan& plan) {
  Places places;
  std::int64_t height = plan.height;
  std::int64_t width = plan.width;
  std::int64_t channels = plan.channels;
  for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
    const BlockPlan& block = plan.blocks[i];
    const std::string name = "block" + std::to_string(i + 1);
    const std::int64_t rows = plan.height == 1 ? 1 : block.kernel;
    const std::int64_t inputs = rows * block.kernel * channels;
    places.add(name + ".weight", {block.channels, rows, block.kernel, channels}, inputs);
    if (block.batch_norm) {
      places.add(name + ".scale", {block.channels, 1, 1, 1}, 0);
      places.add(name + ".shift", {block.channels, 1, 1, 1}, 0);
      places.statistics += 2 * aligned(block.channels);
    } else {
      places.add(name + ".bias", {block.channels, 1, 1, 1}, inputs);
    }
    if (plan.height > 1) height = length_after(block, height);
    width = length_after(block, width);
    channels = block.channels;
  }
  if (plan.head != Head::Flatten) height = width = 1;
  const std::int64_t features = height * width * channels;
  places.add("classifier.weight", {plan.classes, height, width, channels}, features);
  places.add("classifier.bias", {plan.classes, 1, 1, 1}, features);
  return places;
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::None:
      return x;
    case Activation::Relu:
      return at::relu(x);
    case Activation::LeakyRelu:
      return at::leaky_relu(x, kLeakySlope);
    case Activation::Gelu:
      return at::gelu(x);
    case Activation::Tanh:
      return at::tanh(x);
  }
  return x;
}

class TorchNetwork final : public Network {
 public:
  TorchNetwork(const NetworkPlan& plan, at::Device device);

  std::span<float> parameters() override { return parameters_.values(); }
  std::span<const float> gradients() const override { return gradients_.values(); }
  std::span<float> statistics() override { return statistics_.values(); }
  const std::vector<TensorPlace>& tensors() const override { return places_.tensors; }
  void prepare_thread() override;
  float train(std::span<const float> samples, std::span<const std::int64_t> labels,
              Rng& rng) override;
  void evaluate(std::span<const float> samples, std::span<float> logits) override;

 private:
  bool is_sequence() const { return plan_.height == 1; }
  at::Tensor parameter(const TensorPlace& place, at::IntArrayRef sizes, at::IntArrayRef strides);
  at::Tensor vector(const TensorPlace& place) { return parameter(place, {place.sizes[0]}, {1}); }
  at::Tensor batch(const float* samples, std::int64_t n) const;
  at::Tensor pool(const BlockPlan& plan, const at::Tensor& x) const;
  at::Tensor block(const BlockPlan& plan, Layer& layer, const at::Tensor& x, bool training) const;
  at::Tensor dropout(const at::Tensor& x, Rng& rng) const;
  at::Tensor forward(at::Tensor x, Rng* rng);

  NetworkPlan plan_;
  Places places_;
  at::Device device_;
  Flat parameters_, gradients_, statistics_;
  std::vector<Layer> blocks_;
  Layer classifier_;
};

TorchNetwork::TorchNetwork(const NetworkPlan& plan, at::Device device)
    : plan_(plan),
      places_(places_of(plan)),
      device_(device),
      parameters_(places_.parameters, device),
      gradients_(places_.parameters, device),
      statistics_(places_.statistics, device) {
  HT_ASSERT(plan.precision == Precision::F32);
  auto place = places_.tensors.begin();
  std::int64_t offset = 0;
  const auto next_statistics = [&](std::int64_t channels, float value) {
    at::Tensor part = statistics_.there.narrow(0, offset, channels).fill_(value);
    offset += aligned(channels);
    return part;
  };
  for (const BlockPlan& block : plan_.blocks) {
    Layer& layer = blocks_.emplace_back();
    const auto& [out, rows, columns, in] = place->sizes;
    const auto& strides = place->strides;
    layer.weight = parameter(*place, {out, in, rows, columns},
                             {strides[0], strides[3], strides[1], strides[2]});
    ++place;
    if (!block.batch_norm) {
      layer.bias = vector(*place++);
      continue;
    }
    std::ranges::fill(parameters_.values().subspan(place->offset, block.channels), 1.0F);
    BatchNorm& norm = layer.norm.emplace();
    norm.scale = vector(*place++);
    norm.shift = vector(*place++);
    norm.mean = next_statistics(block.channels, 0);
    norm.variance = next_statistics(block.channels, 1);
  }
  const std::int64_t features = place->strides[0];
  classifier_.weight = parameter(*place, {place->sizes[0], features, 1, 1}, {features, 1, 1, 1});
  classifier_.bias = vector(*++place);
  statistics_.fetch();
}

/// A view of the parameters whose gradient is the same view of the gradients.
at::Tensor TorchNetwork::parameter(const TensorPlace& place, at::IntArrayRef sizes,
                                   at::IntArrayRef strides) {
  at::Tensor tensor = parameters_.there.as_strided(sizes, strides, place.offset).detach();
  tensor.requires_grad_();
  tensor.mutable_grad() = gradients_.there.as_strided(sizes, strides, place.offset).detach();
  return tensor;
}

at::Tensor TorchNetwork::batch(const float* samples, std::int64_t n) const {
  const std::int64_t row = plan_.width * plan_.channels;
  // LibTorch reads through the pointer only: no gradient is asked for, nothing works in place.
  return at::from_blob(const_cast<float*>(samples), {n, plan_.channels, plan_.height, plan_.width},
                       {plan_.height * row, 1, row, plan_.channels})
      .to(device_);
}

at::Tensor TorchNetwork::pool(const BlockPlan& plan, const at::Tensor& x) const {
  const std::array<std::int64_t, 2> window = {is_sequence() ? 1 : plan.pool, plan.pool};
  switch (plan.pooling) {
    case Pooling::None:
      return x;
    case Pooling::Max:
      return at::max_pool2d(x, window);
    case Pooling::Average:
      return at::avg_pool2d(x, window);
  }
  return x;
}

at::Tensor TorchNetwork::block(const BlockPlan& plan, Layer& layer, const at::Tensor& x,
                               bool training) const {
  const bool sequence = is_sequence();
  at::Tensor y = at::conv2d(x, layer.weight, layer.bias, {sequence ? 1 : plan.stride, plan.stride},
                            {sequence ? 0 : plan.padding, plan.padding});
  if (layer.norm) {
    BatchNorm& norm = *layer.norm;
    const bool has_variance = y.numel() > y.size(1);
    y = at::batch_norm(y, norm.scale, norm.shift, norm.mean, norm.variance,
                       training && has_variance, kBatchNormMomentum, kBatchNormEpsilon, false);
  }
  // GELU alone is not monotonic: the largest value need not give the largest output.
  const bool commute = plan.pooling == Pooling::Max && plan.activation != Activation::Gelu;
  return commute ? activate(plan.activation, pool(plan, y))
                 : pool(plan, activate(plan.activation, y));
}

at::Tensor TorchNetwork::dropout(const at::Tensor& x, Rng& rng) const {
  at::Tensor mask = at::empty(x.sizes());
  const auto scale = static_cast<float>(1 / (1 - plan_.dropout));
  for (float& value : std::span(mask.data_ptr<float>(), static_cast<std::size_t>(mask.numel())))
    value = rng.uniform() < plan_.dropout ? 0 : scale;
  return x * mask.to(device_);
}

/// `rng` draws the dropout masks; null: evaluation.
at::Tensor TorchNetwork::forward(at::Tensor x, Rng* rng) {
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    x = block(plan_.blocks[i], blocks_[i], x, rng != nullptr);
  const std::int64_t n = x.size(0);
  switch (plan_.head) {
    case Head::Mean:
      x = x.mean({2, 3}, true);
      break;
    case Head::Max:
      x = at::amax(x, {2, 3}, true);
      break;
    case Head::Flatten:
      x = x.permute({0, 2, 3, 1}).reshape({n, -1, 1, 1});
      break;
  }
  if (rng != nullptr && plan_.dropout > 0) x = dropout(x, *rng);
  return at::conv2d(x, classifier_.weight, classifier_.bias).reshape({n, -1});
}

float TorchNetwork::train(std::span<const float> samples, std::span<const std::int64_t> labels,
                          Rng& rng) {
  const auto n = static_cast<std::int64_t>(labels.size());
  HT_ASSERT(std::ssize(samples) == n * plan_.height * plan_.width * plan_.channels);
  const at::Tensor target =
      at::from_blob(const_cast<std::int64_t*>(labels.data()), {n}, at::kLong).to(device_);
  parameters_.send();
  statistics_.send();
  gradients_.there.zero_();
  const at::Tensor loss = at::cross_entropy_loss(forward(batch(samples.data(), n), &rng), target);
  loss.backward();
  gradients_.fetch();
  statistics_.fetch();
  return loss.item<float>();
}

void TorchNetwork::evaluate(std::span<const float> samples, std::span<float> logits) {
  const c10::NoGradGuard no_gradients;
  const std::int64_t size = plan_.height * plan_.width * plan_.channels;
  const std::int64_t n = std::ssize(samples) / size;
  HT_ASSERT(std::ssize(logits) == n * plan_.classes);
  parameters_.send();
  statistics_.send();
  for (std::int64_t begin = 0; begin < n; begin += kEvaluationBatch) {
    const std::int64_t count = std::min(kEvaluationBatch, n - begin);
    const at::Tensor output = forward(batch(samples.data() + begin * size, count), nullptr);
    at::from_blob(logits.data() + begin * plan_.classes, {count, plan_.classes}).copy_(output);
  }
}

void TorchNetwork::prepare_thread() {
  at::globalContext().setFlushDenormal(true);
  thread_local bool prepared = false;
  if (std::exchange(prepared, true)) return;
  static std::mutex mutex;  // guards LibTorch's and OpenBLAS' process-wide settings
  const std::scoped_lock lock(mutex);
  at::set_num_threads(1);
  // A BLAS is behind LibTorch's matrix products; OpenBLAS has threads of its own.
  using SetThreads = void (*)(int);
  static const auto set_threads =
      reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

void require(Device device) {
  if (device == Device::Cuda && !at::hasCUDA()) {
    throw ConfigError("device is \"cuda\", but this LibTorch (" TORCH_VERSION
                      ") computes on the processor alone or finds no CUDA device; set device to "
                      "\"cpu\", or build hypertune with a LibTorch for CUDA");
  }
}

std::unique_ptr<Network> make_torch_network(const NetworkPlan& plan, Device device) {
  require(device);
  return std::make_unique<TorchNetwork>(plan, device == Device::Cuda ? at::kCUDA : at::kCPU);
}

}  // namespace

/// See kTorchBackendSymbol.
extern "C" const TorchBackend hypertune_torch_backend = {HYPERTUNE_VERSION, TORCH_VERSION, &require,
                                                         &make_torch_network};

}  // namespace hypertune
