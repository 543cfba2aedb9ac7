// The end of a network: head, dropout, linear classifier, cross-entropy.
#include "nn/head.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hypertune {

HeadLayers::HeadLayers(const NetworkPlan& plan, const Extent& input, std::int64_t capacity,
                       const Kernels& kernels, Arena& arena)
    : plan_(plan), input_(input), kernels_(kernels) {
  pooled_ = arena.floats(capacity * input_size());
  d_pooled_ = arena.floats(capacity * input_size());
  features_ = flattens() ? pooled_ : arena.floats(capacity * features());
  d_features_ = flattens() ? d_pooled_ : arena.floats(capacity * features());
  if (plan.dropout > 0) mask_ = arena.floats(capacity * features());
  if (plan.head == Head::Max) largest_.resize(static_cast<std::size_t>(capacity * features()));
  logits_ = arena.floats(capacity * laid_classes());
  d_logits_ = arena.floats(capacity * laid_classes());
  transposed_ = arena.floats(plan.classes * features());
}

std::int64_t HeadLayers::features() const {
  return flattens() ? input_size() : input_.laid_channels;
}

void HeadLayers::bind(const float* weight, const float* bias, float* weight_gradient,
                      float* bias_gradient) {
  weight_ = weight;
  bias_ = bias;
  weight_gradient_ = weight_gradient;
  bias_gradient_ = bias_gradient;
}

Destination HeadLayers::input() {
  return {pooled_.data(), input_size(), input_.width * input_.laid_channels};
}

void HeadLayers::forward(std::int64_t samples, Rng* dropout) {
  if (plan_.head == Head::Mean) take_means(samples);
  if (plan_.head == Head::Max) take_maxima(samples);
  if (dropout != nullptr && plan_.dropout > 0) drop(samples, *dropout);
  kernels_.product({.rows = samples,
                    .depth = features(),
                    .columns = laid_classes(),
                    .a = features_.data(),
                    .a_row = features(),
                    .b = weight_,
                    .b_row = laid_classes(),
                    .c = logits_.data(),
                    .c_row = laid_classes(),
                    .bias = bias_});
}

void HeadLayers::take_means(std::int64_t samples) {
  const std::int64_t channels = input_.laid_channels;
  const float share = 1 / static_cast<float>(input_.cells());
  for (std::int64_t s = 0; s < samples; ++s) {
    const float* cell = pooled_.data() + s * input_size();
    float* mean = features_.data() + s * channels;
    std::copy_n(cell, channels, mean);
    for (std::int64_t i = 1; i < input_.cells(); ++i) {
      cell += channels;
      for (std::int64_t c = 0; c < channels; ++c) mean[c] += cell[c];
    }
    for (std::int64_t c = 0; c < channels; ++c) mean[c] *= share;
  }
}

void HeadLayers::take_maxima(std::int64_t samples) {
  const std::int64_t channels = input_.laid_channels;
  for (std::int64_t s = 0; s < samples; ++s) {
    const float* cell = pooled_.data() + s * input_size();
    float* highest = features_.data() + s * channels;
    std::int32_t* where = largest_.data() + s * channels;
    std::copy_n(cell, channels, highest);
    std::fill_n(where, channels, 0);
    for (std::int32_t i = 1; i < input_.cells(); ++i) {
      cell += channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        const bool larger = cell[c] > highest[c] || std::isnan(cell[c]);
        if (!larger) continue;
        highest[c] = cell[c];
        where[c] = i;
      }
    }
  }
}

void HeadLayers::drop(std::int64_t samples, Rng& rng) {
  const auto scale = static_cast<float>(1 / (1 - plan_.dropout));
  const std::int64_t laid = input_.laid_channels;
  for (std::int64_t cell = 0; cell < samples * features(); cell += laid) {
    for (std::int64_t i = cell; i < cell + input_.channels; ++i) {
      mask_[i] = rng.uniform() < plan_.dropout ? 0.0F : scale;
      features_[i] *= mask_[i];
    }
  }
}

