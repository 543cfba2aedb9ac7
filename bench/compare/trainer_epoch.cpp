// Times epochs of hypertune's trainer on command, for bench/compare/pytorch_epoch.
//
// Arguments: files of float samples [n, steps, axes] and of int32 labels [n], the numbers n, steps,
// axes and classes, and the number of training samples (the first ones; the others validate). Reads
// lines `0` or `1` (batch normalization); for each trains and evaluates one epoch and prints the
// seconds it took and the validation accuracy. A network is kept for each of the two.
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>

#include "train/training.h"

namespace hypertune {
namespace {

template <typename T>
std::vector<T> read_values(const char* file, std::int64_t n) {
  std::vector<T> values(static_cast<std::size_t>(n));
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(values.data()), n * static_cast<std::int64_t>(sizeof(T))))
    throw std::runtime_error(std::string("cannot read ") + file);
  return values;
}

int bench(char** arguments) {
  const auto number = [&](int i) { return std::stoll(arguments[i]); };
  const std::int64_t n = number(3);
  Dataset data;
  data.shape = {.height = 1, .width = number(4), .channels = number(5)};
  data.classes.resize(static_cast<std::size_t>(number(6)));
  data.values = read_values<float>(arguments[1], n * data.shape.size());
  data.labels = read_values<int>(arguments[2], n);
  Split split;
  split.train.resize(static_cast<std::size_t>(number(7)));
  split.validation.resize(static_cast<std::size_t>(n) - split.train.size());
  std::iota(split.train.begin(), split.train.end(), 0);
  std::iota(split.validation.begin(), split.validation.end(), number(7));

  std::unique_ptr<Training> trainings[2];
  std::string line;
  while (std::getline(std::cin, line)) {
    const bool norm = line == "1";
    std::unique_ptr<Training>& training = trainings[norm ? 1 : 0];
    TrainerOptions options;
    options.batch_norm = norm;
    if (!training) training = std::make_unique<Training>(options, data, split, 1);
    const auto begin = std::chrono::steady_clock::now();
    const EpochResult result = training->run_epoch();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << took.count() << ' ' << result.val_accuracy << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace hypertune

int main(int count, char** arguments) {
  if (count != 8) {
    std::cerr << "usage: trainer_epoch SAMPLES LABELS N STEPS AXES CLASSES TRAINING_SAMPLES\n";
    return 2;
  }
  return hypertune::bench(arguments);
}
