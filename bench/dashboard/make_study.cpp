// Makes a large study of made-up trials, for measurements of the dashboard:
//   make_study FILE [TRIALS] [REPORTS]
// says how long a store takes to be read into the dashboard's table:
//   make_study --load FILE
// and runs further trials, one after the other, for the delay of events: of each it prints the
// number and when its end was committed, in milliseconds since 1970:
//   make_study --append FILE TRIALS PAUSE_MS
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "hypertune/rng.h"
#include "hypertune/storage.h"
#include "serve/live_studies.h"

namespace {

using namespace hypertune;
using std::chrono::steady_clock;

constexpr int kBlock = 5000;
constexpr std::uint64_t kSeed = 20261123;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

StudySpec spec() {
  StudySpec spec;
  spec.name = "large";
  spec.objectives = {{"val_accuracy", Direction::Maximize}};
  spec.space.grid("batch_norm", {true, false})
      .add("learning_rate", FloatDomain{1e-5, 1, true})
      .add("weight_decay", FloatDomain{1e-6, 1e-1, true})
      .add("momentum", FloatDomain{0, 0.99})
      .add("dropout", FloatDomain{0, 0.5, false, 0.05})
      .add("layers", IntDomain{1, 8})
      .add("units", IntDomain{8, 1024, true})
      .add("batch_size", CategoricalDomain{{std::int64_t{32}, std::int64_t{64}, std::int64_t{128}}})
      .add("optimizer", CategoricalDomain{{"sgd", "adam", "rmsprop", "lamb"}})
      .add("augment", CategoricalDomain{{true, false}});
  return spec;
}

Domains domains_of(const StudySpec& spec) {
  Domains domains;
  for (const Parameter& parameter : spec.space.parameters()) {
    domains.set(parameter.name, parameter.domain);
  }
  return domains;
}

Value drawn(const Domain& domain, double u) {
  if (const auto* real = std::get_if<FloatDomain>(&domain)) {
    if (real->log) return real->low * std::pow(real->high / real->low, u);
    if (real->step) {
      return real->low + *real->step * std::floor(u * (real->high - real->low) / *real->step);
    }
    return real->low + u * (real->high - real->low);
  }
  if (const auto* whole = std::get_if<IntDomain>(&domain)) {
    const auto n = static_cast<double>(whole->high - whole->low + 1);
    return whole->low + static_cast<std::int64_t>(u * n);
  }
  const auto& choices = std::get<CategoricalDomain>(domain).choices;
  return choices[static_cast<std::size_t>(u * static_cast<double>(choices.size()))];
}

TrialRecord made_up(const StudySpec& spec, const Domains& domains, int number, int reports) {
  Rng rng(kSeed, static_cast<std::uint64_t>(number));
  TrialRecord trial;
  trial.number = number;
  trial.domains = domains;
  trial.plan.draw = static_cast<std::uint64_t>(number);
  for (const Parameter& parameter : spec.space.parameters()) {
    trial.params.insert_or_assign(parameter.name, drawn(parameter.domain, rng.uniform()));
  }
  const double lr = std::get<double>(trial.params.at("learning_rate"));
  const double best = 0.95 - 0.08 * std::pow(std::log10(lr) + 2.5, 2) + 0.05 * rng.uniform();
  double value = 0;
  for (int step = 1; step <= reports; ++step) {
    value = best * (1 - std::exp(-0.3 * step)) + 0.01 * rng.uniform();
    trial.reports.push_back({step, {{"val_accuracy", value}}});
  }
  constexpr std::int64_t kBeginMs = 1'790'000'000'000;
  constexpr int kWorkers = 8;
  trial.worker = fmt::format("node/{}", number % kWorkers);
  trial.started = TimePoint(std::chrono::milliseconds(kBeginMs + 1000LL * (number / kWorkers)));
  trial.ended = *trial.started + std::chrono::milliseconds(900);
  const double fate = rng.uniform();
  trial.state = fate < 0.9    ? TrialState::Complete
                : fate < 0.98 ? TrialState::Pruned
                              : TrialState::Failed;
  if (trial.state == TrialState::Failed) {
    trial.reason = "made up";
    trial.failure = Failure::Error;
  } else {
    trial.metrics = {{"val_accuracy", value}};
  }
  return trial;
}

void make(const std::string& file, int count, int reports) {
  const auto begin = steady_clock::now();
  const StudySpec study_spec = spec();
  const Domains domains = domains_of(study_spec);
  const auto storage = sqlite_storage(file);
  const StudyId study = storage->open_study(study_spec);
  for (int first = 0; first < count; first += kBlock) {
    std::vector<TrialRecord> block;
    for (int number = first; number < std::min(count, first + kBlock); ++number) {
      block.push_back(made_up(study_spec, domains, number, reports));
    }
    storage->restore(study, block);
  }
  fmt::print("{} trials in {:.1f} s\n", count, seconds_since(begin));
}

/// In MiB, of this process.
double resident_mib(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::atof(line.c_str() + key.size() + 1) / 1024;
  }
  return 0;
}

