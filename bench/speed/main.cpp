// bench_speed: times asking and telling with a sampler of hypertune, in memory; bench/speed/speed
// runs it beside a peer.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "base/json.h"
#include "config/registry.h"
#include "config/study_file.h"
#include "hypertune/error.h"
#include "hypertune/study.h"
#include "space/encoding.h"

namespace hypertune::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// Ten parameters: real numbers, plain and logarithmic, and whole ones.
SearchSpace ten_parameters() {
  SearchSpace space;
  for (int i = 0; i < 4; ++i) space.add(fmt::format("real{}", i), FloatDomain{-5, 5});
  for (int i = 0; i < 3; ++i) space.add(fmt::format("log{}", i), FloatDomain{1e-5, 1e-1, true});
  for (int i = 0; i < 3; ++i) space.add(fmt::format("whole{}", i), IntDomain{1, 100});
  return space;
}

/// Two quadratic bowls in the unit cube; with one objective the first.
Metrics measured(const SearchSpace& space, const Params& params, std::size_t objectives) {
  Metrics metrics;
  for (std::size_t k = 0; k < objectives; ++k) {
    double sum = 0;
    for (const Parameter& parameter : space.parameters()) {
      const double away =
          *encode(parameter.domain, params.at(parameter.name)) - (k == 0 ? 0.3 : 0.7);
      sum += away * away;
    }
    metrics[fmt::format("f{}", k)] = sum;
  }
  return metrics;
}

/// A study of one sampler, with some trials finished.
class Subject {
 public:
  /// The last `searched` trials are asked from the sampler; those before lie at random.
  Subject(const std::string& sampler, int objectives, int trials, int searched)
      : study_(spec_of(objectives), memory_storage(), chosen(sampler)) {
    fill(std::max(0, trials - searched));
    for (int i = std::max(0, trials - searched); i < trials; ++i) ask_and_tell();
  }

  /// Seconds that the library took; evaluation apart.
  double ask_and_tell() {
    auto begin = SteadyClock::now();
    Trial trial = study_.ask();
    double took = seconds_since(begin);
    Metrics metrics =
        measured(study_.spec().space, trial.params(), study_.spec().objectives.size());
    begin = SteadyClock::now();
    study_.tell(trial, Outcome::complete(std::move(metrics)));
    return took + seconds_since(begin);
  }

 private:
  static StudySpec spec_of(int objectives) {
    StudySpec spec{"speed", {}, ten_parameters(), 1};
    for (int k = 0; k < objectives; ++k) spec.objectives.push_back({fmt::format("f{}", k)});
    return spec;
  }

  static std::unique_ptr<Sampler> chosen(const std::string& name) {
    return parse_study_file(
               fmt::format("[study]\nname = \"speed\"\nobjectives = [{{ metric = \"val_loss\", "
                           "direction = \"minimize\" }}]\n[sampler]\nname = \"{}\"\n"
                           "[space]\ndropout = {{ float = [0.0, 0.5] }}\n",
                           name),
               "speed")
        .sampler.make();
  }

  /// Past the sampler, straight into the store.
  void fill(int count) {
    Storage& store = study_.storage();
    const SearchSpace& space = study_.spec().space;
    const std::vector<TrialPlan> plans(static_cast<std::size_t>(count));
    store.enqueue(study_.id(), plans);
    for (int i = 0; i < count; ++i) {
      Rng rng(1, static_cast<std::uint64_t>(i));
      const TrialRecord record = *store.claim(study_.id(), {"bench"});
      Params params;
      std::vector<Storage::ParamValue> writes;
      for (const Parameter& parameter : space.parameters()) {
        params[parameter.name] = decode(parameter.domain, rng.uniform());
        writes.push_back({parameter.name, parameter.domain, params[parameter.name]});
      }
      store.set_params({record.id, record.lease}, writes);
      store.finish({record.id, record.lease},
                   Outcome::complete(measured(space, params, study_.spec().objectives.size())));
    }
  }

  Study study_;
};

double resident_bytes() {
  constexpr double kPage = 4096;
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  file >> pages >> resident;
  return resident * kPage;
}

/// {"prepare"}, {"time": trials}, {"noop": trials} and {"memory": trials}.
class Bench {
 public:
  Json answer(const Json& line) {
    if (line.contains("prepare")) {
      const Json& wanted = line.at("prepare");
      subject_.emplace(wanted.at("sampler").get<std::string>(), wanted.at("objectives").get<int>(),
                       wanted.at("trials").get<int>(), wanted.at("searched").get<int>());
      return Json::object();
    }
    if (line.contains("time")) {
      if (!subject_) throw Error("begin with {\"prepare\": ...}");
      Json seconds = Json::array();
      for (int i = 0; i < line.at("time").get<int>(); ++i) {
        seconds.push_back(subject_->ask_and_tell());
      }
      return {{"seconds", seconds}};
    }
    const bool noop = line.contains("noop");
    const double before = resident_bytes();
    subject_.emplace("random", 1, 0, 0);
    const int trials = line.at(noop ? "noop" : "memory").get<int>();
    const auto begin = SteadyClock::now();
    for (int i = 0; i < trials; ++i) subject_->ask_and_tell();
    if (noop) return {{"seconds", seconds_since(begin)}};
    const double storage = (resident_bytes() - before) / trials;
    return {{"bytes_of_a_trial", storage}, {"bytes_of_a_record", sizeof(TrialRecord)}};
  }

 private:
  std::optional<Subject> subject_;
};

Json sampler_names() {
  Json names = Json::array();
  for (const auto& row : samplers()) names.push_back(row.name);
  return {{"samplers", names}};
}

}  // namespace
}  // namespace hypertune::bench

int main() {
  using namespace hypertune;
  using namespace hypertune::bench;
  Bench bench;
  for (std::string text; std::getline(std::cin, text);) {
    Json reply;
    try {
      const Json line = parse_json(text);
      reply = line.contains("samplers") ? sampler_names() : bench.answer(line);
    } catch (const std::exception& fault) {
      reply = {{"error", fault.what()}};
    }
    std::cout << dump_json(reply) << std::endl;
  }
  return 0;
}
