// Trains the same networks with hypertune's engine and with LibTorch, turn by turn on one thread.
//
// Each round trains an epoch in every way that this processor has: hypertune with each instruction
// set and precision, and LibTorch once. Prints one JSON line for each network and way: medians of
// the thread's time, their ratio (how many times as fast as LibTorch), the ratio that is meant to
// be reached, and which share of the processor's peak, measured in the same rounds, an epoch's
// matrix products come to. They are counted as plain convolutions need them; Winograd's takes half
// the multiplications, so that the share may exceed 1.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "compare/engine/libtorch_peer.h"
#include "compare/engine/peak.h"
#include "compare/workloads.h"
#include "nn/isa.h"
#include "train/training.h"

namespace hypertune {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// A way to compute, and what was measured of it.
struct Way {
  Isa isa;
  std::string precision;
  double aim;  ///< 0: none
  std::unique_ptr<Training> training = nullptr;
  std::vector<double> seconds = {};
  EpochResult last = {};
};

bool is_supported(Isa isa) {
  const std::vector<Isa> all = supported_isas();
  return std::ranges::find(all, isa) != all.end();
}

std::vector<Way> all_ways(const SpeedAims& aims) {
  std::vector<Way> ways;
  ways.push_back({.isa = Isa::Avx512, .precision = "f32", .aim = aims.avx512});
  ways.push_back({.isa = Isa::Avx2, .precision = "f32", .aim = aims.avx2});
  ways.push_back({.isa = Isa::Portable, .precision = "f32", .aim = 0});
  ways.push_back({.isa = Isa::Amx, .precision = "bf16", .aim = aims.amx_bf16});
  return ways;
}

std::unique_ptr<Training> start(const Workload& workload, const Way& way) {
  setenv("HYPERTUNE_ISA", std::string(isa_name(way.isa)).c_str(), 1);
  TrainerOptions options = workload.options;
  options.precision = way.precision;
  return std::make_unique<Training>(options, *workload.data, workload.split, 1);
}

struct Peer {
  LibTorchPeer training;
  std::vector<double> seconds;
  LibTorchPeer::Epoch last;
};

OrderedJson line_of(const Workload& workload, const Way& way) {
  return {{"workload", workload.name},
          {"isa", isa_name(way.isa)},
          {"precision", way.precision},
          {"data", workload.data->name}};
}

OrderedJson result(const Workload& workload, const Way& way, const Peer& peer,
                   const std::vector<double>& peaks) {
  const double mine = median(way.seconds);
  const double theirs = median(peer.seconds);
  const double gflops = operations_per_epoch(workload) / mine / 1e9;
  OrderedJson line = line_of(workload, way);
  line["epoch_s"] = mine;
  line["libtorch_epoch_s"] = theirs;
  line["ratio"] = theirs / mine;
  if (way.aim > 0) line["aim"] = way.aim;
  line["gflops"] = gflops;
  if (!peaks.empty()) {
    line["peak_gflops"] = median(peaks);
    line["share_of_peak"] = gflops / median(peaks);
  }
  line["rounds"] = way.seconds.size();
  line["train_loss"] = way.last.train_loss;
  line["libtorch_train_loss"] = peer.last.train_loss;
  line["val_accuracy"] = way.last.val_accuracy;
  line["libtorch_val_accuracy"] = peer.last.val_accuracy;
  line["libtorch"] = libtorch_version();
  return line;
}

/// Rounds to what a reader can use.
void print(OrderedJson line) {
  for (auto& [key, value] : line.items())
    if (value.is_number_float()) value = std::stod(fmt::format("{:.4g}", value.get<double>()));
  std::cout << line.dump() << std::endl;
}

void compare(const Workload& workload, int rounds) {
  std::vector<Way> measured;
  for (Way& way : all_ways(workload.aims)) {
    if (is_supported(way.isa)) {
      way.training = start(workload, way);
      measured.push_back(std::move(way));
    } else {
      OrderedJson line = line_of(workload, way);
      line["skipped"] = fmt::format("this processor has no {}", isa_name(way.isa));
      print(std::move(line));
    }
  }
  Peer peer{.training = LibTorchPeer(workload), .seconds = {}, .last = {}};
  std::map<Isa, std::vector<double>> peaks;
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    for (Way& way : measured) {
      const double seconds = thread_seconds_of([&] { way.last = way.training->run_epoch(); });
      const std::optional<double> peak = peak_gflops(way.isa);
      if (round < 0) continue;
      way.seconds.push_back(seconds);
      if (peak) peaks[way.isa].push_back(*peak);
    }
    const double seconds = thread_seconds_of([&] { peer.last = peer.training.run_epoch(); });
    if (round >= 0) peer.seconds.push_back(seconds);
  }
  for (const Way& way : measured) print(result(workload, way, peer, peaks[way.isa]));
}

}  // namespace
}  // namespace hypertune

int main(int count, char** arguments) {
  CLI::App app("Compares the speed of training with LibTorch's");
  int rounds = 7;
  std::string filter;
  app.add_option("--rounds", rounds, "Epochs to take the median of")->check(CLI::Range(1, 1000));
  app.add_option("--only", filter, "Networks whose name contains this");
  CLI11_PARSE(app, count, arguments);
  hypertune::prepare_libtorch_thread();
  const hypertune::Dataset sequences = hypertune::load_sequences();
  const hypertune::Dataset images = hypertune::random_images();
  for (const hypertune::Workload& workload : hypertune::workloads(sequences, images, filter))
    hypertune::compare(workload, rounds);
}
