// Both backends against the network made of torch::nn modules in double precision, and the
// optimizers against torch::optim. Tolerances: a float has 24 bits, and sums of some hundred terms
// lose a few of them; 1e-4 of a tensor's largest entry is ten times what was seen.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "nn/optimizer.h"
#include "support/made_up_data.h"
#include "train/network.h"

namespace hypertune {
namespace {

namespace nn = torch::nn;

using testing_support::bar_data;
using testing_support::wave_data;

constexpr double kRate = 0.03;

/// A tensor of a flat vector, as PyTorch arranges it, in double precision.
torch::Tensor tensor_at(std::span<const float> flat, const TensorPlace& place,
                        const torch::Tensor& like) {
  const auto size = static_cast<std::int64_t>(flat.size());
  const torch::Tensor tensor = torch::from_blob(const_cast<float*>(flat.data()), {size})
                                   .as_strided(place.sizes, place.strides, place.offset);
  const bool is_convolution = like.dim() == 4;
  return (is_convolution ? tensor.permute({0, 3, 1, 2}) : tensor)
      .reshape(like.sizes())
      .to(torch::kDouble);
}

/// The network as one would write it with LibTorch's modules, pooling after the activation.
struct Reference : nn::Module {
  TrainerOptions options;
  std::vector<nn::Conv2d> convolutions;
  std::vector<nn::BatchNorm2d> norms;
  nn::Linear linear{nullptr};
  bool sequence;

  Reference(const TrainerOptions& o, const Dataset& data)
      : options(o), sequence(data.shape.height == 1) {
    std::int64_t before = data.shape.channels;
    std::int64_t height = data.shape.height;
    std::int64_t width = data.shape.width;
    for (const std::int64_t channels : o.channels) {
      const std::int64_t rows = sequence ? 1 : o.kernel;
      convolutions.push_back(
          register_module("conv" + std::to_string(convolutions.size()),
                          nn::Conv2d(nn::Conv2dOptions(before, channels, {rows, o.kernel})
                                         .padding({rows / 2, o.kernel / 2})
                                         .bias(!o.batch_norm))));
      if (o.batch_norm)
        norms.push_back(
            register_module("norm" + std::to_string(norms.size()), nn::BatchNorm2d(channels)));
      before = channels;
      height = sequence ? 1 : height / o.pool;
      width /= o.pool;
    }
    const std::int64_t features = o.head == "flatten" ? before * height * width : before;
    linear = register_module("linear", nn::Linear(features, data.classes.size()));
    to(torch::kDouble);
  }

  torch::Tensor activate(const torch::Tensor& x) const {
    if (options.activation == "relu") return torch::relu(x);
    if (options.activation == "leaky-relu") return torch::leaky_relu(x, 0.01);
    if (options.activation == "tanh") return torch::tanh(x);
    return torch::gelu(x);
  }

  torch::Tensor forward(torch::Tensor x) {
    for (std::size_t i = 0; i < convolutions.size(); ++i) {
      x = convolutions[i]->forward(x);
      if (options.batch_norm) x = norms[i]->forward(x);
      x = torch::max_pool2d(activate(x), {sequence ? 1 : options.pool, options.pool});
    }
    if (options.head == "mean") x = x.mean({2, 3});
    if (options.head == "max") x = x.amax({2, 3});
    if (options.head == "flatten") x = x.permute({0, 2, 3, 1}).flatten(1);
    return linear->forward(x);
  }

  /// In the order of the flat vector.
  std::vector<torch::Tensor> in_order() {
    std::vector<torch::Tensor> all;
    for (std::size_t i = 0; i < convolutions.size(); ++i) {
      all.push_back(convolutions[i]->weight);
      if (options.batch_norm) {
        all.push_back(norms[i]->weight);
        all.push_back(norms[i]->bias);
      } else {
        all.push_back(convolutions[i]->bias);
      }
    }
    all.push_back(linear->weight);
    all.push_back(linear->bias);
    return all;
  }
};

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>() / std::max(1e-3, b.abs().max().item<double>());
}

void expect_like_reference(const std::string& backend, TrainerOptions options,
                           const Dataset& data) {
  SCOPED_TRACE(backend);
  options.backend = backend;
  const auto network =
      make_network(options, data.shape, static_cast<int>(data.classes.size()), Rng(3));
  network->prepare_thread();
  Reference reference(options, data);
  const std::vector<torch::Tensor> tensors = reference.in_order();
  const std::vector<TensorPlace>& places = network->tensors();
  ASSERT_EQ(tensors.size(), places.size());
  {
    const torch::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      tensors[i].copy_(tensor_at(network->parameters(), places[i], tensors[i]));
  }
  const std::vector<std::int64_t> labels(data.labels.begin(), data.labels.end());
  const auto x =
      torch::from_blob(const_cast<float*>(data.values.data()),
                       {data.size(), data.shape.height, data.shape.width, data.shape.channels})
          .permute({0, 3, 1, 2})
          .to(torch::kDouble);
  const auto y = torch::tensor(labels);
  Rng dropout;
  for (int step = 0; step < 2; ++step) {  // twice: gradients must not add up
    reference.train();
    reference.zero_grad();
    const torch::Tensor loss = torch::cross_entropy_loss(reference.forward(x), y);
    loss.backward();
    EXPECT_NEAR(network->train(data.values, labels, dropout), loss.item<double>(), 1e-4);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const torch::Tensor actual = tensor_at(network->gradients(), places[i], tensors[i]);
      EXPECT_LT(difference(actual, tensors[i].grad()), 1e-4) << places[i].name;
    }
  }
  reference.eval();
  std::vector<float> logits(labels.size() * data.classes.size());
  network->evaluate(data.values, logits);
  const torch::Tensor expected = reference.forward(x).detach();
  const torch::Tensor actual =
      torch::tensor(std::vector<double>(logits.begin(), logits.end())).view(expected.sizes());
  EXPECT_LT(difference(actual, expected), 1e-4);
}

