// The networks and convolutions of the engine, written with LibTorch's own functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hypertune/rng.h"
#include "nn/convolution.h"
#include "nn/network.h"

namespace hypertune::testing_support {

enum class Real : std::uint8_t { F32, F64 };

/// The network of a plan as one writes it with LibTorch: convolution, batch normalization,
/// activation and pooling in this order, gradients by automatic differentiation. Begins with
/// parameters of 0 and statistics of a new network. Not thread-safe.
class TorchNetwork {
 public:
  TorchNetwork(const NetworkPlan& plan, Real real);
  ~TorchNetwork();

  /// Takes over all parameters. Requires the tensors of the same plan, in ConvNetwork's order.
  void set_parameters(std::span<const float> flat, const std::vector<TensorPlace>& tensors);

  struct Step {
    double loss = 0;
    /// One for each tensor, [out, rows, columns, in].
    std::vector<std::vector<double>> gradients;
    /// For each tensor the largest gradient there would be if batch normalizations took the batch's
    /// statistics for constants. True gradients are what remains when that of the statistics is
    /// taken from these, which can be nothing; rounding errors are of the size of these.
    std::vector<double> terms;
    /// How clearly the network decides: the smallest lead of a maximum over the runner-up and the
    /// smallest distance from an activation's kink, each relative to the largest value of its
    /// layer. Ties of exactly equal values do not count: such values come from the same inputs,
    /// mostly zeros, and whichever is chosen, the gradients of parameters are the same.
    double margin = 0;
    /// The smallest standard deviation that a batch normalization divides by, relative to the
    /// largest value of its layer: its reciprocal is what it multiplies rounding errors by.
    double spread = 0;
  };
  /// As ConvNetwork::train, and `rng` gives the same dropout masks.
  Step train(std::span<const float> samples, std::span<const std::int64_t> labels, Rng& rng);
  /// Plain gradient descent with the gradients of the last step.
  void descend(double rate);
  /// As ConvNetwork::evaluate.
  std::vector<double> evaluate(std::span<const float> samples);
  /// For each batch normalization its running means, then its variances; nothing filled up.
  std::vector<double> statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a convolution gives, in the orders of Convolution.
struct ConvolutionResults {
  std::vector<double> y, input_gradients, weight_gradients;
};

/// How factors of products are rounded.
enum class Factors : std::uint8_t { Exact, Bf16 };

/// In double precision.
///   x   [samples, height, width, in]
///   dy  [samples, out_height, out_width, out]
ConvolutionResults torch_convolution(const ConvolutionShape& shape, std::span<const float> x,
                                     std::span<const float> weights, std::span<const float> bias,
                                     std::span<const float> dy, Factors factors);

}  // namespace hypertune::testing_support
