// Which backend computes a network, its initial weights, and the native backend.
#include "train/network.h"

#include <cmath>

#include "base/assert.h"
#include "train/network_plan.h"
#include "train/torch_backend.h"

namespace hypertune {
namespace {

/// The engine of src/nn, with the best instructions that this processor has.
class NativeNetwork final : public Network {
 public:
  explicit NativeNetwork(const NetworkPlan& plan) : isa_(chosen_isa()), network_(plan, isa_) {}

  std::span<float> parameters() override { return network_.parameters(); }
  std::span<const float> gradients() const override { return network_.gradients(); }
  std::span<float> statistics() override { return network_.statistics(); }
  const std::vector<TensorPlace>& tensors() const override { return network_.tensors(); }
  void prepare_thread() override { prepare_compute_thread(isa_); }
  float train(std::span<const float> samples, std::span<const std::int64_t> labels,
              Rng& rng) override {
    return network_.train(samples, labels, rng);
  }
  void evaluate(std::span<const float> samples, std::span<float> logits) override {
    network_.evaluate(samples, logits);
  }

 private:
  Isa isa_;
  ConvNetwork network_;
};

bool is_native(const TrainerOptions& options) {
  return options.backend == "native" || (options.backend == "auto" && options.device == "cpu");
}

Device device_of(const TrainerOptions& options) {
  return options.device == "cuda" ? Device::Cuda : Device::Cpu;
}

std::unique_ptr<Network> network_of(const TrainerOptions& options, const NetworkPlan& plan) {
  if (is_native(options)) return std::make_unique<NativeNetwork>(plan);
  return torch_backend().make_network(plan, device_of(options));
}

/// Scales and shifts are left as they are.
void draw_weights(Network& network, const Rng& rng) {
  const std::span<float> parameters = network.parameters();
  for (const TensorPlace& tensor : network.tensors()) {
    if (tensor.inputs == 0) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(tensor.inputs));
    Rng draws = rng.fork(tensor.name);
    for (std::int64_t out = 0; out < tensor.sizes[0]; ++out) {
      for (std::int64_t row = 0; row < tensor.sizes[1]; ++row) {
        for (std::int64_t column = 0; column < tensor.sizes[2]; ++column) {
          for (std::int64_t in = 0; in < tensor.sizes[3]; ++in) {
            const auto place = static_cast<std::size_t>(tensor.at(out, row, column, in));
            parameters[place] = static_cast<float>(bound * (2 * draws.uniform() - 1));
          }
        }
      }
    }
  }
}

}  // namespace

std::unique_ptr<Network> make_network(const TrainerOptions& options, const SampleShape& input,
                                      int classes, const Rng& rng) {
  options.validate();
  std::unique_ptr<Network> network = network_of(options, network_plan(options, input, classes));
  draw_weights(*network, rng);
  return network;
}

std::int64_t count_parameters(const TrainerOptions& options, const SampleShape& input,
                              int classes) {
  return count_parameters(network_plan(options, input, classes));
}

std::map<std::string, std::string> backend_facts(const TrainerOptions& options) {
  options.validate();
  const Isa isa = chosen_isa();  // the optimizer's, whatever the backend
  if (is_native(options)) {
    return {{"backend", "native"},
            {"version", HYPERTUNE_VERSION},
            {"instructions", std::string(isa_name(isa))}};
  }
  torch_backend().require(device_of(options));
  return {{"backend", "torch"}, {"version", torch_backend().libtorch_version}};
}

}  // namespace hypertune
