// What a report says about what was found: results, conclusion, limits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "math/statistics.h"
#include "report/finite_metric.h"
#include "report/sections.h"
#include "report/verdict_text.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;
constexpr std::size_t kMaxArms = 100;  // rows of the table of arms

std::string number(double value) { return format_number(value, kDigits); }

struct Counts {
  std::map<TrialState, int> by_state;
  int repeats = 0;

  int of(TrialState state) const {
    const auto found = by_state.find(state);
    return found == by_state.end() ? 0 : found->second;
  }
  int unfinished() const {
    return of(TrialState::Waiting) + of(TrialState::Running) + of(TrialState::Paused);
  }
};

Counts count(const StudyView& study) {
  Counts counts;
  for (const TrialRecord& trial : study.trials) {
    ++counts.by_state[trial.state];
    if (trial.plan.retry_of) ++counts.repeats;
  }
  return counts;
}

Paragraph outcome_paragraph(const StudyView& study) {
  const Counts counts = count(study);
  std::string text = fmt::format("{} of {} {} complete", counts.of(TrialState::Complete),
                                 count_of(std::ssize(study.trials), "trial"),
                                 counts.of(TrialState::Complete) == 1 ? "is" : "are");
  const auto add = [&](int n, std::string_view what) {
    if (n > 0) text += fmt::format(", {} {}", n, what);
  };
  add(counts.of(TrialState::Pruned), "pruned");
  add(counts.of(TrialState::Failed), "failed");
  add(counts.unfinished(), "not ended yet");
  add(counts.repeats, "planned to repeat one that failed");
  text += ".";
  if (counts.unfinished() > 0) text += " The results are preliminary.";
  if (study.spec.objectives.empty()) return {text};
  const Objective& objective = study.spec.objectives.front();
  if (const TrialRecord* best = best_trial(objective, study.trials)) {
    text += fmt::format(" The best {} is {}, in trial {} ({}).", objective.metric,
                        number(best->metrics.at(objective.metric)), best->number,
                        to_string(best->params));
    const std::string again = confirmation_text(study.confirmation, *best, objective.metric);
    if (!again.empty()) {
      text += fmt::format(" Its parameters were trained again with the same seed; {}.", again);
    }
  }
  return {text};
}

/// How many of the arm's trials have a number other than 0 for the flag.
int flagged(const Arm& arm, const std::string& flag) {
  return static_cast<int>(std::ranges::count_if(arm.trials, [&](const TrialRecord* trial) {
    const auto found = trial->metrics.find(flag);
    return found != trial->metrics.end() && found->second != 0;
  }));
}