void expect_like_reference(const TrainerOptions& options, const Dataset& data) {
  expect_like_reference("native", options, data);
  expect_like_reference("torch", options, data);
}

TEST(Network, AgreesWithTorchModulesOnSequences) {
  for (const bool norm : {false, true}) {
    SCOPED_TRACE(norm);
    expect_like_reference({.channels = {32, 64}, .batch_norm = norm}, wave_data(32));
  }
}

TEST(Network, AgreesWithTorchModulesOnImages) {
  for (const bool norm : {false, true}) {
    SCOPED_TRACE(norm);
    expect_like_reference({.channels = {8, 24}, .batch_norm = norm}, bar_data(20));
  }
}

TEST(Network, AgreesWithTorchModulesForEveryActivationAndHead) {
  for (const char* activation : {"relu", "leaky-relu", "gelu", "tanh"}) {
    for (const char* head : {"mean", "max", "flatten"}) {
      SCOPED_TRACE(std::string(activation) + ", " + head);
      const TrainerOptions options{.channels = {6, 10}, .activation = activation, .head = head};
      expect_like_reference(options, wave_data(17));
      expect_like_reference(options, bar_data(17));
    }
  }
}

TEST(Network, AgreesWithTorchModulesForOddKernelsAndPools) {
  expect_like_reference({.channels = {5}, .kernel = 7, .pool = 1}, wave_data(9));
  expect_like_reference({.channels = {5, 3}, .kernel = 1, .pool = 3}, wave_data(9));
  expect_like_reference({.channels = {4, 4}, .kernel = 5, .pool = 1}, bar_data(9));
}

/// Compares the parameters after fifty steps with made-up gradients.
void expect_like_torch(const OptimizerOptions& options, torch::optim::Optimizer& reference,
                       torch::Tensor& parameters) {
  const auto size = static_cast<std::size_t>(parameters.numel());
  const float* initial = parameters.data_ptr<float>();
  std::vector<float> ours(initial, initial + size);
  std::vector<float> gradients(size);
  Optimizer optimizer(options, size, kernels_for(chosen_isa()));
  Rng rng(1);
  for (int step = 0; step < 50; ++step) {
    for (float& gradient : gradients) gradient = static_cast<float>(rng.normal());
    parameters.mutable_grad() = torch::from_blob(gradients.data(), {parameters.numel()}).clone();
    reference.step();
    optimizer.step(ours, gradients, kRate);
  }
  const float* theirs = parameters.data_ptr<float>();
  for (std::size_t i = 0; i < size; ++i)
    EXPECT_NEAR(ours[i], theirs[i], 5e-6 * std::max(1.0F, std::abs(theirs[i]))) << i;
}

torch::Tensor some_parameters() {
  Rng rng(2);
  std::vector<float> values(37);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return torch::tensor(values).requires_grad_();
}

TEST(Optimizer, AgreesWithTorchOptim) {
  namespace optim = torch::optim;
  for (const double decay : {0.0, 0.1}) {
    SCOPED_TRACE(decay);
    const auto check = [&](OptimizerRule rule, auto make) {
      SCOPED_TRACE(static_cast<int>(rule));
      torch::Tensor parameters = some_parameters();
      const auto reference = make(std::vector<torch::Tensor>{parameters});
      expect_like_torch({.rule = rule, .momentum = 0.8, .weight_decay = decay}, *reference,
                        parameters);
    };
    const auto sgd = optim::SGDOptions(kRate).weight_decay(decay);
    check(OptimizerRule::Sgd, [&](const auto& p) { return std::make_unique<optim::SGD>(p, sgd); });
    check(OptimizerRule::Momentum, [&](auto p) {
      return std::make_unique<optim::SGD>(p, optim::SGDOptions(sgd).momentum(0.8));
    });
    check(OptimizerRule::Nesterov, [&](auto p) {
      return std::make_unique<optim::SGD>(p, optim::SGDOptions(sgd).momentum(0.8).nesterov(true));
    });
    check(OptimizerRule::Adam, [&](auto p) {
      return std::make_unique<optim::Adam>(p, optim::AdamOptions(kRate).weight_decay(decay));
    });
    check(OptimizerRule::AdamW, [&](auto p) {
      return std::make_unique<optim::AdamW>(p, optim::AdamWOptions(kRate).weight_decay(decay));
    });
    check(OptimizerRule::RmsProp, [&](auto p) {
      return std::make_unique<optim::RMSprop>(p, optim::RMSpropOptions(kRate).weight_decay(decay));
    });
  }
}

}  // namespace
}  // namespace hypertune
