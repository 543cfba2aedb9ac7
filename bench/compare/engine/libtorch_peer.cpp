// The same training as LibTorch's users write it: its modules, its optimizer, the usual loop.
#include "compare/engine/libtorch_peer.h"

#include <dlfcn.h>
#include <torch/torch.h>

namespace hypertune {
namespace {

torch::nn::Sequential model(const Workload& workload) {
  namespace nn = torch::nn;
  const TrainerOptions& options = workload.options;
  const SampleShape& shape = workload.data->shape;
  std::int64_t in = shape.channels;
  std::int64_t positions = 1;
  nn::Sequential layers;
  for (const std::int64_t out : options.channels) {
    // A bias before batch normalization has no effect; both sides leave it out.
    const bool norm = options.batch_norm;
    if (shape.height == 1) {
      layers->push_back(nn::Conv1d(
          nn::Conv1dOptions(in, out, options.kernel).padding(options.kernel / 2).bias(!norm)));
      if (norm) layers->push_back(nn::BatchNorm1d(out));
      layers->push_back(nn::ReLU());
      layers->push_back(nn::MaxPool1d(options.pool));
    } else {
      layers->push_back(nn::Conv2d(
          nn::Conv2dOptions(in, out, options.kernel).padding(options.kernel / 2).bias(!norm)));
      if (norm) layers->push_back(nn::BatchNorm2d(out));
      layers->push_back(nn::ReLU());
      layers->push_back(nn::MaxPool2d(options.pool));
    }
    in = out;
  }
  if (options.head == "flatten") {
    std::int64_t height = shape.height;
    std::int64_t width = shape.width;
    for (std::size_t i = 0; i < options.channels.size(); ++i) {
      height /= options.pool;
      width /= options.pool;
    }
    positions = height * width;
  } else {
    layers->push_back(nn::AdaptiveAvgPool1d(1));
  }
  layers->push_back(nn::Flatten());
  layers->push_back(nn::Linear(in * positions, workload.data->classes.size()));
  return layers;
}

/// Samples as PyTorch wants them, [n, channels, width] or [n, channels, height, width].
torch::Tensor inputs(const Dataset& data) {
  const SampleShape& shape = data.shape;
  const torch::Tensor all =
      torch::from_blob(const_cast<float*>(data.values.data()),  // read only
                       {data.size(), shape.height, shape.width, shape.channels});
  const torch::Tensor turned = all.permute({0, 3, 1, 2});
  // In the default order, also where there is one channel and both look the same.
  return (shape.height == 1 ? turned.squeeze(2) : turned).clone(at::MemoryFormat::Contiguous);
}

torch::Tensor indices(const std::vector<std::int64_t>& values) {
  return torch::tensor(values, torch::kLong);
}

}  // namespace

struct LibTorchPeer::State {
  torch::Tensor train_x, train_y, val_x, val_y;
  torch::nn::Sequential model;
  std::unique_ptr<torch::optim::Adam> adam;
  std::int64_t batch;
};

LibTorchPeer::LibTorchPeer(const Workload& workload) : state_(std::make_unique<State>()) {
  torch::manual_seed(1);
  const Dataset& data = *workload.data;
  const torch::Tensor x = inputs(data);
  const torch::Tensor y = torch::tensor(data.labels, torch::kLong);
  const torch::Tensor train = indices(workload.split.train);
  const torch::Tensor validation = indices(workload.split.validation);
  State& s = *state_;
  s.train_x = x.index_select(0, train);
  s.train_y = y.index_select(0, train);
  s.val_x = x.index_select(0, validation);
  s.val_y = y.index_select(0, validation);
  s.model = model(workload);
  s.adam = std::make_unique<torch::optim::Adam>(
      s.model->parameters(), torch::optim::AdamOptions(workload.options.learning_rate));
  s.batch = workload.options.batch_size;
}

LibTorchPeer::~LibTorchPeer() = default;

LibTorchPeer::Epoch LibTorchPeer::run_epoch() {
  namespace F = torch::nn::functional;
  State& s = *state_;
  Epoch epoch;
  s.model->train();
  const std::int64_t n = s.train_y.size(0);
  const torch::Tensor order = torch::randperm(n, torch::kLong);
  for (std::int64_t begin = 0; begin < n; begin += s.batch) {
    const torch::Tensor chosen = order.slice(0, begin, std::min(begin + s.batch, n));
    s.adam->zero_grad();
    const torch::Tensor output = s.model->forward(s.train_x.index_select(0, chosen));
    const torch::Tensor loss = F::cross_entropy(output, s.train_y.index_select(0, chosen));
    loss.backward();
    s.adam->step();
    epoch.train_loss += loss.item<double>() * static_cast<double>(chosen.size(0));
  }
  epoch.train_loss /= static_cast<double>(n);
  s.model->eval();
  const torch::NoGradGuard no_gradients;
  const torch::Tensor output = s.model->forward(s.val_x);
  F::cross_entropy(output, s.val_y).item<double>();
  epoch.val_accuracy = output.argmax(1).eq(s.val_y).to(torch::kDouble).mean().item<double>();
  return epoch;
}

std::string libtorch_version() { return TORCH_VERSION; }

void prepare_libtorch_thread() {
  at::set_num_threads(1);
  at::set_num_interop_threads(1);
  at::globalContext().setFlushDenormal(true);
  // OpenBLAS, which Debian's LibTorch may be linked with, has threads of its own.
  using SetThreads = void (*)(int);
  const auto set_threads =
      reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

}  // namespace hypertune
