// bench_quality: searches the problems with the samplers of hypertune, or answers for a peer that
// searches them. bench/quality/quality runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>
#include <optional>
#include <span>
#include <string>

#include "base/json.h"
#include "config/registry.h"
#include "config/study_file.h"
#include "hypertune/error.h"
#include "hypertune/study.h"
#include "quality/problems.h"

namespace hypertune::bench {
namespace {

Json described(const Parameter& parameter) {
  Json json = {{"name", parameter.name}};
  if (const auto* real = std::get_if<FloatDomain>(&parameter.domain)) {
    json.update({{"kind", "float"}, {"low", real->low}, {"high", real->high}, {"log", real->log}});
  } else if (const auto* whole = std::get_if<IntDomain>(&parameter.domain)) {
    json.update({{"kind", "int"}, {"low", whole->low}, {"high", whole->high}, {"log", whole->log}});
  } else {
    json["kind"] = "choice";
    for (const Value& choice : std::get<CategoricalDomain>(parameter.domain).choices) {
      json["choices"].push_back(to_json(choice));
    }
  }
  if (parameter.when) json["when"] = parameter.when->text();
  return json;
}

Json described(const Problem& problem) {
  Json json = {
      {"family", problem.family}, {"objectives", problem.objectives}, {"noisy", problem.noise > 0}};
  for (const Parameter& parameter : problem.space.parameters()) {
    json["parameters"].push_back(described(parameter));
  }
  return json;
}

/// The sampler as a study file of that many trials would choose it. The metrics of study files are
/// the trainer's; the sampler sees those of the problem.
std::unique_ptr<Sampler> chosen_sampler(const std::string& name, int budget, int objectives) {
  constexpr const char* kMetrics[] = {"val_loss", "train_loss", "epochs"};
  std::string listed;
  for (const char* metric : std::span(kMetrics).first(static_cast<std::size_t>(objectives))) {
    listed += fmt::format("{{ metric = \"{}\", direction = \"minimize\" }}, ", metric);
  }
  const std::string text = fmt::format(
      "[study]\nname = \"bench\"\nobjectives = [{}]\n[sampler]\nname = \"{}\"\n"
      "[tune]\nnum_samples = {}\n[space]\ndropout = {{ float = [0.0, 0.5] }}\n",
      listed, name, budget);
  return parse_study_file(text, "bench").sampler.make();
}

/// Runs {"problem", "instance", "seed", "sampler", "budgets"}: the regret after each budget of
/// trials, and the seconds of the processor that all took.
Json searched(const Json& cell) {
  const auto instance = cell.at("instance").get<int>();
  const auto seed = cell.at("seed").get<std::uint64_t>();
  const auto budgets = cell.at("budgets").get<std::vector<int>>();
  Attempt attempt(make_problem(cell.at("problem").get<std::string>(), instance), seed);
  const Problem& problem = attempt.problem();
  Study study(
      {"bench", objectives_of(problem), problem.space, seed}, memory_storage(),
      chosen_sampler(cell.at("sampler").get<std::string>(), budgets.back(), problem.objectives));
  const std::clock_t begin = std::clock();
  Json regrets = Json::array();
  for (int trials = 1; trials <= budgets.back(); ++trials) {
    Trial trial = study.ask();
    const auto values = attempt.evaluate(trial.params());
    Metrics metrics;
    for (std::size_t i = 0; i < values.size(); ++i) metrics[fmt::format("f{}", i)] = values[i];
    study.tell(trial, Outcome::complete(std::move(metrics)));
    if (trials == budgets[regrets.size()]) regrets.push_back(attempt.regret());
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  return {{"regrets", regrets}, {"seconds", seconds}};
}

/// Answers each line of the input with one: what is wrong, or what `answer` says.
template <typename Answer>
void answer_lines(Answer answer) {
  for (std::string line; std::getline(std::cin, line);) {
    Json reply;
    try {
      reply = answer(parse_json(line));
    } catch (const std::exception& fault) {
      reply = {{"error", fault.what()}};
    }
    std::cout << dump_json(reply) << std::endl;
  }
}

/// {"problem", "instance", "seed"} begins an attempt, {"params"} is a trial of it.
void serve() {
  std::optional<Attempt> attempt;
  answer_lines([&](const Json& line) -> Json {
    if (line.contains("problem")) {
      attempt.emplace(
          make_problem(line.at("problem").get<std::string>(), line.at("instance").get<int>()),
          line.at("seed").get<std::uint64_t>());
      return described(attempt->problem());
    }
    if (!attempt) throw Error("begin with {\"problem\", \"instance\", \"seed\"}");
    const auto values = attempt->evaluate(params_from_json(line.at("params")));
    return {{"values", values}, {"regret", attempt->regret()}};
  });
}

void list(bool quick) {
  Json problems = Json::array();
  for (const std::string& name : problem_names(quick)) {
    Json json = described(make_problem(name, 1));
    json["dim"] = json["parameters"].size();
    json.erase("parameters");
    json["name"] = name;
    problems.push_back(std::move(json));
  }
  Json names = Json::array();
  for (const auto& row : samplers()) names.push_back(row.name);
  std::cout << dump_json({{"problems", problems}, {"samplers", names}}) << "\n";
}

}  // namespace
}  // namespace hypertune::bench

int main(int argc, char** argv) {
  using namespace hypertune::bench;
  CLI::App app("Searches benchmark problems: reads cells as JSON lines, writes what they gave.");
  std::string listed;
  bool served = false;
  app.add_option("--list", listed, "Print the problems of a set, and the samplers")
      ->check(CLI::IsMember({"quick", "full"}));
  app.add_flag("--serve", served, "Evaluate for a peer: JSON lines in, JSON lines out");
  CLI11_PARSE(app, argc, argv);
  if (!listed.empty()) {
    list(listed == "quick");
  } else if (served) {
    serve();
  } else {
    answer_lines(searched);
  }
  return 0;
}
