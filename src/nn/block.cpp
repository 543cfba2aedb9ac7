// One block of a network: convolution -> [batch normalization] -> activation -> pooling.
#include "nn/block.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace hypertune {
namespace {

// As in PyTorch.
constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

ConvolutionShape convolution_shape(const BlockPlan& plan, const Extent& input,
                                   const BlockOptions& options) {
  const bool sequence = input.kind == SampleKind::Sequence;
  return {.height = input.height,
          .width = input.width,
          .in_channels = input.laid_channels,
          .out_channels = filled_up(plan.channels),
          .kernel_height = sequence ? 1 : plan.kernel,
          .kernel_width = plan.kernel,
          .stride = plan.stride,
          .pad_height = sequence ? 0 : plan.padding,
          .pad_width = plan.padding,
          .input_gradient = options.input_gradient};
}

std::int64_t pool_width(const BlockPlan& plan) {
  return plan.pooling == Pooling::None ? 1 : plan.pool;
}
std::int64_t pool_height(const BlockPlan& plan, SampleKind kind) {
  return kind == SampleKind::Sequence ? 1 : pool_width(plan);
}

void add(std::vector<double>& sums, std::span<const float> terms) {
  for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += terms[c];
}

}  // namespace

std::int64_t filled_up(std::int64_t channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

Extent output_extent(const BlockPlan& plan, const Extent& input) {
  const ConvolutionShape shape = convolution_shape(plan, input, {});
  Extent out{input.kind, 0, 0, plan.channels, filled_up(plan.channels)};
  if (shape.height + 2 * shape.pad_height >= shape.kernel_height)
    out.height = shape.out_height() / pool_height(plan, input.kind);
  if (shape.width + 2 * shape.pad_width >= shape.kernel_width)
    out.width = shape.out_width() / pool_width(plan);
  return out;
}

Block::Block(const BlockPlan& plan, const Extent& input, const BlockOptions& options,
             const Kernels& kernels, Arena& arena)
    : plan_(plan), output_(output_extent(plan, input)), kernels_(kernels) {
  HT_ASSERT(output_.cells() > 0);
  const ConvolutionShape shape = convolution_shape(plan, input, options);
  block_ = samples_per_block(shape, options.capacity);
  convolution_ = options.precision == Precision::Bf16
                     ? bf16_convolution(shape, block_, kernels, arena)
                     : f32_convolution(shape, block_, kernels, arena);
  const PaddedLayout& layout = convolution_->input();
  x_ = arena.floats(options.capacity * layout.sample + layout.slack);
  y_ = arena.floats(options.capacity * y_size());
  const std::int64_t channels = shape.out_channels;
  for (auto* vector : {&f32_mean_, &scale_, &shift_, &offset_, &slope_, &first_sum_, &second_sum_})
    *vector = arena.floats(channels);
  for (auto* vector : {&mean_, &variance_, &sum_dz_, &sum_dz_y_})
    vector->resize(static_cast<std::size_t>(channels));
}

void Block::bind(const BlockTensors& parameters, const BlockTensors& gradients, float* statistics) {
  parameters_ = parameters;
  gradients_ = gradients;
  running_mean_ = statistics;
  running_variance_ = statistics + (plan_.batch_norm ? shape().out_channels : 0);
}

Destination Block::input() {
  const PaddedLayout& layout = convolution_->input();
  return {x_.data() + layout.first, layout.sample, layout.row};
}

template <class Function>
void Block::for_ranges(std::int64_t samples, const Function& function) const {
  for (std::int64_t first = 0; first < samples; first += block_)
    function(Range{first, std::min(block_, samples - first)});
}

void Block::forward(std::int64_t samples, Mode mode, const Destination& out) {
  convolution_->prepare(parameters_.weight, mode == Mode::Training);
  from_batch_ = plan_.batch_norm && mode == Mode::Training && samples * y_cells() > 1;
  if (plan_.batch_norm && !from_batch_) use_running_statistics();
  const float* bias = plan_.batch_norm ? nullptr : parameters_.shift;
  const auto finish = [&](Range range) {
    Epilogue e = epilogue(range);
    e.out = out.data + range.first * out.sample;
    e.out_sample = out.sample;
    e.out_row = out.row;
    kernels_.epilogue(e);
  };
  for_ranges(samples, [&](Range range) {
    convolution_->forward(range.count, input_of(range.first), bias,
                          y_.data() + range.first * y_size());
    from_batch_ ? merge_moments(range) : finish(range);
  });
  if (!from_batch_) return;
  use_batch_statistics(samples);
  for_ranges(samples, finish);
}

/// Adds a range to the moments of those before it (Chan, Golub and LeVeque, "Updating formulae and
/// a pairwise algorithm for computing sample variances", 1979).
void Block::merge_moments(Range range) {
  kernels_.moments(y_.data() + range.first * y_size(), range.count * y_cells(),
                   shape().out_channels, first_sum_.data(), second_sum_.data());
  if (range.first == 0) {
    std::ranges::copy(first_sum_.first(mean_.size()), mean_.begin());
    std::ranges::copy(second_sum_.first(mean_.size()), variance_.begin());
    return;
  }
  const auto before = static_cast<double>(range.first);
  const auto added = static_cast<double>(range.count);
  const double share = added / (before + added);
  const double weight = before * share * static_cast<double>(y_cells());
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    const double difference = first_sum_[c] - mean_[c];
    mean_[c] += difference * share;
    variance_[c] += second_sum_[c] + difference * difference * weight;
  }
}

