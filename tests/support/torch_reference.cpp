// Networks and convolutions by LibTorch.
#include "support/torch_reference.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/assert.h"

namespace hypertune::testing_support {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
at::Tensor tensor_of(std::span<const T> values, at::IntArrayRef sizes, at::ScalarType type) {
  // Reads through the pointer only.
  const at::ScalarType own = c10::CppTypeToScalarType<T>::value;
  return at::from_blob(const_cast<T*>(values.data()), sizes, at::TensorOptions(own))
      .to(type, false, true);
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous();
  const double* values = flat.data_ptr<double>();
  return {values, values + flat.numel()};
}

/// [n, rows, columns, channels] as LibTorch has it, and back.
at::Tensor channels_first(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }
at::Tensor channels_last(const at::Tensor& x) { return x.permute({0, 2, 3, 1}); }

/// A convolution as a matrix product. LibTorch 1.13 has no convolution of doubles to rely on: its
/// slow_conv2d gives wrong results for images of 1 x 1 when strides alone do not tell the order of
/// channels, and refuses gradients of weights that lie channels-last.
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    std::int64_t stride, at::IntArrayRef padding) {
  const std::int64_t rows = weight.size(2);
  const std::int64_t columns = weight.size(3);
  const at::Tensor cells =
      at::im2col(x.contiguous(), {rows, columns}, {1, 1}, padding, {stride, stride});
  const at::Tensor y =
      at::matmul(weight.flatten(1), cells)
          .view({x.size(0), weight.size(0), (x.size(2) + 2 * padding[0] - rows) / stride + 1,
                 (x.size(3) + 2 * padding[1] - columns) / stride + 1});
  return bias.defined() ? y + bias.view({1, -1, 1, 1}) : y;
}

struct BatchNorm {
  at::Tensor scale, shift, mean, variance;
};

struct Block {
  BlockPlan plan;
  at::Tensor weight, bias;
  std::optional<BatchNorm> norm;
};

/// What batch normalization uses: running statistics, those of the batch, or those of the batch as
/// if they were constants.
enum class Statistics : std::uint8_t { Running, Batch, ConstantBatch };

double smallest(const at::Tensor& values) { return values.min().item<double>(); }

/// The smallest lead of the largest over the next in the last dimension, where `counts` holds.
double smallest_lead(const at::Tensor& candidates, const at::Tensor& counts) {
  if (candidates.size(-1) < 2) return kInfinity;
  const at::Tensor top = std::get<0>(candidates.topk(2));
  const at::Tensor lead = top.select(-1, 0) - top.select(-1, 1);
  return smallest(at::where(counts & (lead > 0), lead, at::full_like(lead, kInfinity)));
}

}  // namespace

struct TorchNetwork::State {
  NetworkPlan plan;
  at::ScalarType type;
  std::vector<Block> blocks;
  at::Tensor weight, bias;  ///< of the classifier
  double margin = kInfinity, spread = kInfinity;

  bool sequence() const { return plan.height == 1; }
  std::vector<at::Tensor*> tensors();
  at::Tensor activate(const Block& block, const at::Tensor& z) const;
  at::Tensor pool(const Block& block, const at::Tensor& x) const;
  at::Tensor windows(const Block& block, const at::Tensor& x) const;
  at::Tensor normalize(Block& block, const at::Tensor& y, Statistics statistics);
  at::Tensor head(const at::Tensor& x);
  at::Tensor drop(const at::Tensor& x, Rng& rng) const;
  at::Tensor forward(std::span<const float> samples, std::int64_t n, Statistics statistics,
                     Rng* dropout);
  std::vector<at::Tensor> gradients(const at::Tensor& loss);
  void note_decisions(const Block& block, const at::Tensor& z);
  void note(double distance, const at::Tensor& layer);
};

std::vector<at::Tensor*> TorchNetwork::State::tensors() {
  std::vector<at::Tensor*> all;
  for (Block& block : blocks) {
    all.push_back(&block.weight);
    if (block.norm) {
      all.push_back(&block.norm->scale);
      all.push_back(&block.norm->shift);
    } else {
      all.push_back(&block.bias);
    }
  }
  all.push_back(&weight);
  all.push_back(&bias);
  return all;
}

at::Tensor TorchNetwork::State::activate(const Block& block, const at::Tensor& z) const {
  switch (block.plan.activation) {
    case Activation::Relu:
      return at::relu(z);
    case Activation::LeakyRelu:
      return at::leaky_relu(z, 0.01);
    case Activation::Gelu:
      return at::gelu(z);
    case Activation::Tanh:
      return at::tanh(z);
    case Activation::None:
      return z;
  }
  return z;
}

