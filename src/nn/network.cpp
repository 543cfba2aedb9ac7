// A convolutional network of the engine.
#include "nn/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "hypertune/error.h"
#include "nn/block.h"
#include "nn/head.h"

namespace hypertune {
namespace {

/// Evaluation takes at least so many samples at once, however small the batches of training are.
constexpr std::int64_t kLeastCapacity = 32;

/// Input and outputs of the blocks in turn. Throws ConfigError.
std::vector<Extent> extents(const NetworkPlan& plan) {
  HT_ASSERT(!plan.blocks.empty());
  std::vector<Extent> all = {{plan.height == 1 ? SampleKind::Sequence : SampleKind::Image,
                              plan.height, plan.width, plan.channels, plan.channels}};
  for (const BlockPlan& block : plan.blocks) {
    all.push_back(output_extent(block, all.back()));
    if (all.back().cells() > 0) continue;
    throw ConfigError(fmt::format(
        "nothing is left of the input after {} of {} blocks: it has {} positions and each block "
        "pools by {}; use fewer channels entries or a smaller pool",
        all.size() - 1, plan.blocks.size(),
        plan.height == 1 ? fmt::format("{}", plan.width)
                         : fmt::format("{} x {}", plan.height, plan.width),
        block.pool));
  }
  return all;
}

/// Lays tensors out one after another.
class Places {
 public:
  void add_weight(std::string name, const Extent& from, const ConvolutionShape& shape,
                  std::int64_t outputs) {
    const std::int64_t column = shape.in_channels * shape.out_channels;
    inputs_ = shape.kernel_height * shape.kernel_width * from.channels;
    tensors.push_back({std::move(name),
                       {outputs, shape.kernel_height, shape.kernel_width, from.channels},
                       {1, shape.kernel_width * column, column, shape.out_channels},
                       size,
                       inputs_});
    size += shape.weights();
  }
  /// As many entries as the weight before has outputs.
  void add_bias(std::string name) { add_vector(std::move(name), inputs_); }
  void add_scale_or_shift(std::string name) { add_vector(std::move(name), 0); }

  std::vector<TensorPlace> tensors;
  std::int64_t size = 0;

 private:
  void add_vector(std::string name, std::int64_t inputs) {
    const std::int64_t count = tensors.back().sizes[0];
    tensors.push_back({std::move(name), {count, 1, 1, 1}, {1, 0, 0, 0}, size, inputs});
    size += filled_up(count);
  }

  std::int64_t inputs_ = 0;  ///< of the weight before
};

double work_of(const ConvolutionShape& shape, std::int64_t in, std::int64_t out) {
  return 2.0 * static_cast<double>(shape.out_height() * shape.out_width() * shape.kernel_height *
                                   shape.kernel_width * in * out);
}

}  // namespace

struct ConvNetwork::State {
  State(const NetworkPlan& wanted, Isa isa);

  void lay_out();
  void bind();
  void load(const float* samples, std::int64_t n);
  void forward(std::int64_t n, Mode mode, Rng* dropout);
  void backward(std::int64_t n);
  std::int64_t sample_size() const { return plan.height * plan.width * plan.channels; }

  NetworkPlan plan;
  std::int64_t capacity;
  std::vector<Extent> shapes;  ///< of the input, then after each block
  Arena arena;
  std::vector<Block> blocks;
  HeadLayers head;
  std::vector<TensorPlace> tensors;
  std::span<float> parameters, gradients, statistics;
  /// Gradients of the inputs of blocks: of this one, and of the one behind it.
  std::array<std::span<float>, 2> input_gradients;
};

ConvNetwork::State::State(const NetworkPlan& wanted, Isa isa)
    : plan(wanted),
      capacity(std::max(plan.batch, kLeastCapacity)),
      shapes(extents(plan)),
      head(plan, shapes.back(), capacity, kernels_for(isa), arena) {
  blocks.reserve(plan.blocks.size());
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
    const bool input_gradient = i > 0;
    const BlockOptions options{plan.precision, capacity, input_gradient};
    blocks.emplace_back(plan.blocks[i], shapes[i], options, kernels_for(isa), arena);
    if (input_gradient) largest = std::max(largest, shapes[i].cells() * shapes[i].laid_channels);
  }
  for (auto& buffer : input_gradients) buffer = arena.floats(capacity * largest);
  lay_out();
  bind();
}

void ConvNetwork::State::lay_out() {
  Places places;
  std::int64_t statistics_size = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::string name = fmt::format("block{}", i + 1);
    places.add_weight(name + ".weight", shapes[i], blocks[i].shape(), shapes[i + 1].channels);
    if (blocks[i].normalizes()) {
      places.add_scale_or_shift(name + ".scale");
      places.add_scale_or_shift(name + ".shift");
      statistics_size += 2 * shapes[i + 1].laid_channels;
    } else {
      places.add_bias(name + ".bias");
    }
  }
  const Extent& last = shapes.back();
  const bool flattens = plan.head == Head::Flatten;
  places.add_weight("classifier.weight", last,
                    {.in_channels = last.laid_channels,
                     .out_channels = head.laid_classes(),
                     .kernel_height = flattens ? last.height : 1,
                     .kernel_width = flattens ? last.width : 1},
                    plan.classes);
  places.add_bias("classifier.bias");
  tensors = std::move(places.tensors);
  parameters = arena.floats(places.size);
  gradients = arena.floats(places.size);
  statistics = arena.floats(statistics_size);
}