void Block::use_batch_statistics(std::int64_t samples) {
  const auto rows = static_cast<double>(samples * y_cells());
  const auto real = static_cast<std::size_t>(plan_.channels);
  for (std::size_t c = 0; c < real; ++c) {
    const auto keep = [](float& running, double now) {
      running = static_cast<float>((1 - kMomentum) * running + kMomentum * now);
    };
    keep(running_mean_[c], mean_[c]);
    keep(running_variance_[c], variance_[c] / (rows - 1));
  }
  for (double& variance : variance_) variance /= rows;
  fold();
}

void Block::use_running_statistics() {
  std::copy_n(running_mean_, mean_.size(), mean_.begin());
  std::copy_n(running_variance_, variance_.size(), variance_.begin());
  fold();
}

/// Normalization, scale and shift as one multiplication and addition.
void Block::fold() {
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    const double scale = parameters_.scale[c] / std::sqrt(variance_[c] + kEpsilon);
    scale_[c] = static_cast<float>(scale);
    shift_[c] = static_cast<float>(parameters_.shift[c] - mean_[c] * scale);
    f32_mean_[c] = static_cast<float>(mean_[c]);
  }
}

Epilogue Block::epilogue(Range range) const {
  return {.activation = plan_.activation,
          .pooling = plan_.pooling,
          .pool_height = pool_height(plan_, output_.kind),
          .pool_width = pool_width(plan_),
          .samples = range.count,
          .height = shape().out_height(),
          .width = shape().out_width(),
          .channels = shape().out_channels,
          .y = y_.data() + range.first * y_size(),
          .scale = plan_.batch_norm ? scale_.data() : nullptr,
          .shift = plan_.batch_norm ? shift_.data() : nullptr};
}

EpilogueGradient Block::epilogue_gradient(Range range, const float* d_out) const {
  const std::int64_t row = output_.width * output_.laid_channels;
  const std::int64_t sample = output_.height * row;
  return {.forward = epilogue(range),
          .d_out = d_out + range.first * sample,
          .d_out_sample = sample,
          .d_out_row = row};
}

void Block::backward(std::int64_t samples, const float* d_out, float* dx) {
  if (plan_.batch_norm) {
    differentiate_normalization(samples, d_out);
  } else {
    std::fill_n(gradients_.shift, shape().out_channels, 0.0F);
  }
  const PaddedLayout dy = convolution_->gradient_layout();
  const std::int64_t dx_sample = shape().height * shape().width * shape().in_channels;
  for_ranges(samples, [&](Range range) {
    EpilogueGradient e = epilogue_gradient(range, d_out);
    if (!plan_.batch_norm) e.sum_dz = gradients_.shift;
    e.mean = plan_.batch_norm ? f32_mean_.data() : nullptr;
    e.offset = from_batch_ ? offset_.data() : nullptr;
    e.slope = from_batch_ ? slope_.data() : nullptr;
    e.dy = convolution_->gradient() + dy.first;
    e.dy_sample = dy.sample;
    e.dy_row = dy.row;
    e.dy_cell = dy.cell;
    kernels_.epilogue_backward(e);
    convolution_->backward(range.count, input_of(range.first),
                           dx == nullptr ? nullptr : dx + range.first * dx_sample);
  });
  convolution_->finish(gradients_.weight);
}

/// With n values of a channel, x = (y - mean) * s and s = 1 / sqrt(variance + epsilon):
///   d(shift) = sum(dz), d(scale) = sum(dz * x),
///   dy = scale * s * (dz - d(shift) / n - x * d(scale) / n)
/// (Ioffe and Szegedy, "Batch normalization", 2015). Running statistics do not depend on y, which
/// leaves dy = scale * s * dz.
void Block::differentiate_normalization(std::int64_t samples, const float* d_out) {
  std::ranges::fill(sum_dz_, 0.0);
  std::ranges::fill(sum_dz_y_, 0.0);
  for_ranges(samples, [&](Range range) {
    std::ranges::fill(first_sum_, 0.0F);
    std::ranges::fill(second_sum_, 0.0F);
    EpilogueGradient e = epilogue_gradient(range, d_out);
    e.sum_dz = first_sum_.data();
    e.sum_dz_y = second_sum_.data();
    e.mean = f32_mean_.data();
    kernels_.epilogue_sums(e);
    add(sum_dz_, first_sum_);
    add(sum_dz_y_, second_sum_);
  });
  const auto values = static_cast<double>(samples * y_cells());
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    const double s = 1 / std::sqrt(variance_[c] + kEpsilon);
    const double scale = parameters_.scale[c] * s;
    gradients_.shift[c] = static_cast<float>(sum_dz_[c]);
    gradients_.scale[c] = static_cast<float>(sum_dz_y_[c] * s);
    offset_[c] = static_cast<float>(scale * sum_dz_[c] / values);
    slope_[c] = static_cast<float>(scale * s * s * sum_dz_y_[c] / values);
  }
}

}  // namespace hypertune
