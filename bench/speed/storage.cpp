// bench_storage: runs trials on a store that other processes use as well, and times what a store of
// many trials costs; bench/speed/storage runs it beside a peer.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/storage.h"
#include "hypertune/study.h"
#include "hypertune/tune.h"
#include "space/encoding.h"

namespace hypertune::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kReports = 4;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

StudySpec spec_of(const std::string& name) {
  StudySpec spec{name, {{"loss", Direction::Minimize}}, {}, 1};
  spec.space.add("x", FloatDomain{-5, 5});
  spec.space.add("learning_rate", FloatDomain{1e-5, 1e-1, true});
  spec.space.add("units", IntDomain{1, 100});
  return spec;
}

Outcome objective(Trial& trial) {
  const double x = std::get<double>(trial.params().at("x"));
  for (int step = 1; step <= kReports; ++step) {
    if (trial.report(step, {{"loss", x * x + 1.0 / step}}) != Decision::Continue) {
      return Outcome::pruned();
    }
  }
  return Outcome::complete({{"loss", x * x}});
}

/// Says that it is ready, and waits for a line.
void wait_for_start() {
  std::cout << "{\"ready\":true}" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

/// Works until the plan of `trials` trials is done, whoever does it.
Json work(const std::string& url, const std::string& name, int trials, bool durable) {
  Study study(spec_of(name), open_storage(url, {.durable = durable}), random_sampler(),
              fifo_scheduler());
  const auto executor = function_executor(objective);
  TuneOptions options;
  options.num_samples = trials;
  study.plan(trials);
  int done = 0;
  options.on_event = [&](const Event& event) { done += event.kind == Event::Kind::Finished; };
  wait_for_start();
  const auto begin = SteadyClock::now();
  tune(study, *executor, options);
  return {{"seconds", seconds_since(begin)}, {"trials", done}};
}

/// Finished trials, past the sampler.
void fill(Study& study, int trials) {
  constexpr int kAtOnce = 5000;
  const SearchSpace& space = study.spec().space;
  for (int first = 0; first < trials; first += kAtOnce) {
    std::vector<TrialRecord> records(static_cast<std::size_t>(std::min(kAtOnce, trials - first)));
    for (int i = 0; i < std::ssize(records); ++i) {
      TrialRecord& record = records[static_cast<std::size_t>(i)];
      record.number = first + i;
      record.state = TrialState::Complete;
      Rng rng(1, static_cast<std::uint64_t>(record.number));
      Domains::Map domains;
      for (const Parameter& parameter : space.parameters()) {
        record.params[parameter.name] = decode(parameter.domain, rng.uniform());
        domains.emplace(parameter.name, parameter.domain);
      }
      record.domains = Domains(std::move(domains));
      const double x = std::get<double>(record.params.at("x"));
      for (int step = 1; step <= kReports; ++step) {
        record.reports.push_back({step, {{"loss", x * x + 1.0 / step}}});
      }
      record.metrics = {{"loss", x * x}};
      record.started = TimePoint(std::chrono::seconds(record.number));
      record.ended = *record.started + std::chrono::seconds(1);
    }
    study.storage().restore(study.id(), records);
  }
}

double megabytes_at_most() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Median of `times` calls, in milliseconds.
template <typename Action>
double median_ms(int times, Action action) {
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    const auto begin = SteadyClock::now();
    action();
    took.push_back(1e3 * seconds_since(begin));
  }
  std::ranges::nth_element(took, took.begin() + times / 2);
  return took[static_cast<std::size_t>(times / 2)];
}

/// What a worker on a large study waits for.
Json look(const std::string& url, const std::string& name) {
  constexpr int kTimes = 11;
  const double open_ms = median_ms(kTimes, [&] {
    const Study study(spec_of(name), open_storage(url), random_sampler(), fifo_scheduler());
  });
  Study study(spec_of(name), open_storage(url), random_sampler(), fifo_scheduler());
  const int before = study.storage().counts(study.id()).total();
  const double best_ms =
      median_ms(kTimes, [&] { (void)study.storage().best_trial(study.id()).value(); });
  double ask_ms = median_ms(kTimes, [&] {
    Trial trial = study.ask();
    study.tell(trial, objective(trial));
  });
  // A worker of a plan that has a few trials left.
  const auto executor = function_executor(objective);
  TuneOptions options;
  options.num_samples = 10;
  const auto begin = SteadyClock::now();
  tune(study, *executor, options);
  return {{"trials", before},
          {"open_ms", open_ms},
          {"best_ms", best_ms},
          {"trial_ms", ask_ms},
          {"ten_trials_s", seconds_since(begin)},
          {"memory_mb", megabytes_at_most()}};
}

}  // namespace
}  // namespace hypertune::bench

int main(int argc, char** argv) {
  using namespace hypertune;
  using namespace hypertune::bench;
  CLI::App app("Runs trials on a store, for bench/speed/storage");
  std::string url;
  std::string study = "bench";
  int trials = 0;
  bool durable = false;
  app.require_subcommand(1);
  CLI::App* work_command = app.add_subcommand("work", "Work on a study with others");
  CLI::App* fill_command = app.add_subcommand("fill", "Put finished trials into a study");
  CLI::App* look_command = app.add_subcommand("look", "Time what a large study costs");
  for (CLI::App* command : {work_command, fill_command, look_command}) {
    command->add_option("url", url)->required();
    command->add_option("--study", study);
    command->add_option("--trials", trials);
    command->add_flag("--durable", durable, "As the program stores: results survive a power cut");
  }
  CLI11_PARSE(app, argc, argv);
  try {
    Json reply = Json::object();
    if (*work_command) reply = work(url, study, trials, durable);
    if (*fill_command) {
      Study filled(spec_of(study), open_storage(url), random_sampler(), fifo_scheduler());
      fill(filled, trials);
    }
    if (*look_command) reply = look(url, study);
    std::cout << dump_json(reply) << std::endl;
  } catch (const std::exception& fault) {
    std::cerr << "bench_storage: " << fault.what() << '\n';
    return 1;
  }
  return 0;
}
