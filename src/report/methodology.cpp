// What a report says about how the study was done: title, hypothesis, methodology, reproduction.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "base/text.h"
#include "report/sections.h"
#include "report/verdict_text.h"

namespace hypertune {
namespace {

/// Facts with a place of their own in the report; others are listed as they are.
constexpr std::string_view kKnownFacts[] = {"chance",
                                            "classes",
                                            "command",
                                            "dataset",
                                            "dataset_sha256",
                                            "dataset_source",
                                            "dataset_wanted",
                                            "engine",
                                            "fallback_reason",
                                            "hardware",
                                            "hypertune_version",
                                            "lag",
                                            "learned_from",
                                            "libraries",
                                            "model",
                                            "parameters",
                                            "parameters_left_out",
                                            "sampler",
                                            "sampler_choice",
                                            "samples",
                                            "scheduler",
                                            "split",
                                            "study_file",
                                            "train_samples",
                                            "trainer",
                                            "validation_samples",
                                            "workers"};

/// A table of the facts of an object; nothing when there is none.
std::optional<Table> fact_table(const StudyView& study, std::string_view key,
                                const std::string& name, const std::string& value) {
  const auto found = study.provenance.find(key);
  if (found == study.provenance.end() || !found->is_object() || found->empty()) return {};
  Table table{.columns = {{name}, {value}}, .rows = {}};
  for (const auto& [entry, content] : found->items()) {
    table.rows.push_back({entry, fact_text(content)});
  }
  return table;
}

std::string sentence(std::string_view format, const std::string& value) {
  return value.empty() ? "" : fmt::format(fmt::runtime(format), value);
}

std::string when_stated(int trials_begun) {
  if (trials_begun == 0) return "before the first trial began";
  return fmt::format("after {} had begun", count_of(trials_begun, "trial"));
}

Paragraph design(const StudyView& study) {
  const auto points = std::ssize(study.spec.space.grid_points());
  const bool has_grid = std::ranges::any_of(
      study.spec.space.parameters(), [](const Parameter& p) { return p.role == Role::Grid; });
  std::string text = fmt::format("The study \"{}\" has {}", study.spec.name,
                                 count_of(std::ssize(study.trials), "trial"));
  if (has_grid) text += fmt::format(" on {}", count_of(points, "grid point"));
  text += fmt::format(" and the seed {}.", study.spec.seed);
  std::vector<std::string> goals;
  for (const Objective& objective : study.spec.objectives) {
    const bool maximize = objective.direction == Direction::Maximize;
    goals.push_back(
        fmt::format("{} ({})", objective.metric, maximize ? "to maximize" : "to minimize"));
  }
  if (!goals.empty()) {
    text += fmt::format(" Objective{}: {}.", goals.size() > 1 ? "s" : "", join(goals, ", "));
  }
  text += sentence(" Values were drawn by the sampler {}.", fact(study, "sampler"));
  text += sentence(" It chose {}.", fact(study, "sampler_choice"));
  text += sentence(" It learned from {} before the first trial.", fact(study, "learned_from"));
  text += sentence(" Trials were scheduled by {}.", fact(study, "scheduler"));
  text += sentence(
      " Each trial was decided from exactly those that precede it by more than {}, so that results "
      "do "
      "not depend on how many ran at once.",
      fact(study, "lag"));
  text += sentence(" It ended because {}.", study.stopped);
  if (is_paired(study)) {
    text +=
        " The design is paired: the grid points of one sample share the values drawn by the "
        "sampler and the training seed, so that they differ in the grid axes alone.";
  }
  return {text};
}

Table space_table(const SearchSpace& space) {
  Table table{.columns = {{"Parameter"}, {"Role"}, {"Values"}, {"When"}}, .rows = {}};
  constexpr std::array<std::string_view, 3> kRoles = {"sampled", "grid", "constant"};
  for (const Parameter& parameter : space.parameters()) {
    table.rows.push_back(
        {parameter.name, std::string(kRoles.at(static_cast<std::size_t>(parameter.role))),
         to_string(parameter.domain), parameter.when ? parameter.when->text() : "always"});
  }
  return table;
}

/// Empty when nothing was recorded about data.
std::string data_paragraph(const StudyView& study) {
  const std::string dataset = fact(study, "dataset");
  if (dataset.empty()) return "";
  std::string text = fmt::format("Data set: {}.", dataset);
  if (const std::string wanted = replaced_dataset(study); !wanted.empty()) {
    text += fmt::format(" It stands in for {}, which could not be had", wanted);
    text += sentence(" ({})", fact(study, "fallback_reason")) + ".";
  }
  text += sentence(" {} samples", fact(study, "samples"));
  text += sentence(" in {} classes", fact(study, "classes"));
  const std::string train = fact(study, "train_samples");
  const std::string validation = fact(study, "validation_samples");
  if (!fact(study, "samples").empty()) text += ".";
  if (!train.empty() && !validation.empty()) {
    text += fmt::format(" {} were used for training and {} for validation", train, validation);
    text += sentence(" (split: {})", fact(study, "split")) + ".";
  }
  text += sentence(" An accuracy of {} is had by guessing.", fact(study, "chance"));
  text += sentence(" Source: {}.", fact(study, "dataset_source"));
  text += sentence(" SHA-256: {}.", fact(study, "dataset_sha256"));
  return text;
}

/// What the built-in trainer's flags mean; nothing where they were not measured.
std::string flags_paragraph(const StudyView& study) {
  std::set<std::string> measured;
  for (const TrialRecord& trial : study.trials) {
    for (const auto& [name, value] : trial.metrics) measured.insert(name);
  }
  std::string text;
  if (measured.contains("collapsed") && study.provenance.contains("chance")) {
    text =
        "A trial is collapsed when its accuracy is at most twice chance or its loss is not "
        "finite. ";
  }
  if (measured.contains("diverged") && study.provenance.contains("trainer")) {
    text +=
        "A diverged trial, in which a loss, a weight or an output of the network stopped being "
        "finite, was stopped early and counts as a result; a model whose outputs are not finite is "
        "scored as always predicting the first class.";
  }
  return std::string(trim(text));
}

/// `a processor, 2 cores, 8 GiB of memory, Debian 12`.
std::string hardware(const StudyView& study) {
  const auto found = study.provenance.find("hardware");
  if (found == study.provenance.end() || !found->is_object()) return fact(study, "hardware");
  std::vector<std::string> parts;
  constexpr std::array<std::pair<const char*, std::string_view>, 4> kParts = {
      {{"cpu", "{}"}, {"cores", "{} cores"}, {"memory_gib", "{} GiB of memory"}, {"os", "{}"}}};
  for (const auto& [key, format] : kParts) {
    if (found->contains(key)) parts.push_back(sentence(format, fact_text((*found)[key])));
  }
  return join(parts, ", ");
}

/// What computed the trials, and in which precision.
std::string engine_paragraph(const StudyView& study) {
  const auto engine = study.provenance.find("engine");
  if (engine == study.provenance.end() || !engine->is_object()) return "";
  const auto trainer = study.provenance.find("trainer");
  std::string precision = "the precision of each trial";
  if (trainer != study.provenance.end() && trainer->is_object() && trainer->contains("precision")) {
    precision = fact_text((*trainer)["precision"]);
  }
  std::string text =
      fmt::format("Networks were trained by {} in {}.", describe_engine(*engine), precision);
  if (precision != "f32") {
    text +=
        " In bf16 the factors of the convolutions' products are rounded to 8 significant bits; "
        "sums are "
        "f32.";
  }
  std::set<std::string> others;
  for (const Json& run : study.provenance.value("resumed", Json::array())) {
    if (!run.is_object() || !run.contains("engine") || run["engine"] == *engine) continue;
    others.insert(describe_engine(run["engine"]));
  }
  text += sentence(" Later runs used {}.", fmt::format("{}", fmt::join(others, " and ")));
  return text;
}

/// What the trials were computed with.
std::string versions_paragraph(const StudyView& study) {
  std::vector<std::string> parts;
  if (const std::string version = fact(study, "hypertune_version"); !version.empty()) {
    parts.push_back("hypertune " + version);
  }
  if (const std::string libraries = fact(study, "libraries"); !libraries.empty()) {
    parts.push_back(libraries);
  }
  return sentence("Versions: {}.", join(parts, ", "));
}

std::string execution_paragraph(const StudyView& study) {
  std::string text = sentence("The trials ran on {}", hardware(study));
  const std::string workers = fact(study, "workers");
  if (!workers.empty()) {
    text += fmt::format("{} {} at a time", text.empty() ? "The trials ran" : ",", workers);
  }
  if (!text.empty()) text += ".";
  std::optional<TimePoint> first;
  std::optional<TimePoint> last;
  double trial_time_s = 0;
  for (const TrialRecord& trial : study.trials) {
    if (trial.started) first = std::min(first.value_or(*trial.started), *trial.started);
    if (trial.ended) last = std::max(last.value_or(*trial.ended), *trial.ended);
    trial_time_s += trial.duration_s().value_or(0);
  }
  if (first && last) {
    const std::chrono::duration<double> span = *last - *first;
    text += fmt::format(
        " The first trial began at {:%Y-%m-%d %H:%M} UTC; the last one ended {} later; the trials' "
        "durations{} add up to {}.",
        fmt::gmtime(std::chrono::system_clock::to_time_t(*first)), format_duration(span.count()),
        has_pauses(study) ? ", pauses included," : "", format_duration(trial_time_s));
  }
  return std::string(trim(text));
}

List other_facts(const StudyView& study) {
  List list;
  for (const auto& [key, value] : study.provenance.items()) {
    if (std::ranges::find(kKnownFacts, key) == std::end(kKnownFacts)) {
      list.items.push_back(fmt::format("{}: {}", readable(key), fact_text(value)));
    }
  }
  return list;
}

/// What sampled values depend on, as far as what is recorded tells.
std::string origin_of_values(const StudyView& study) {
  const std::string by_chance =
      "Sampled values and seeds depend on the study's seed and the trial's draw alone.";
  if (!draws_what_it_has_learned(study)) return by_chance;
  const std::string begin =
      "Seeds depend on the study's seed and the trial's draw alone; sampled values also on ";
  if (const std::string lag = fact(study, "lag"); !lag.empty()) {
    return begin + "the results of the trials that precede theirs by more than the lag.";
  }
  if (fact(study, "workers") == "1") return begin + "the results of earlier trials.";
  return begin +
         "what was known when their trial began, so that another run with several workers may "
         "draw others; with a lag it draws the same.";
}

void add_paragraph(Section& section, std::string text) {
  if (!text.empty()) section.blocks.emplace_back(Paragraph{std::move(text)});
}

}  // namespace

std::string fact(const StudyView& study, std::string_view key) {
  const auto found = study.provenance.find(key);
  return found == study.provenance.end() ? "" : fact_text(*found);
}

bool draws_what_it_has_learned(const StudyView& study) {
  const std::string sampler = fact(study, "sampler");
  const bool by_chance =
      sampler.empty() || sampler.starts_with("random") || sampler.starts_with("qmc");
  const bool replaces = std::ranges::any_of(
      study.trials, [](const TrialRecord& trial) { return trial.plan.key.starts_with("next/"); });
  return !by_chance || replaces;
}

std::string replaced_dataset(const StudyView& study) {
  const auto wanted = study.provenance.find("dataset_wanted");
  if (wanted == study.provenance.end() || !wanted->is_array() || wanted->empty()) return "";
  const std::string first = fact_text(wanted->front());
  return first == fact(study, "dataset") ? "" : first;
}

std::string report_title(const StudyView& study) {
  const bool titled = study.experiment && !study.experiment->title.empty();
  std::string title = titled ? study.experiment->title : study.spec.name;
  title += sentence(", on {}", fact(study, "dataset"));
  return title + sentence(" (in place of {})", replaced_dataset(study));
}

std::string describe_engine(const Json& engine) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kInstructions = {
      {{"portable", "portable code"}, {"avx2", "AVX2"}, {"avx512", "AVX-512"}, {"amx", "AMX"}}};
  const auto part = [&](const char* key) {
    return engine.is_object() && engine.contains(key) ? fact_text(engine[key]) : "";
  };
  if (part("backend") != "native") return std::string(trim("LibTorch " + part("version")));
  std::string instructions = part("instructions");
  for (const auto& [word, name] : kInstructions)
    if (instructions == word) instructions = name;
  return "hypertune's engine" + sentence(" ({})", instructions);
}