void ConvNetwork::State::bind() {
  std::size_t next = 0;
  float* statistic = statistics.data();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const bool normalizes = blocks[i].normalizes();
    const std::size_t first = std::exchange(next, next + (normalizes ? 3 : 2));
    const auto tensors_in = [&](std::span<float> flat) {
      const auto tensor = [&](std::size_t t) { return flat.data() + tensors[first + t].offset; };
      return normalizes ? BlockTensors{tensor(0), tensor(1), tensor(2)}
                        : BlockTensors{tensor(0), nullptr, tensor(1)};
    };
    blocks[i].bind(tensors_in(parameters), tensors_in(gradients), statistic);
    if (!normalizes) continue;
    const Extent& output = shapes[i + 1];
    std::fill_n(tensors_in(parameters).scale, output.channels, 1.0F);
    std::fill_n(statistic + output.laid_channels, output.channels, 1.0F);
    statistic += 2 * output.laid_channels;
  }
  const std::int64_t weight = tensors[next].offset;
  const std::int64_t bias = tensors[next + 1].offset;
  head.bind(parameters.data() + weight, parameters.data() + bias, gradients.data() + weight,
            gradients.data() + bias);
}

void ConvNetwork::State::load(const float* samples, std::int64_t n) {
  const Destination to = blocks.front().input();
  const std::int64_t row = plan.width * plan.channels;
  for (std::int64_t s = 0; s < n; ++s) {
    for (std::int64_t y = 0; y < plan.height; ++y, samples += row)
      std::copy_n(samples, row, to.data + s * to.sample + y * to.row);
  }
}

void ConvNetwork::State::forward(std::int64_t n, Mode mode, Rng* dropout) {
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i].forward(n, mode, i + 1 < blocks.size() ? blocks[i + 1].input() : head.input());
  head.forward(n, dropout);
}

void ConvNetwork::State::backward(std::int64_t n) {
  const float* d_out = head.backward(n);
  for (std::size_t i = blocks.size(); i-- > 0;) {
    float* dx = i > 0 ? input_gradients[i % 2].data() : nullptr;
    blocks[i].backward(n, d_out, dx);
    d_out = dx;
  }
}

ConvNetwork::ConvNetwork(const NetworkPlan& plan, Isa isa)
    : state_(std::make_unique<State>(plan, isa)) {}
ConvNetwork::~ConvNetwork() = default;
ConvNetwork::ConvNetwork(ConvNetwork&&) noexcept = default;

std::span<float> ConvNetwork::parameters() { return state_->parameters; }
std::span<const float> ConvNetwork::gradients() const { return state_->gradients; }
std::span<float> ConvNetwork::statistics() { return state_->statistics; }
const std::vector<TensorPlace>& ConvNetwork::tensors() const { return state_->tensors; }

float ConvNetwork::train(std::span<const float> samples, std::span<const std::int64_t> labels,
                         Rng& rng) {
  const auto n = static_cast<std::int64_t>(labels.size());
  HT_ASSERT(n >= 1 && n <= state_->plan.batch);
  HT_ASSERT(static_cast<std::int64_t>(samples.size()) == n * state_->sample_size());
  HT_ASSERT(std::ranges::all_of(
      labels, [&](std::int64_t label) { return label >= 0 && label < state_->plan.classes; }));
  state_->load(samples.data(), n);
  state_->forward(n, Mode::Training, &rng);
  const float loss = state_->head.loss(labels);
  if (std::isfinite(loss)) state_->backward(n);
  return loss;
}

void ConvNetwork::evaluate(std::span<const float> samples, std::span<float> logits) {
  const std::int64_t size = state_->sample_size();
  const std::int64_t n = static_cast<std::int64_t>(samples.size()) / size;
  HT_ASSERT(static_cast<std::int64_t>(samples.size()) == n * size);
  HT_ASSERT(static_cast<std::int64_t>(logits.size()) == n * state_->plan.classes);
  auto to = logits.begin();
  for (std::int64_t first = 0; first < n; first += state_->capacity) {
    const std::int64_t count = std::min(state_->capacity, n - first);
    state_->load(samples.data() + first * size, count);
    state_->forward(count, Mode::Evaluation, nullptr);
    for (std::int64_t s = 0; s < count; ++s) {
      to = std::ranges::copy(state_->head.logits(s), to).out;
    }
  }
}

ConvNetwork::Work ConvNetwork::work_per_sample() const {
  const State& state = *state_;
  Work work;
  for (std::size_t i = 0; i < state.blocks.size(); ++i) {
    const double forward =
        work_of(state.blocks[i].shape(), state.shapes[i].channels, state.shapes[i + 1].channels);
    work.forward += forward;
    work.training += forward * (i > 0 ? 3 : 2);
  }
  const Extent& last = state.shapes.back();
  const std::int64_t cells = state.plan.head == Head::Flatten ? last.cells() : 1;
  const double classifier = 2.0 * static_cast<double>(cells * last.channels * state.plan.classes);
  work.forward += classifier;
  work.training += 3 * classifier;
  return work;
}

}  // namespace hypertune