std::span<const float> HeadLayers::logits(std::int64_t sample) const {
  return {logits_.data() + sample * laid_classes(), static_cast<std::size_t>(plan_.classes)};
}

float HeadLayers::loss(std::span<const std::int64_t> labels) {
  double sum = 0;
  const float share = 1 / static_cast<float>(labels.size());
  for (std::size_t s = 0; s < labels.size(); ++s) {
    const std::span<const float> row = logits(static_cast<std::int64_t>(s));
    if (!std::ranges::all_of(row, [](float x) { return std::isfinite(x); }))
      return std::numeric_limits<float>::quiet_NaN();
    const float highest = *std::ranges::max_element(row);
    float* gradient = d_logits_.data() + static_cast<std::int64_t>(s) * laid_classes();
    float total = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      gradient[c] = std::exp(row[c] - highest);
      total += gradient[c];
    }
    const auto label = static_cast<std::size_t>(labels[s]);
    sum += std::log(total) + (highest - row[label]);
    for (std::size_t c = 0; c < row.size(); ++c) gradient[c] *= share / total;
    gradient[label] -= share;
  }
  return static_cast<float>(sum / static_cast<double>(labels.size()));
}

const float* HeadLayers::backward(std::int64_t samples) {
  differentiate_classifier(samples);
  if (!mask_.empty()) {
    for (std::int64_t i = 0; i < samples * features(); ++i) d_features_[i] *= mask_[i];
  }
  if (plan_.head == Head::Mean) spread_means(samples);
  if (plan_.head == Head::Max) spread_maxima(samples);
  return d_pooled_.data();
}

void HeadLayers::differentiate_classifier(std::int64_t samples) {
  std::fill_n(weight_gradient_, features() * laid_classes(), 0.0F);
  kernels_.reducing_product({.rows = samples,
                             .depth = features(),
                             .columns = laid_classes(),
                             .a = features_.data(),
                             .a_row = features(),
                             .b = d_logits_.data(),
                             .b_row = laid_classes(),
                             .c = weight_gradient_,
                             .c_row = laid_classes()});
  std::fill_n(bias_gradient_, laid_classes(), 0.0F);
  for (std::int64_t s = 0; s < samples; ++s) {
    for (std::int64_t c = 0; c < plan_.classes; ++c)
      bias_gradient_[c] += d_logits_[s * laid_classes() + c];
  }
  kernels_.transpose(weight_, laid_classes(), features(), plan_.classes, transposed_.data(),
                     features());
  kernels_.product({.rows = samples,
                    .depth = plan_.classes,
                    .columns = features(),
                    .a = d_logits_.data(),
                    .a_row = laid_classes(),
                    .b = transposed_.data(),
                    .b_row = features(),
                    .c = d_features_.data(),
                    .c_row = features()});
}

void HeadLayers::spread_means(std::int64_t samples) {
  const std::int64_t channels = input_.laid_channels;
  const float share = 1 / static_cast<float>(input_.cells());
  for (std::int64_t s = 0; s < samples; ++s) {
    const float* mean = d_features_.data() + s * channels;
    float* cell = d_pooled_.data() + s * input_size();
    for (std::int64_t i = 0; i < input_.cells(); ++i, cell += channels) {
      for (std::int64_t c = 0; c < channels; ++c) cell[c] = mean[c] * share;
    }
  }
}

void HeadLayers::spread_maxima(std::int64_t samples) {
  const std::int64_t channels = input_.laid_channels;
  std::fill_n(d_pooled_.begin(), samples * input_size(), 0.0F);
  for (std::int64_t s = 0; s < samples; ++s) {
    float* cells = d_pooled_.data() + s * input_size();
    for (std::int64_t c = 0; c < channels; ++c)
      cells[largest_[s * channels + c] * channels + c] = d_features_[s * channels + c];
  }
}

}  // namespace hypertune