Section hypothesis_section(const StudyView& study) {
  Section section{.title = "Hypothesis", .blocks = {}};
  if (!study.experiment || trim(study.experiment->hypothesis).empty()) {
    add_paragraph(section, "No hypothesis was stated with this study.");
  } else {
    std::string paragraph;
    for (const std::string& line : split(study.experiment->hypothesis, '\n')) {
      const std::string_view words = trim(line);
      if (words.empty()) add_paragraph(section, std::exchange(paragraph, ""));
      if (!words.empty()) paragraph += (paragraph.empty() ? "" : " ") + std::string(words);
    }
    add_paragraph(section, paragraph);
  }
  if (!study.experiment || study.experiment->claims.empty()) return section;
  add_paragraph(section, "What was claimed, and what is expected if it is true:");
  List claims;
  for (const StatedClaim& stated : study.experiment->claims) {
    claims.items.push_back(fmt::format("{}. Estimated: {}; expected: {}; stated {}.",
                                       stated.claim.text, describe_estimate(stated.claim),
                                       stated.claim.expect.text, when_stated(stated.trials_begun)));
  }
  section.blocks.emplace_back(std::move(claims));
  return section;
}

Section methodology_section(const StudyView& study) {
  Section section{.title = "Methodology", .blocks = {}};
  section.blocks.emplace_back(design(study));
  if (!study.spec.space.empty()) section.blocks.emplace_back(space_table(study.spec.space));
  std::vector<std::string> constraints;
  for (const Condition& constraint : study.spec.space.constraints()) {
    constraints.push_back(constraint.text());
  }
  add_paragraph(section, sentence("Every trial satisfies: {}.", join(constraints, "; ")));
  add_paragraph(section, data_paragraph(study));
  add_paragraph(section, sentence("Model: {}.", fact(study, "model")));
  if (auto table = fact_table(study, "parameters", "Arm", "Trainable parameters")) {
    table->columns[1].align = Align::Right;
    section.blocks.emplace_back(*std::move(table));
    add_paragraph(section, sentence("There are {} arms more, whose numbers are not listed.",
                                    fact(study, "parameters_left_out")));
  } else {
    add_paragraph(section, sentence("Trainable parameters: {}.", fact(study, "parameters")));
  }
  if (auto table = fact_table(study, "trainer", "Option of the trainer", "Value")) {
    section.blocks.emplace_back(*std::move(table));
  }
  add_paragraph(section, engine_paragraph(study));
  add_paragraph(section, flags_paragraph(study));
  add_paragraph(section, versions_paragraph(study));
  add_paragraph(section, execution_paragraph(study));
  if (List others = other_facts(study); !others.items.empty()) {
    section.blocks.emplace_back(std::move(others));
  }
  if (!study.experiment) return section;
  const std::string hash =
      sentence(", and the SHA-256 of the study file ({}),", study.experiment->study_file_sha256);
  add_paragraph(section, fmt::format("Hypothesis and claims{} were stored with the study {}; "
                                     "claims that were added later are marked.",
                                     hash, when_stated(study.experiment->trials_begun)));
  for (const StudyFileChange& change : study.experiment->changes) {
    add_paragraph(section,
                  fmt::format("The study file was changed since: its SHA-256 became {} {}.",
                              change.sha256, when_stated(change.trials_begun)));
  }
  return section;
}