at::Tensor TorchNetwork::State::pool(const Block& block, const at::Tensor& x) const {
  const std::array<std::int64_t, 2> size{sequence() ? 1 : block.plan.pool, block.plan.pool};
  if (block.plan.pooling == Pooling::Max) return at::max_pool2d(x, size);
  if (block.plan.pooling == Pooling::Average) return at::avg_pool2d(x, size);
  return x;
}

at::Tensor TorchNetwork::State::windows(const Block& block, const at::Tensor& x) const {
  const std::int64_t rows = sequence() ? 1 : block.plan.pool;
  const std::int64_t columns = block.plan.pool;
  return x.unfold(2, rows, rows).unfold(3, columns, columns).flatten(4);
}

at::Tensor TorchNetwork::State::normalize(Block& block, const at::Tensor& y,
                                          Statistics statistics) {
  BatchNorm& norm = *block.norm;
  at::Tensor mean = norm.mean;
  at::Tensor variance = norm.variance;
  const bool has_variance = y.numel() > y.size(1);
  if (statistics == Statistics::ConstantBatch && has_variance) {
    mean = y.detach().mean({0, 2, 3});
    variance = y.detach().var({0, 2, 3}, false);
    spread = std::min(
        spread, smallest((variance + kEpsilon).sqrt()) / y.detach().abs().max().item<double>());
  }
  return at::batch_norm(y, norm.scale, norm.shift, mean, variance,
                        statistics == Statistics::Batch && has_variance, kMomentum, kEpsilon,
                        false);
}

void TorchNetwork::State::note(double distance, const at::Tensor& layer) {
  margin = std::min(margin, distance / layer.abs().max().item<double>());
}

void TorchNetwork::State::note_decisions(const Block& block, const at::Tensor& z) {
  const Activation activation = block.plan.activation;
  const bool kinked = activation == Activation::Relu || activation == Activation::LeakyRelu;
  at::Tensor decisive = z;
  if (block.plan.pooling == Pooling::Max) {
    // Only GELU is not monotonic, so that its outputs and not its inputs decide.
    const at::Tensor values = windows(block, activation == Activation::Gelu ? at::gelu(z) : z);
    decisive = values.amax(-1);
    // Where the largest is negative, nothing goes through ReLU.
    const at::Tensor counts =
        activation == Activation::Relu ? decisive > 0 : at::ones_like(decisive, at::kBool);
    note(smallest_lead(values, counts), z);
  }
  if (kinked) note(smallest(decisive.abs()), z);
}

at::Tensor TorchNetwork::State::head(const at::Tensor& x) {
  if (plan.head == Head::Mean) return x.mean({2, 3});
  if (plan.head == Head::Flatten) return channels_last(x).flatten(1);
  const at::Tensor positions = x.flatten(2);
  note(smallest_lead(positions.detach(), at::ones_like(positions.select(-1, 0), at::kBool)),
       positions.detach());
  return positions.amax(-1);
}

at::Tensor TorchNetwork::State::drop(const at::Tensor& x, Rng& rng) const {
  if (plan.dropout == 0) return x;
  std::vector<double> mask(static_cast<std::size_t>(x.numel()));
  for (double& factor : mask) factor = rng.uniform() < plan.dropout ? 0 : 1 / (1 - plan.dropout);
  return x * tensor_of(std::span<const double>(mask), x.sizes(), type);
}

at::Tensor TorchNetwork::State::forward(std::span<const float> samples, std::int64_t n,
                                        Statistics statistics, Rng* dropout) {
  margin = kInfinity;
  at::Tensor x =
      channels_first(tensor_of(samples, {n, plan.height, plan.width, plan.channels}, type));
  for (Block& block : blocks) {
    const std::int64_t padding = block.plan.padding;
    at::Tensor z = convolve(x, block.weight, block.bias, block.plan.stride,
                            {sequence() ? 0 : padding, padding});
    if (block.norm) z = normalize(block, z, statistics);
    note_decisions(block, z.detach());
    x = pool(block, activate(block, z));
  }
  x = head(x);
  if (dropout != nullptr) x = drop(x, *dropout);
  return at::linear(x, weight, bias);
}

std::vector<at::Tensor> TorchNetwork::State::gradients(const at::Tensor& loss) {
  for (at::Tensor* tensor : tensors()) tensor->mutable_grad() = at::Tensor();
  loss.backward();
  std::vector<at::Tensor> all;
  for (at::Tensor* tensor : tensors()) {
    const at::Tensor& gradient = tensor->grad();
    HT_ASSERT(gradient.defined());
    all.push_back(gradient.dim() == 4 ? channels_last(gradient) : gradient);
  }
  return all;
}

