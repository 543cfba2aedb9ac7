// Study files: the table of sections, the small sections, and the checks across sections.
#include "config/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "config/registry.h"
#include "config/sections.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxNameBytes = 128;  // the name becomes the name of a folder
constexpr std::int64_t kMaxSamples = 100'000;
constexpr std::int64_t kMaxTrials = 100'000;
constexpr std::int64_t kMaxEarlier = 10'000;
constexpr int kFewestAutoTrials = 31;
constexpr std::int64_t kMaxWorkers = 1024;
constexpr std::int64_t kMaxAttempts = 1000;
constexpr std::int64_t kMaxLeaseSeconds = 24 * 60 * 60;

constexpr std::string_view kSmallest = R"(
  [study]
  name       = "my-study"
  objectives = [{ metric = "val_accuracy", direction = "maximize" }]
  [space]
  learning_rate = { float = [1e-4, 1e-1], log = true })";

void read_name(const Entry& entry, StudyFile& file) {
  const std::string name = entry.text();
  const auto illegal = [](unsigned char c) {
    return c == '/' || c == '\\' || c < 0x20 || c == 0x7F;
  };
  const auto reject = [&](std::string_view why) {
    entry.fail(fmt::format("\"{}\" cannot name a study, whose folder has the same name: it {}",
                           shorten(name, 60), why));
  };
  if (trim(name).empty()) reject("is empty");
  if (trim(name) != name) reject("begins or ends with a blank");
  if (name.size() > kMaxNameBytes) reject(fmt::format("is longer than {} bytes", kMaxNameBytes));
  if (name.front() == '.' || name.front() == '-') reject("begins with a dot or a dash");
  if (std::ranges::any_of(name, illegal)) reject("has a slash or a control character in it");
  file.spec.name = name;
}

void read_metric(const Entry& entry, Objective& objective) {
  objective.metric = option_types::metric_name(entry);
}

void read_direction(const Entry& entry, Objective& objective) {
  static const std::vector<std::string> kDirections = {"minimize", "maximize"};
  const std::string word = entry.text();
  const auto match = std::ranges::find(kDirections, word);
  if (match == kDirections.end()) {
    entry.fail(fmt::format("unknown direction \"{}\"{}", shorten(word, 60),
                           suggestion(word, kDirections)));
  }
  objective.direction = match == kDirections.begin() ? Direction::Minimize : Direction::Maximize;
}

constexpr Key<Objective> kObjectiveKeys[] = {
    {"metric", read_metric, "metric = \"val_accuracy\""},
    {"direction", read_direction, "direction = \"maximize\""}};

void read_objectives(const Entry& entry, StudyFile& file) {
  std::vector<Objective>& objectives = file.spec.objectives;
  for (const Entry& element : entry.elements()) {
    Objective objective;
    read_table(element, kObjectiveKeys, objective);
    if (std::ranges::find(objectives, objective.metric, &Objective::metric) != objectives.end()) {
      element.fail(
          fmt::format("the metric {} is an objective twice; remove one", objective.metric));
    }
    objectives.push_back(std::move(objective));
  }
  if (objectives.empty()) {
    entry.fail(
        "study.objectives is empty; write "
        "[{ metric = \"val_accuracy\", direction = \"maximize\" }]");
  }
}

void read_seed(const Entry& entry, StudyFile& file) {
  file.spec.seed =
      static_cast<std::uint64_t>(entry.whole(0, std::numeric_limits<std::int64_t>::max()));
}

constexpr Key<StudyFile> kStudyKeys[] = {
    {"name", read_name, "name = \"my-study\""},
    {"objectives", read_objectives,
     "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]"},
    {"seed", read_seed}};

void read_sampler(const Entry& section, StudyFile& file) {
  file.sampler = read_choice(section, samplers());
}

void read_scheduler(const Entry& section, StudyFile& file) {
  file.scheduler = read_choice(section, schedulers(), file);
}