Table arms_table(const StudyView& study, std::span<const Arm> all) {
  const std::string metric = study.metric();
  Table table{.columns = {{"Arm"},
                          {"Trials", Align::Right},
                          {"Mean " + metric, Align::Right},
                          {"Median", Align::Right},
                          {"Min", Align::Right},
                          {"Max", Align::Right}},
              .rows = {}};
  std::vector<std::string> flags;
  for (const char* flag : {"collapsed", "diverged"}) {
    const bool measured = std::ranges::any_of(
        study.trials, [&](const TrialRecord& trial) { return trial.metrics.contains(flag); });
    if (!measured) continue;
    flags.emplace_back(flag);
    table.columns.push_back({heading(flag), Align::Right});
  }
  for (const Arm& arm : all.first(std::min(all.size(), kMaxArms))) {
    std::vector<double> values;
    for (const TrialRecord* trial : arm.trials) {
      if (const auto value = finite_metric(trial->metrics, metric)) values.push_back(*value);
    }
    std::vector<std::string> row = {arm.point.empty() ? "all" : to_string(arm.point),
                                    std::to_string(arm.trials.size())};
    if (values.empty()) {
      row.insert(row.end(), 4, "-");
    } else {
      const auto [smallest, largest] = std::ranges::minmax(values);
      row.insert(row.end(), {number(mean_of(values)), number(median_of(values)), number(smallest),
                             number(largest)});
    }
    for (const std::string& flag : flags) row.push_back(std::to_string(flagged(arm, flag)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// Trials whose objective no mean can take in; the reader is told.
std::string infinite_note(const StudyView& study) {
  const std::string metric = study.metric();
  const auto n = std::ranges::count_if(study.trials, [&](const TrialRecord& trial) {
    return trial.state == TrialState::Complete && !finite_metric(trial.metrics, metric);
  });
  if (n == 0) return "";
  return fmt::format("{} without a finite {} {} not part of these numbers.", count_of(n, "trial"),
                     metric, n == 1 ? "is" : "are");
}

std::string conclusion_sentence(const Judgement& judgement, std::size_t index) {
  const ClaimStatement& claim = judgement.claim;
  std::string text =
      fmt::format("Claim {} (\"{}\") is {}.", index, claim.text, to_string(judgement.verdict));
  const std::string what = describe_estimate(claim);
  const bool bounded = std::isfinite(judgement.low) || std::isfinite(judgement.high);
  const std::string_view unit = claim.estimand == Estimand::PairedDifference ? "pair" : "trial";
  if (!bounded) {
    text += fmt::format(" The data give no interval for the {}.", what);
  } else {
    text += fmt::format(" The 95 % interval of the {} is {}, from {}", what,
                        format_interval(judgement), count_of(judgement.n, unit));
    if (judgement.estimate) text += ", around an estimate of " + format_estimate(judgement);
    if (judgement.verdict == Verdict::Supported) {
      text += fmt::format("; all of it satisfies \"{}\".", claim.expect.text);
    } else if (judgement.verdict == Verdict::Refuted) {
      text += fmt::format("; none of it satisfies \"{}\".", claim.expect.text);
    } else {
      text += fmt::format("; it does not settle \"{}\".", claim.expect.text);
    }
  }
  if (!judgement.note.empty()) text += fmt::format(" Note: {}.", judgement.note);
  return text;
}

/// When the claims were stated, as one sentence for all of them.
std::string statement_paragraph(const StatedExperiment& experiment) {
  const auto later = std::ranges::count_if(
      experiment.claims, [](const StatedClaim& stated) { return stated.trials_begun > 0; });
  std::string text;
  if (later == 0) {
    text = "Every claim was stored with the study before its first trial began.";
  } else {
    text = fmt::format(
        "{} of {} stored after trials had begun, and may have been chosen with results in sight.",
        later, count_of(std::ssize(experiment.claims), "claim") + (later == 1 ? " was" : " were"));
  }
  if (!experiment.changes.empty()) text += " The study file was changed since (see Methodology).";
  return text;
}

}  // namespace

Section results_section(const StudyView& study, std::vector<Illustration> figures,
                        const std::string& warning) {
  Section section{.title = "Results", .blocks = {}};
  section.blocks.emplace_back(outcome_paragraph(study));
  if (!study.complete().empty() && !study.metric().empty()) {
    const std::vector<Arm> all = arms(study);
    section.blocks.emplace_back(arms_table(study, all));
    if (all.size() > kMaxArms) {
      section.blocks.emplace_back(
          Paragraph{fmt::format("The first {} of {} arms are shown.", kMaxArms, all.size())});
    }
    if (std::string note = infinite_note(study); !note.empty()) {
      section.blocks.emplace_back(Paragraph{std::move(note)});
    }
  }
  int figure_number = 0;
  for (Illustration& figure : figures) {
    figure.caption = fmt::format("Figure {}. {}", ++figure_number, figure.caption);
    section.blocks.emplace_back(std::move(figure));
  }
  if (!warning.empty()) section.blocks.emplace_back(Paragraph{"Figures are missing: " + warning});
  return section;
}

Section conclusion_section(const StudyView& study, std::span<const Judgement> judgements) {
  Section section{.title = "Conclusion", .blocks = {}};
  if (judgements.empty() || !study.experiment) {
    section.blocks.emplace_back(
        Paragraph{"No claims were stated with this study, so that nothing is concluded."});
    return section;
  }
  Table table{.columns = {{"", Align::Right},
                          {"Claim"},
                          {"Estimate", Align::Right},
                          {"95 % interval", Align::Right},
                          {"n", Align::Right},
                          {"Expected"},
                          {"Verdict"},
                          {"Method"}},
              .rows = {}};
  List sentences;
  for (std::size_t i = 0; i < judgements.size(); ++i) {
    const Judgement& judgement = judgements[i];
    table.rows.push_back({std::to_string(i + 1), judgement.claim.text, format_estimate(judgement),
                          format_interval(judgement), std::to_string(judgement.n),
                          judgement.claim.expect.text, std::string(to_string(judgement.verdict)),
                          judgement.method});
    sentences.items.push_back(conclusion_sentence(judgement, i + 1));
  }
  section.blocks.emplace_back(std::move(table));
  section.blocks.emplace_back(std::move(sentences));
  section.blocks.emplace_back(
      Paragraph{"A claim is supported when the whole interval satisfies what was expected, refuted "
                "when none of it does, and inconclusive otherwise. These sentences are computed "
                "from the data. " +
                statement_paragraph(*study.experiment)});
  return section;
}

Section limits_section(const StudyView& study) {
  List list;
  const Counts counts = count(study);
  if (counts.unfinished() > 0) {
    list.items.push_back(fmt::format("{} had not ended when this report was written.",
                                     count_of(counts.unfinished(), "trial")));
  }
  const auto claims = study.experiment ? std::ssize(study.experiment->claims) : 0;
  if (claims > 0) {
    list.items.push_back(
        claims == 1
            ? "The interval is wrong for one study in twenty."
            : fmt::format("Each of the {} intervals holds with 95 % on its own. That one of "
                          "them is wrong may happen in up to {} % of such studies.",
                          claims, std::min<std::ptrdiff_t>(100, 5 * claims)));
  }
  list.items.push_back(
      fmt::format("There is one study seed ({}) and {}: what depends on the seed's split of the "
                  "data or on rare initial weights is not seen.",
                  study.spec.seed, count_of(std::ssize(study.trials), "trial")));
  if (const std::string dataset = fact(study, "dataset"); !dataset.empty()) {
    list.items.push_back(fmt::format(
        "There is one data set ({}) and one family of models; others may behave differently.",
        dataset));
  }
  if (study.metric().starts_with("val_")) {
    list.items.push_back(
        "Scores are those on the validation data. The best trial was chosen by them, so that its "
        "score flatters it; there is no separate test set.");
  }
  if (counts.of(TrialState::Failed) + counts.of(TrialState::Pruned) > 0) {
    list.items.push_back(
        "Failed and pruned trials have no final result and are not part of the estimates; if they "
        "differ from the others, the estimates are biased.");
  }
  if (claims > 0 && draws_what_it_has_learned(study)) {
    list.items.push_back(
        "Values were drawn where earlier results were good: means and shares are those of such "
        "values, not of the whole space.");
  }
  list.items.push_back("Values outside the search space were not tried.");
  list.items.push_back(
      "Intervals by Student's t are too narrow for few and strongly skewed values: where a quarter "
      "of the trials collapses and the others agree, such an interval holds the true mean in 58 % "
      "of "
      "studies with 3 values, in 76 % with 5 and in 89 to 95 % with 10 to 40, instead of in 95 %.");
  if (const std::string workers = fact(study, "workers"); !workers.empty() && workers != "1") {
    list.items.push_back("Trials ran side by side, so that their durations depend on one another.");
  }
  return {.title = "Limits", .blocks = {std::move(list)}};
}

}  // namespace hypertune
