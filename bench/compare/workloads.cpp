// The networks and data on which training is compared with peers.
#include "compare/workloads.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "hypertune/rng.h"

namespace hypertune {
namespace {

/// Labels and normally distributed values, to which a class adds a pattern of its own.
Dataset random_data(const SampleShape& shape, std::int64_t samples, int classes) {
  Dataset data;
  data.name = "random numbers";
  data.shape = shape;
  for (int i = 0; i < classes; ++i) data.classes.push_back(std::to_string(i));
  Rng rng(0);
  const auto normal = [&] {
    const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
    return static_cast<float>(radius * std::cos(2 * M_PI * rng.uniform()));
  };
  std::vector<float> patterns(static_cast<std::size_t>(classes * shape.size()));
  for (float& value : patterns) value = normal();
  for (std::int64_t i = 0; i < samples; ++i) {
    const auto label = static_cast<int>(rng.uniform() * classes);
    data.labels.push_back(label);
    const float* pattern = patterns.data() + label * shape.size();
    for (std::int64_t k = 0; k < shape.size(); ++k)
      data.values.push_back(normal() + 0.1F * pattern[k]);
  }
  return data;
}

Workload workload(std::string name, const TrainerOptions& options, const Dataset& data,
                  const SpeedAims& aims) {
  return {std::move(name), options, &data, split_dataset(data, options, 1), aims};
}

}  // namespace

double operations_per_epoch(const Workload& workload) {
  const TrainerOptions& options = workload.options;
  SampleShape shape = workload.data->shape;
  const bool sequence = shape.height == 1;
  const auto taps =
      static_cast<double>(sequence ? options.kernel : options.kernel * options.kernel);
  double forward = 0;
  double first = 0;
  for (const std::int64_t out : options.channels) {
    const double layer = 2 * taps * static_cast<double>(shape.size() * out);
    if (forward == 0) first = layer;
    forward += layer;
    shape = {.height = sequence ? 1 : shape.height / options.pool,
             .width = shape.width / options.pool,
             .channels = out};
  }
  const std::int64_t features = options.head == "flatten" ? shape.size() : shape.channels;
  forward += 2 * static_cast<double>(features) * static_cast<double>(workload.data->classes.size());
  // The gradients of weights and of inputs cost as much again each, but data need none.
  return static_cast<double>(workload.split.train.size()) * (3 * forward - first) +
         static_cast<double>(workload.split.validation.size()) * forward;
}

Dataset load_sequences() {
  if (dataset_info("gestures").found) return load_dataset("gestures");
  return random_data({.height = 1, .width = 51, .channels = 3}, 3251, 20);
}

Dataset random_images() {
  return random_data({.height = 28, .width = 28, .channels = 1}, 6000, 10);
}

std::vector<Workload> workloads(const Dataset& sequences, const Dataset& images,
                                const std::string& filter) {
  std::vector<Workload> all;
  for (const bool norm : {true, false}) {
    const std::string suffix = norm ? " with batch norm" : " without batch norm";
    TrainerOptions flagship;
    flagship.batch_norm = norm;
    all.push_back(workload("flagship" + suffix, flagship, sequences,
                           {.avx512 = norm ? 4.5 : 3.4, .avx2 = 2, .amx_bf16 = norm ? 9.0 : 8.0}));
    TrainerOptions of_images = flagship;
    of_images.channels = {16, 32};
    of_images.head = "flatten";
    of_images.batch_size = 64;
    of_images.validation_share = 0.008;
    all.push_back(workload("images" + suffix, of_images, images,
                           norm ? SpeedAims{.avx512 = 4.5, .amx_bf16 = 7} : SpeedAims{}));
    TrainerOptions wide = flagship;
    wide.channels = {64, 128, 256};
    wide.batch_size = 128;
    all.push_back(workload("wide" + suffix, wide, sequences, {.avx512 = 1.8, .amx_bf16 = 5}));
  }
  std::erase_if(all, [&](const Workload& w) { return w.name.find(filter) == std::string::npos; });
  return all;
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double thread_seconds_of(const std::function<void()>& work) {
  const double begin = thread_seconds();
  work();
  return thread_seconds() - begin;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace hypertune