Section reproduction_section(const StudyView& study) {
  Section section{.title = "How to reproduce", .blocks = {}};
  if (const std::string command = fact(study, "command"); !command.empty()) {
    section.blocks.emplace_back(Code{command});
  }
  List facts;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) facts.items.push_back(fmt::format("{}: {}", name, value));
  };
  add("Seed", std::to_string(study.spec.seed));
  std::string file = study.experiment ? study.experiment->study_file : "";
  add("Study file", file.empty() ? fact(study, "study_file") : file);
  if (study.experiment) add("SHA-256 of the study file", study.experiment->study_file_sha256);
  add("hypertune", fact(study, "hypertune_version"));
  add("Libraries", fact(study, "libraries"));
  if (study.provenance.contains("engine")) {
    add("Engine", describe_engine(study.provenance["engine"]));
  }
  add("Data set", fact(study, "dataset"));
  add("SHA-256 of the data set", fact(study, "dataset_sha256"));
  section.blocks.emplace_back(std::move(facts));
  add_paragraph(
      section,
      origin_of_values(study) +
          " Trained numbers may differ on a processor with other instructions or with other "
          "library versions: in the last digits, and by more where training is unstable. "
          "Every trial is in trials.csv beside this report.");
  return section;
}

}  // namespace hypertune
