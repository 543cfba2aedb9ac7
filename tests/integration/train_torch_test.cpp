// The network against the same network made of torch::nn modules in double precision, and the
// optimizers against torch::optim. Tolerances: a float has 24 bits, and sums of some hundred terms
// lose a few of them; 1e-4 of a tensor's largest entry is ten times what was seen.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/made_up_data.h"
#include "train/network.h"
#include "train/optimizer.h"

namespace hypertune {
namespace {

namespace nn = torch::nn;

using testing_support::bar_data;
using testing_support::wave_data;

constexpr std::int64_t kAlignment = 16;

/// The tensors of a flat vector, one after the other, as PyTorch arranges them.
class FlatReader {
 public:
  explicit FlatReader(std::span<const float> flat) : flat_(flat) {}

  torch::Tensor next(const torch::Tensor& like) {
    const std::int64_t size = like.numel();
    auto tensor = torch::from_blob(const_cast<float*>(flat_.data()) + offset_, {size}).clone();
    offset_ += (size + kAlignment - 1) / kAlignment * kAlignment;
    if (like.dim() == 4)
      tensor = tensor.view({like.size(0), like.size(2), like.size(3), like.size(1)})
                   .permute({0, 3, 1, 2});
    return tensor.reshape(like.sizes()).to(torch::kDouble);
  }
  bool at_end() const { return offset_ == static_cast<std::int64_t>(flat_.size()); }

 private:
  std::span<const float> flat_;
  std::int64_t offset_ = 0;
};

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

void expect_like_reference(const TrainerOptions& options, const Dataset& data) {
  Network network(options, data.shape, static_cast<int>(data.classes.size()), Rng(3));
  Reference reference(options, data);
  FlatReader weights(network.parameters());
  {
    const torch::NoGradGuard no_gradients;
    for (torch::Tensor& tensor : reference.in_order()) tensor.copy_(weights.next(tensor));
  }
  EXPECT_TRUE(weights.at_end());
  std::int64_t count = 0;
  for (const torch::Tensor& tensor : reference.parameters()) count += tensor.numel();
  EXPECT_EQ(network.parameter_count(), count);

  std::vector<float> samples = data.values;
  const std::vector<std::int64_t> labels(data.labels.begin(), data.labels.end());
  const auto x = torch::from_blob(samples.data(), {data.size(), data.shape.height, data.shape.width,
                                                   data.shape.channels})
                     .permute({0, 3, 1, 2})
                     .to(torch::kDouble);
  const auto y = torch::tensor(labels);
  Rng dropout;
  for (int step = 0; step < 2; ++step) {  // twice: gradients must not add up
    reference.train();
    reference.zero_grad();
    const torch::Tensor loss = torch::cross_entropy_loss(reference.forward(x), y);
    loss.backward();
    EXPECT_NEAR(network.train(samples, labels, dropout), loss.item<double>(), 1e-4);
    FlatReader gradients(network.gradients());
    for (const torch::Tensor& tensor : reference.in_order())
      EXPECT_LT(difference(gradients.next(tensor), tensor.grad()), 1e-4) << tensor.sizes();
  }
  reference.eval();
  const std::vector<float> logits = network.logits(samples);
  const torch::Tensor expected = reference.forward(x).detach();
  const torch::Tensor actual =
      torch::tensor(std::vector<double>(logits.begin(), logits.end())).view(expected.sizes());
  EXPECT_LT(difference(actual, expected), 1e-4);
}

TEST(Network, AgreesWithTorchModulesOnSequences) {
  prepare_training_thread();
  for (const bool norm : {false, true}) {
    SCOPED_TRACE(norm);
    expect_like_reference({.channels = {32, 64}, .batch_norm = norm}, wave_data(32));
  }
}

TEST(Network, AgreesWithTorchModulesOnImages) {
  prepare_training_thread();
  for (const bool norm : {false, true}) {
    SCOPED_TRACE(norm);
    expect_like_reference({.channels = {8, 24}, .batch_norm = norm}, bar_data(20));
  }
}

TEST(Network, AgreesWithTorchModulesForEveryActivationAndHead) {
  prepare_training_thread();
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
  prepare_training_thread();
  expect_like_reference({.channels = {5}, .kernel = 7, .pool = 1}, wave_data(9));
  expect_like_reference({.channels = {5, 3}, .kernel = 1, .pool = 3}, wave_data(9));
  expect_like_reference({.channels = {4, 4}, .kernel = 5, .pool = 1}, bar_data(9));
}

/// The parameters after five steps with made-up gradients.
void expect_like_torch(const TrainerOptions& options, torch::optim::Optimizer& reference,
                       torch::Tensor& parameters) {
  const auto size = static_cast<std::size_t>(parameters.numel());
  const float* initial = parameters.data_ptr<float>();
  std::vector<float> ours(initial, initial + size);
  std::vector<float> gradients(size);
  Optimizer optimizer(options, size);
  Rng rng(1);
  for (int step = 0; step < 5; ++step) {
    for (float& gradient : gradients) gradient = static_cast<float>(rng.normal());
    parameters.mutable_grad() = torch::from_blob(gradients.data(), {parameters.numel()}).clone();
    reference.step();
    optimizer.step(ours, gradients, options.learning_rate);
  }
  const float* theirs = parameters.data_ptr<float>();
  for (std::size_t i = 0; i < size; ++i) EXPECT_NEAR(ours[i], theirs[i], 2e-6) << i;
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
    TrainerOptions options{.learning_rate = 0.03, .momentum = 0.8, .weight_decay = decay};
    SCOPED_TRACE(decay);
    const auto check = [&](const std::string& name, auto make) {
      SCOPED_TRACE(name);
      options.optimizer = name;
      torch::Tensor parameters = some_parameters();
      const auto reference = make(std::vector<torch::Tensor>{parameters});
      expect_like_torch(options, *reference, parameters);
    };
    check("sgd", [&](const auto& p) {
      return std::make_unique<optim::SGD>(p, optim::SGDOptions(0.03).weight_decay(decay));
    });
    check("momentum", [&](const auto& p) {
      return std::make_unique<optim::SGD>(
          p, optim::SGDOptions(0.03).momentum(0.8).weight_decay(decay));
    });
    check("adam", [&](const auto& p) {
      return std::make_unique<optim::Adam>(p, optim::AdamOptions(0.03).weight_decay(decay));
    });
    check("adamw", [&](const auto& p) {
      return std::make_unique<optim::AdamW>(p, optim::AdamWOptions(0.03).weight_decay(decay));
    });
    check("rmsprop", [&](const auto& p) {
      return std::make_unique<optim::RMSprop>(p, optim::RMSpropOptions(0.03).weight_decay(decay));
    });
  }
}

}  // namespace
}  // namespace hypertune
