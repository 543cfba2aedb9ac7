// Gradients of whole networks against finite differences of their loss, over random plans.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "hypertune/error.h"
#include "support/random_network.h"

namespace hypertune::testing {
namespace {

/// Both included.
std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::inRange(low, high + 1);
}

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

/// Smooth: the loss has no kinks, so that differences come close to gradients.
enum class Surface { Smooth, Any };

BlockPlan any_block(Surface surface) {
  BlockPlan block{.channels = between(1, 35),
                  .kernel = one_of<std::int64_t>({1, 2, 3, 3, 3, 4, 5}),
                  .stride = one_of<std::int64_t>({1, 1, 1, 2, 3}),
                  .batch_norm = *rc::gen::arbitrary<bool>(),
                  .pool = between(1, 3)};
  block.padding = one_of<std::int64_t>({0, block.kernel / 2, block.kernel / 2, block.kernel});
  if (surface == Surface::Smooth) {
    block.activation = one_of({Activation::None, Activation::Gelu, Activation::Tanh});
    block.pooling = one_of({Pooling::None, Pooling::Average});
  } else {
    block.activation = one_of({Activation::None, Activation::Relu, Activation::LeakyRelu,
                               Activation::Gelu, Activation::Tanh});
    block.pooling = one_of({Pooling::None, Pooling::Max, Pooling::Max, Pooling::Average});
  }
  return block;
}

NetworkPlan any_plan(Surface surface) {
  NetworkPlan plan{.height = one_of<std::int64_t>({1, 1, 4, 7, 8}),
                   .width = between(4, 14),
                   .channels = between(1, 5),
                   .blocks = {},
                   .classes = between(2, 18),
                   .batch = between(1, 9)};
  // A cache level holds but one or two such samples.
  if (between(1, 12) == 1) plan.width = plan.height == 1 ? 2000 : 200;
  for (std::int64_t i = between(1, 3); i > 0; --i) plan.blocks.push_back(any_block(surface));
  plan.head = surface == Surface::Smooth ? one_of({Head::Mean, Head::Flatten})
                                         : one_of({Head::Mean, Head::Max, Head::Flatten});
  plan.dropout = one_of({0.0, 0.0, 0.4});
  return plan;
}

std::unique_ptr<ConvNetwork> network_of(const NetworkPlan& plan, Isa isa) {
  try {
    return std::make_unique<ConvNetwork>(plan, isa);
  } catch (const ConfigError&) {
    RC_DISCARD("nothing is left of the input");
  }
}

double norm(std::span<const double> v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

/// A network with a batch, whose loss is a function of the parameters alone.
class Loss {
 public:
  Loss(ConvNetwork& network, const NetworkPlan& plan, std::uint64_t seed)
      : network_(network), batch_(random_batch(plan, plan.batch, seed)) {
    initialize(network, seed + 1);
  }

  double value() {
    Rng dropout(11);
    return network_.train(batch_.samples, batch_.labels, dropout);
  }

  /// The loss with the tensor's entries moved along `direction`.
  double moved(std::span<const std::size_t> at, std::span<const double> direction, double by) {
    const std::vector<float> before(network_.parameters().begin(), network_.parameters().end());
    for (std::size_t i = 0; i < at.size(); ++i)
      network_.parameters()[at[i]] = static_cast<float>(before[at[i]] + by * direction[i]);
    const double moved = value();
    std::ranges::copy(before, network_.parameters().begin());
    return moved;
  }

 private:
  ConvNetwork& network_;
  Batch batch_;
};

/// Half along the gradient, for a slope that stands out of rounding, half anywhere, so that no
/// entry is overlooked.
std::vector<double> direction_of(std::span<const double> gradient, Rng& rng) {
  std::vector<double> v(gradient.size());
  for (double& x : v) x = rng.normal();
  const double share = norm(gradient) > 0 ? norm(v) / norm(gradient) : 0;
  for (std::size_t i = 0; i < v.size(); ++i) v[i] += share * gradient[i];
  const double length = norm(v);
  for (double& x : v) x /= length;
  return v;
}

/// Rounding of a loss around 3 in its last bits, through some hundred operations.
constexpr double kLossNoise = 2e-6;

/// Error of the slope along some directions, relative to the tensor's gradient: the median.
/// Directions along which the loss bends are left out; nothing when most do.
std::optional<double> gradient_error(Loss& loss, std::span<const std::size_t> at,
                                     std::span<const double> gradient, double step,
                                     double tolerance, Rng& rng) {
  const double noise = kLossNoise / step;
  const double size = std::max(norm(gradient), 10 * noise);
  const double here = loss.value();
  std::vector<double> errors;
  for (int i = 0; i < 7; ++i) {
    const std::vector<double> direction = direction_of(gradient, rng);
    double expected = 0;
    for (std::size_t k = 0; k < direction.size(); ++k) expected += gradient[k] * direction[k];
    const double before = (here - loss.moved(at, direction, -step)) / step;
    const double behind = (loss.moved(at, direction, step) - here) / step;
    if (std::abs(behind - before) > 2 * noise + tolerance * size) continue;
    const double error = std::abs((before + behind) / 2 - expected);
    errors.push_back(std::max(0.0, error - noise) / size);
  }
  if (errors.size() < 4) return {};
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::ranges::nth_element(errors, middle);
  return *middle;
}

void expect_gradients(Surface surface, double step, double tolerance) {
  int tensors = 0;
  int decided = 0;
  EXPECT_TRUE(rc::check([&] {
    const NetworkPlan plan = any_plan(surface);
    const Isa isa = *rc::gen::elementOf(supported_isas());
    const std::unique_ptr<ConvNetwork> network = network_of(plan, isa);
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    Loss loss(*network, plan, seed);
    RC_ASSERT(std::isfinite(loss.value()));
    const std::vector<float> gradients(network->gradients().begin(), network->gradients().end());
    Rng rng(seed);
    for (const TensorPlace& tensor : network->tensors()) {
      const std::vector<std::size_t> at = entries(tensor);
      std::vector<double> gradient;
      for (const std::size_t i : at) gradient.push_back(gradients[i]);
      const auto error = gradient_error(loss, at, gradient, step, tolerance, rng);
      ++tensors;
      decided += error.has_value();
      if (error.value_or(0) > tolerance)
        RC_FAIL(fmt::format("{}\n  {} is off by {}", text(plan, isa), tensor.name, *error));
    }
  }));
  EXPECT_GT(decided, 0.9 * tensors);
}

TEST(GradientProperty, OfSmoothNetworksIsTheSlopeOfTheLoss) {
  expect_gradients(Surface::Smooth, 4e-3, 0.02);
}

TEST(GradientProperty, OfNetworksWithKinksIsTheSlopeOfTheLossBetweenThem) {
  expect_gradients(Surface::Any, 2e-3, 0.05);
}

TEST(GradientProperty, OfEntriesThatFillUpIsZero) {
  EXPECT_TRUE(rc::check([] {
    const NetworkPlan plan = any_plan(Surface::Any);
    const Isa isa = *rc::gen::elementOf(supported_isas());
    const std::unique_ptr<ConvNetwork> network = network_of(plan, isa);
    Loss loss(*network, plan, *rc::gen::arbitrary<std::uint32_t>());
    RC_ASSERT(std::isfinite(loss.value()));
    std::set<std::size_t> real;
    for (const TensorPlace& tensor : network->tensors())
      for (const std::size_t i : entries(tensor)) RC_ASSERT(real.insert(i).second);
    for (std::size_t i = 0; i < network->gradients().size(); ++i)
      if (!real.contains(i)) RC_ASSERT(network->gradients()[i] == 0.0F);
  }));
}

}  // namespace
}  // namespace hypertune::testing
