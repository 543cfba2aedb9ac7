// Times epochs of hypertune's trainer on command, for bench/compare/pytorch_epoch.
//
// Arguments: a folder, and which workloads to take (part of their names). Writes the data there,
// prints one JSON line with the workloads, then reads their numbers, one a line; for each trains
// and evaluates one epoch and prints the seconds of the thread and the validation accuracy.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "base/json.h"
#include "compare/workloads.h"
#include "train/training.h"

namespace hypertune {
namespace {

template <typename T>
void write_values(const std::filesystem::path& file, const std::vector<T>& values) {
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

/// Writes samples [n, height, width, channels] as floats and labels [n] as int32.
Json write_data(const std::filesystem::path& folder, const std::string& file, const Dataset& data) {
  write_values(folder / (file + ".samples"), data.values);
  write_values(folder / (file + ".labels"), data.labels);
  return {{"file", (folder / file).string()},
          {"name", data.name},
          {"shape", {data.shape.height, data.shape.width, data.shape.channels}},
          {"classes", data.classes.size()}};
}

Json description(const Workload& workload, const Json& data) {
  const TrainerOptions& options = workload.options;
  return {{"name", workload.name},
          {"data", data},
          {"channels", options.channels},
          {"kernel", options.kernel},
          {"pool", options.pool},
          {"batch_norm", options.batch_norm},
          {"head", options.head},
          {"learning_rate", options.learning_rate},
          {"batch_size", options.batch_size},
          {"train", workload.split.train},
          {"validation", workload.split.validation}};
}

int serve(const std::filesystem::path& folder, const std::string& filter) {
  const Dataset sequences = load_sequences();
  const Dataset images = random_images();
  const Json of_sequences = write_data(folder, "sequences", sequences);
  const Json of_images = write_data(folder, "images", images);
  const std::vector<Workload> all = workloads(sequences, images, filter);
  Json descriptions = Json::array();
  for (const Workload& workload : all)
    descriptions.push_back(
        description(workload, workload.data == &images ? of_images : of_sequences));
  std::cout << descriptions.dump() << std::endl;

  std::vector<std::unique_ptr<Training>> trainings(all.size());
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::size_t i = std::stoul(line);
    const Workload& workload = all.at(i);
    std::unique_ptr<Training>& training = trainings[i];
    if (!training)
      training = std::make_unique<Training>(workload.options, *workload.data, workload.split, 1);
    EpochResult result;
    const double seconds = thread_seconds_of([&] { result = training->run_epoch(); });
    std::cout << seconds << ' ' << result.val_accuracy << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace hypertune

int main(int count, char** arguments) {
  if (count < 2 || count > 3) {
    std::cerr << "usage: trainer_epoch FOLDER [PART_OF_NAMES]\n";
    return 2;
  }
  return hypertune::serve(arguments[1], count > 2 ? arguments[2] : "");
}