void load(const std::string& file) {
  LiveStudies live(sqlite_storage(file, {.create = false}));
  const auto begin = steady_clock::now();
  for (const StudyOverview& study : live.overviews()) {
    fmt::print("{}: overview in {:.3f} s\n", study.spec.name, seconds_since(begin));
    const auto asked = steady_clock::now();
    live.read(study.id, [&](const LiveStudies::Reading& reading) {
      fmt::print("first {} trials in {:.3f} s\n", reading.table.size(), seconds_since(asked));
    });
    live.await_loaded(study.id, std::chrono::minutes(10));
    live.read(study.id, [&](const LiveStudies::Reading& reading) {
      fmt::print("all {} trials in {:.2f} s; {:.0f} MiB resident, {:.0f} MiB at most\n",
                 reading.table.size(), seconds_since(asked), resident_mib("VmRSS:"),
                 resident_mib("VmHWM:"));
      std::vector<TrialRecord> some = reading.table.records(std::vector{TrialState::Complete});
      TrialTable copy(reading.facts.spec);
      const auto put = steady_clock::now();
      for (const TrialRecord& trial : some) copy.put(trial);
      fmt::print("put: {:.0f} trials/s\n", static_cast<double>(some.size()) / seconds_since(put));
    });
  }
}

void append(const std::string& file, int count, int pause_ms) {
  const StudySpec study_spec = spec();
  const Domains domains = domains_of(study_spec);
  const auto storage = sqlite_storage(file, {.create = false});
  const StudyId study = storage->open_study(study_spec);
  const int first = storage->counts(study).total();
  for (int number = first; number < first + count; ++number) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    const TrialRecord trial = made_up(study_spec, domains, number, 0);
    storage->enqueue(study, std::vector{trial.plan});
    const auto claimed = storage->claim(study, {.worker = "appender"});
    if (!claimed) throw std::runtime_error("another program runs trials of this study");
    std::vector<Storage::ParamValue> params;
    for (const Parameter& parameter : study_spec.space.parameters()) {
      params.push_back({parameter.name, parameter.domain, trial.params.at(parameter.name)});
    }
    const Claim at{claimed->id, claimed->lease};
    storage->set_params(at, params);
    storage->finish(at, Outcome::complete({{"val_accuracy", 0.5}}));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    fmt::print("{} {}\n", claimed->number, std::chrono::duration<double, std::milli>(now).count());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::string_view(argv[1]) == "--load") {
      load(argv[2]);
    } else if (argc == 5 && std::string_view(argv[1]) == "--append") {
      append(argv[2], std::atoi(argv[3]), std::atoi(argv[4]));
    } else if (argc >= 2 && argc <= 4) {
      make(argv[1], argc > 2 ? std::atoi(argv[2]) : 100'000, argc > 3 ? std::atoi(argv[3]) : 20);
    } else {
      fmt::print(stderr,
                 "usage: make_study FILE [TRIALS] [REPORTS], make_study --load FILE, or "
                 "make_study --append FILE TRIALS PAUSE_MS\n");
      return 2;
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "make_study: {}\n", e.what());
    return 1;
  }
  return 0;
}