void read_workers(const Entry& entry, StudyFile& file) {
  file.tune.workers = static_cast<int>(entry.whole(0, kMaxWorkers));
  if (file.tune.workers == 0) {
    file.tune.workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
}

constexpr Key<StudyFile> kTuneKeys[] = {
    {"num_samples",
     [](const Entry& entry, StudyFile& file) {
       file.tune.num_samples = static_cast<int>(entry.whole(1, kMaxSamples));
     }},
    {"paired", [](const Entry& entry, StudyFile& file) { file.tune.paired = entry.flag(); }},
    {"workers", read_workers},
    {"lag", [](const Entry& entry,
               StudyFile& file) { file.tune.lag = static_cast<int>(entry.whole(0, kMaxTrials)); }},
    {"max_attempts",
     [](const Entry& entry, StudyFile& file) {
       file.tune.max_attempts = static_cast<int>(entry.whole(1, kMaxAttempts));
     }},
    {"lease_s", [](const Entry& entry, StudyFile& file) {
       file.tune.lease = std::chrono::seconds(entry.whole(1, kMaxLeaseSeconds));
     }}};

constexpr Key<WarmStart> kWarmStartKeys[] = {
    {"study", [](const Entry& entry, WarmStart& into) { into.study = entry.text(); }},
    {"store", [](const Entry& entry, WarmStart& into) { into.store = entry.text(); }},
    {"trials", [](const Entry& entry, WarmStart& into) {
       into.trials = static_cast<int>(entry.whole(1, kMaxEarlier));
     }}};

void read_warm_start(const Entry& section, StudyFile& file) {
  WarmStart warm_start;
  read_table(section, kWarmStartKeys, warm_start);
  if (warm_start.study.empty() && warm_start.store.empty()) {
    section.fail(
        "warm_start names no study to learn from; add study = \"name of a study\", or store = "
        "\"its run folder\"");
  }
  file.warm_start = std::move(warm_start);
}

template <const auto& keys>
void read_section(const Entry& section, StudyFile& file) {
  read_table(section, keys, file);
}

// In the order in which they are read: claims need the space and the pairing.
constexpr Key<StudyFile> kSections[] = {{"study", read_section<kStudyKeys>, "a section [study]"},
                                        {"trainer", read_trainer},
                                        {"space", read_space},
                                        {"sampler", read_sampler},
                                        {"warm_start", read_warm_start},
                                        {"scheduler", read_scheduler},
                                        {"tune", read_section<kTuneKeys>},
                                        {"stop", read_stop},
                                        {"ask", read_ask},
                                        {"command", read_command},
                                        {"launcher", read_launcher},
                                        {"experiment", read_experiment}};

/// The grid multiplies: refused before anybody writes it out.
void check_size_of_plan(const Entry& root, const StudyFile& file) {
  std::int64_t trials = file.tune.num_samples;
  for (const Parameter& parameter : file.spec.space.parameters()) {
    if (parameter.role != Role::Grid) continue;
    trials *=
        static_cast<std::int64_t>(std::get<CategoricalDomain>(parameter.domain).choices.size());
    if (trials > kMaxTrials) {
      root.find("space")->fail(fmt::format(
          "num_samples times the grid gives more than {} trials; lower tune.num_samples, or turn a "
          "grid axis into a choice",
          kMaxTrials));
    }
  }
}

/// As many workers as can run where the file asks for one on each core.
void check_tune(const Entry& root, StudyFile& file) {
  const auto section = root.find("tune");
  if (!section || !file.tune.lag) return;
  const auto workers = section->find("workers");
  if (workers && workers->whole() == 0) {
    file.tune.workers = std::min(file.tune.workers, *file.tune.lag + 1);
  }
  workers.value_or(*section).check([&] { check_options(file.tune); });
}

void check_lag_with_scheduler(const Entry& root, const StudyFile& file) {
  if (!file.tune.lag) return;
  root.find("tune")->find("lag")->check([&] { check_lag(file.tune.lag, *file.scheduler.make()); });
}

/// BOHB is a scheduler that brings its sampler along.
void complete_bohb(const Entry& root, StudyFile& file) {
  if (file.scheduler.name != "bohb") return;
  const auto section = root.find("sampler");
  if (!section) {
    file.sampler = {"tpe", {}, [] { return tpe_sampler(); }};
    file.why_sampler.clear();
  } else if (file.sampler.name != "tpe") {
    section->fail(fmt::format(
        "the scheduler bohb is hyperband with the sampler tpe, not {0}; remove [sampler], or write "
        "scheduler.name = \"hyperband\" to use {0}",
        file.sampler.name));
  }
}

/// What a run would otherwise find out when it has begun, or never.
void check_sampler(const Entry& root, const StudyFile& file) {
  const std::string& name = file.sampler.name;
  if (name == "cmaes" && file.spec.objectives.size() > 1) {
    root.find("sampler")->fail(fmt::format(
        "the sampler cmaes takes one objective, and there are {}; choose another, such as "
        "sampler.name = \"auto\"",
        file.spec.objectives.size()));
  }
  constexpr std::array<std::string_view, 4> kLearnFromOthers = {"tpe", "gp", "cmaes", "auto"};
  if (file.warm_start && std::ranges::find(kLearnFromOthers, name) == kLearnFromOthers.end()) {
    root.find("warm_start")
        ->fail(fmt::format("the sampler {} learns nothing from other studies; remove [warm_start], "
                           "or choose [sampler] name = \"tpe\", \"gp\", \"cmaes\" or \"auto\"",
                           name));
  }
}

int planned_trials(const StudyFile& file) {
  return static_cast<int>(file.spec.space.grid_points().size()) * file.tune.num_samples;
}

/// With many trials there is something to learn; but claims are about what chance draws, and a
/// sampler that prefers good trials would bias their estimates.
void choose_default_sampler(StudyFile& file) {
  const bool draws = std::ranges::any_of(
      file.spec.space.parameters(), [](const Parameter& p) { return p.role == Role::Sampled; });
  if (!draws || planned_trials(file) < kFewestAutoTrials) return;
  if (!file.experiment.claims.empty()) {
    file.why_sampler =
        "not auto, although there are more than 30 trials: it prefers good trials, which would "
        "bias "
        "the estimates of the claims";
    return;
  }
  const auto make = [](int budget, int workers) {
    return auto_sampler({.budget = budget, .workers = workers});
  };
  file.sampler = {"auto", {}, {}, make};
}

}  // namespace

