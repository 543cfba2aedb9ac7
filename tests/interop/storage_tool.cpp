// Writes, shows and continues studies for the script that checks them with a real Optuna.
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "hypertune/storage.h"
#include "support/manual_clock.h"
#include "support/record_text.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using namespace testing_support;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

StudySpec our_spec() {
  StudySpec spec;
  spec.name = "ours";
  spec.objectives = {{"accuracy", Direction::Maximize}};
  spec.seed = 42;
  spec.space.add("lr", FloatDomain{1e-4, 1e-1, true})
      .add("drop", FloatDomain{.low = 0, .high = 0.5, .step = 0.25})
      .add("width", IntDomain{8, 128, true})
      .add("depth", IntDomain{.low = 1, .high = 9, .step = 2})
      .grid("norm", {true, false})
      .add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("größer"), 1.5}});
  return spec;
}

Claim start(Storage& store, StudyId study, double lr, bool norm) {
  const auto trial = store.claim(study, {"worker", seconds(3600)}).value();
  const Claim claim{trial.id, trial.lease};
  const SearchSpace space = our_spec().space;
  const std::vector<std::pair<std::string, Value>> values = {{"lr", lr},
                                                             {"drop", 0.25},
                                                             {"width", std::int64_t{64}},
                                                             {"depth", std::int64_t{5}},
                                                             {"norm", norm},
                                                             {"optimizer", std::string("größer")}};
  std::vector<Storage::ParamValue> params;
  for (const auto& [name, value] : values) {
    params.push_back({name, space.find(name)->domain, value});
  }
  store.set_params(claim, params);
  return claim;
}

/// Trials in every state: complete twice, pruned, failed, running, waiting.
void write(const std::string& file) {
  ManualClock clock;
  const auto store = sqlite_storage(file, {.clock = clock.function()});
  const StudyId study = store->open_study(our_spec());
  std::vector<TrialPlan> plans(6);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    plans[i].key = "grid/" + std::to_string(i);
    plans[i].draw = i;
  }
  plans[5].fixed = {{"lr", 0.05}, {"norm", false}};
  store->enqueue(study, plans);
  const Claim complete = start(*store, study, 0.001, true);
  clock.advance(std::chrono::milliseconds(1500));
  store->add_report(complete, {1, {{"accuracy", 0.5}, {"loss", kNaN}}});
  store->add_report(complete, {2, {{"accuracy", -kInf}, {"loss", 1.0}}});
  store->add_report(complete, {3, {{"accuracy", kNaN}}});
  store->finish(complete, Outcome::complete({{"accuracy", 0.9}, {"loss", 0.25}, {"worst", kInf}}));
  store->finish(start(*store, study, 0.01, false), Outcome::complete({{"accuracy", -kInf}}));
  const Claim pruned = start(*store, study, 0.1, true);
  store->add_report(pruned, {1, {{"accuracy", 0.125}}});
  store->finish(pruned, Outcome::pruned("hopeless"));
  store->finish(start(*store, study, 0.0001, true), Outcome::failed("out of memory"));
  start(*store, study, 0.002, true);
}

void show(const std::string& file, const std::string& name) {
  const auto store = open_storage(file, {.create = false});
  const StudyId study = store->find_study(name).value();
  Json trials = Json::array();
  for (const TrialRecord& record : store->trials(study)) trials.push_back(record_json(record));
  const Json all = {{"spec", to_json(store->spec(study))}, {"trials", trials}};
  std::puts(dump_json(all).c_str());
}

/// Opens the study as one of our own, enqueues a trial, runs all that wait, with the parameters
/// that the first trial has.
void go_on(const std::string& file, const std::string& name) {
  const auto store = open_storage(file, {.create = false});
  StudySpec spec = store->spec(store->find_study(name).value());
  const StudyId study = store->open_study(spec);
  const TrialRecord first = store->trials(study).at(0);
  const TrialPlan plan = {.key = "ours", .fixed = first.params};
  store->enqueue(study, std::span(&plan, 1));
  while (const auto trial = store->claim(study, {"worker", seconds(60)})) {
    const Claim claim{trial->id, trial->lease};
    std::vector<Storage::ParamValue> params;
    for (const auto& [parameter, domain] : first.domains) {
      const auto fixed = trial->plan.fixed.find(parameter);
      const Value value =
          fixed == trial->plan.fixed.end() ? first.params.at(parameter) : fixed->second;
      params.push_back({parameter, domain, value});
    }
    store->set_params(claim, params);
    Metrics metrics;
    for (const Objective& objective : spec.objectives) metrics[objective.metric] = 0.75;
    store->add_report(claim, {1, metrics});
    store->finish(claim, Outcome::complete(metrics));
  }
}

/// Plans and runs `trials` trials of our own beside another program, which it also takes trials
/// from; each tells its number.
void work(const std::string& url, const std::string& name, int trials) {
  const auto store = open_storage(url, {.create = false});
  const StudyId study = store->find_study(name).value();
  for (int i = 0; i < trials; ++i) {
    const TrialPlan plan = {.key = "ours/" + std::to_string(i)};
    store->enqueue(study, std::span(&plan, 1));
    const auto trial = store->claim(study, {"worker", seconds(60)});
    if (!trial) continue;  // the other program was faster to take it
    const Claim claim{trial->id, trial->lease};
    const double number = trial->number;
    const Storage::ParamValue x{"x", FloatDomain{0, 1e6}, number};
    store->set_params(claim, std::span(&x, 1));
    store->add_report(claim, {1, {{"value", number}}});
    store->finish(claim, Outcome::complete({{"value", number}}));
  }
}

}  // namespace
}  // namespace hypertune

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.size() == 2 && args[0] == "write") {
      hypertune::write(args[1]);
    } else if (args.size() == 3 && args[0] == "show") {
      hypertune::show(args[1], args[2]);
    } else if (args.size() == 3 && args[0] == "continue") {
      hypertune::go_on(args[1], args[2]);
    } else if (args.size() == 4 && args[0] == "work") {
      hypertune::work(args[1], args[2], std::stoi(args[3]));
    } else {
      std::fprintf(stderr,
                   "usage: storage_tool write FILE | show|continue URL STUDY | work URL STUDY N\n");
      return 2;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "storage_tool: %s\n", e.what());
    return 1;
  }
  return 0;
}