TorchNetwork::TorchNetwork(const NetworkPlan& plan, Real real) : state_(std::make_unique<State>()) {
  at::set_num_threads(1);
  state_->plan = plan;
  state_->type = real == Real::F64 ? at::kDouble : at::kFloat;
  for (const BlockPlan& block : plan.blocks) {
    state_->blocks.push_back({block, {}, {}, {}});
    if (!block.batch_norm) continue;
    const auto options = at::TensorOptions(state_->type);
    state_->blocks.back().norm = BatchNorm{
        {}, {}, at::zeros({block.channels}, options), at::ones({block.channels}, options)};
  }
}

TorchNetwork::~TorchNetwork() = default;

void TorchNetwork::set_parameters(std::span<const float> flat,
                                  const std::vector<TensorPlace>& tensors) {
  const std::vector<at::Tensor*> own = state_->tensors();
  HT_ASSERT(own.size() == tensors.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    const TensorPlace& place = tensors[i];
    const at::Tensor all = tensor_of(flat, {static_cast<std::int64_t>(flat.size())}, state_->type);
    at::Tensor tensor = all.as_strided(place.sizes, place.strides, place.offset);
    if (!place.name.ends_with(".weight"))
      tensor = tensor.flatten();
    else if (place.name.starts_with("classifier"))
      tensor = tensor.flatten(1);
    else
      tensor = channels_first(tensor);
    *own[i] = tensor.clone().requires_grad_();
  }
}

TorchNetwork::Step TorchNetwork::train(std::span<const float> samples,
                                       std::span<const std::int64_t> labels, Rng& rng) {
  const auto n = static_cast<std::int64_t>(labels.size());
  const at::Tensor classes = tensor_of(labels, {n}, at::kLong);
  Step step;
  state_->spread = kInfinity;
  Rng same = rng;
  const at::Tensor constant = state_->forward(samples, n, Statistics::ConstantBatch, &same);
  for (const at::Tensor& gradient : state_->gradients(at::cross_entropy_loss(constant, classes)))
    step.terms.push_back(gradient.abs().max().item<double>());
  const at::Tensor outputs = state_->forward(samples, n, Statistics::Batch, &rng);
  const at::Tensor loss = at::cross_entropy_loss(outputs, classes);
  for (const at::Tensor& gradient : state_->gradients(loss))
    step.gradients.push_back(values_of(gradient));
  step.loss = loss.item<double>();
  step.margin = state_->margin;
  step.spread = state_->spread;
  return step;
}

void TorchNetwork::descend(double rate) {
  const c10::NoGradGuard no_gradients;
  for (at::Tensor* tensor : state_->tensors()) tensor->sub_(tensor->grad(), rate);
}

std::vector<double> TorchNetwork::evaluate(std::span<const float> samples) {
  const c10::NoGradGuard no_gradients;
  const NetworkPlan& plan = state_->plan;
  const std::int64_t size = plan.height * plan.width * plan.channels;
  return values_of(state_->forward(samples, static_cast<std::int64_t>(samples.size()) / size,
                                   Statistics::Running, nullptr));
}

std::vector<double> TorchNetwork::statistics() const {
  std::vector<double> all;
  for (const Block& block : state_->blocks) {
    if (!block.norm) continue;
    for (const at::Tensor& tensor : {block.norm->mean, block.norm->variance}) {
      const std::vector<double> values = values_of(tensor);
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

ConvolutionResults torch_convolution(const ConvolutionShape& shape, std::span<const float> x,
                                     std::span<const float> weights, std::span<const float> bias,
                                     std::span<const float> dy, Factors factors) {
  const auto factor = [&](std::span<const float> values, at::IntArrayRef sizes) {
    const at::Tensor tensor = tensor_of(values, sizes, at::kFloat);
    return (factors == Factors::Bf16 ? tensor.to(at::kBFloat16) : tensor).to(at::kDouble);
  };
  const std::int64_t samples =
      static_cast<std::int64_t>(x.size()) / (shape.height * shape.width * shape.in_channels);
  const at::Tensor input =
      factor(x, {samples, shape.height, shape.width, shape.in_channels}).requires_grad_();
  const at::Tensor weight = factor(weights, {shape.kernel_height, shape.kernel_width,
                                             shape.in_channels, shape.out_channels})
                                .requires_grad_();
  const at::Tensor y =
      convolve(channels_first(input), weight.permute({3, 2, 0, 1}),
               bias.empty() ? at::Tensor() : tensor_of(bias, {shape.out_channels}, at::kDouble),
               shape.stride, {shape.pad_height, shape.pad_width});
  const at::Tensor gradient =
      factor(dy, {samples, shape.out_height(), shape.out_width(), shape.out_channels});
  y.backward(channels_first(gradient));
  return {values_of(channels_last(y)), values_of(input.grad()), values_of(weight.grad())};
}

}  // namespace hypertune::testing_support