void size_sampler(StudyFile& file) {
  if (!file.sampler.make_for) return;
  // With a lag results are not to depend on the number of workers.
  const int workers = file.tune.lag ? *file.tune.lag + 1 : std::max(1, file.tune.workers);
  file.sampler.make = [make_for = file.sampler.make_for, budget = std::max(1, planned_trials(file)),
                       workers] { return make_for(budget, workers); };
}

StudyFile parse_study_file(std::string_view text, const std::string& name,
                           const Overrides& overrides) {
  const TomlDocument document(text, name, overrides);
  const Entry root = document.root();
  if (root.members().empty()) {
    root.fail(fmt::format("the study file is empty; the smallest one is{}", kSmallest));
  }
  StudyFile file;
  read_table(root, kSections, file);
  check_trainer_against_space(root);
  check_size_of_plan(root, file);
  check_tune(root, file);
  if (!root.find("sampler")) choose_default_sampler(file);
  complete_bohb(root, file);
  check_sampler(root, file);
  size_sampler(file);
  check_lag_with_scheduler(root, file);

  file.source = {std::string(text), name, overrides};
  file.experiment.study_file = std::filesystem::path(name).filename().string();
  std::string hashed(text);
  for (const std::string& line : overrides) hashed += "\n--set " + line;
  file.experiment.study_file_sha256 = sha256(hashed);
  if (file.experiment.title.empty()) file.experiment.title = file.spec.name;
  return file;
}

StudyFile load_study_file(const std::filesystem::path& file, const Overrides& overrides) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    throw ConfigError(error.what());
  }
  return parse_study_file(text, file.string(), overrides);
}

std::vector<std::string> study_file_keys() {
  std::vector<std::string> keys;
  const auto add = [&](std::string_view section, const std::vector<std::string>& names) {
    for (const std::string& name : names) keys.push_back(fmt::format("{}.{}", section, name));
  };
  add("study", names_of(kStudyKeys));
  add("study.objectives", names_of(kObjectiveKeys));
  add("space", {"constraint"});
  add("space.NAME", parameter_keys());
  add("sampler", {"name"});
  add("scheduler", {"name"});
  add("warm_start", names_of(kWarmStartKeys));
  add("tune", names_of(kTuneKeys));
  add("stop", stop_keys());
  add("launcher", launcher_keys());
  add("ask", ask_keys());
  add("command", command_keys());
  add("trainer", trainer_keys());
  add("experiment", experiment_keys());
  return keys;
}

std::vector<AlgorithmOptions> algorithm_options() {
  std::vector<AlgorithmOptions> all;
  for (const auto& row : samplers()) all.push_back({"sampler", std::string(row.name), row.options});
  for (const auto& row : schedulers()) {
    all.push_back({"scheduler", std::string(row.name), row.options});
  }
  return all;
}

}  // namespace hypertune
