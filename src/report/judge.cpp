// Judging: from a study's trials to estimates, intervals and verdicts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/text.h"
#include "hypertune/claim.h"
#include "math/statistics.h"
#include "report/finite_metric.h"
#include "report/pairs.h"

namespace hypertune {
namespace {

/// Data that a claim is about, and what is missing from them.
struct Sample {
  std::vector<const TrialRecord*> trials;  // Complete, and `where` holds
  std::vector<std::string> notes;
  int unusable = 0;  // trials or pairs left out for want of a value, so that the rest may mislead
};

std::optional<Value> value_of(const TrialRecord& trial, std::string_view name) {
  if (const auto param = trial.params.find(name); param != trial.params.end()) {
    return param->second;
  }
  const auto metric = trial.metrics.find(name);
  if (metric == trial.metrics.end() || std::isnan(metric->second)) return std::nullopt;
  return metric->second;
}

bool holds(const Condition& condition, const TrialRecord& trial) {
  return condition.holds([&](std::string_view name) { return value_of(trial, name); });
}

/// The trials that count. Failed trials that were repeated stand for nothing; other Failed and
/// Pruned ones are missing, and the reader is told.
Sample select(const ClaimStatement& claim, std::span<const TrialRecord> trials) {
  Sample sample;
  std::set<int> repeated;
  for (const TrialRecord& trial : trials) {
    if (trial.plan.retry_of) repeated.insert(*trial.plan.retry_of);
  }
  std::map<TrialState, int> left_out;
  for (const TrialRecord& trial : trials) {
    if (claim.where && !holds(*claim.where, trial)) continue;
    if (trial.state == TrialState::Complete) {
      sample.trials.push_back(&trial);
    } else if (!repeated.contains(trial.number)) {
      ++left_out[trial.state];
    }
  }
  if (const int n = left_out[TrialState::Failed]; n > 0) {
    sample.notes.push_back(count_of(n, "failed trial") + " left out");
  }
  if (const int n = left_out[TrialState::Pruned]; n > 0) {
    sample.notes.push_back(count_of(n, "pruned trial") + " left out");
  }
  return sample;
}

/// Means by draw: trials of one draw share random numbers, so that only draws are independent.
std::vector<double> by_draw(std::span<const std::pair<std::uint64_t, double>> values) {
  std::map<std::uint64_t, std::vector<double>> groups;
  for (const auto& [draw, value] : values) groups[draw].push_back(value);
  std::vector<double> means;
  means.reserve(groups.size());
  for (const auto& [draw, members] : groups) means.push_back(mean_of(members));
  return means;
}

void adopt(Judgement& judgement, const Estimated& estimated) {
  judgement.estimate = estimated.value;
  judgement.low = estimated.low;
  judgement.high = estimated.high;
}

/// Up to so many values a t interval gets a note: see `mean_t` on skewed values.
constexpr std::size_t kFewValues = 9;

/// Tells the reader when trials share draws and count as if they were independent.
void note_shared_draws(Sample& sample, std::span<const TrialRecord* const> trials) {
  std::set<std::uint64_t> draws;
  for (const TrialRecord* trial : trials) draws.insert(trial->draw());
  if (draws.size() == trials.size()) return;
  sample.notes.push_back(
      fmt::format("they share {} and are not independent, so that the interval may be too narrow",
                  count_of(std::ssize(draws), "draw")));
}

/// Student's t interval of the values, one for each draw.
void judge_mean(Judgement& judgement, Sample& sample,
                std::span<const std::pair<std::uint64_t, double>> values) {
  judgement.n = static_cast<int>(values.size());
  const std::vector<double> means = by_draw(values);
  adopt(judgement, mean_t(means));
  if (means.size() < values.size()) {
    sample.notes.push_back(fmt::format("they share {} and were averaged for each draw first",
                                       count_of(std::ssize(means), "draw")));
  }
  if (std::isfinite(judgement.low) && means.size() <= kFewValues) {
    sample.notes.push_back("few values: the interval supposes that they are not strongly skewed");
  }
  if (means.size() == 1) sample.notes.push_back("one value tells nothing of the spread");
  if (means.size() > 1 && std::ranges::adjacent_find(means, std::not_equal_to()) == means.end()) {
    sample.notes.push_back(
        "all values are equal, which tells nothing of the spread; a claim on a share could be "
        "judged");
  }
}

/// Whether the metric is 0 or 1 in every Complete trial that has it. Those that a claim selects
/// would not do: a few accuracies may all be 1.
bool is_flag(const std::string& metric, std::span<const TrialRecord> trials) {
  return std::ranges::all_of(trials, [&](const TrialRecord& trial) {
    const auto found = trial.metrics.find(metric);
    return trial.state != TrialState::Complete || found == trial.metrics.end() ||
           found->second == 0 || found->second == 1;
  });
}

void estimate_mean(Judgement& judgement, Sample& sample, std::span<const TrialRecord> all) {
  const std::string& metric = judgement.claim.subject;
  std::vector<std::pair<std::uint64_t, double>> values;
  std::vector<const TrialRecord*> counted;
  for (const TrialRecord* trial : sample.trials) {
    if (const auto value = finite_metric(trial->metrics, metric)) {
      values.emplace_back(trial->draw(), *value);
      counted.push_back(trial);
    } else {
      ++sample.unusable;
    }
  }
  if (!values.empty() && is_flag(metric, all)) {
    judgement.method = "mean of zeros and ones, exact mid-P interval";
    judgement.n = static_cast<int>(values.size());
    const auto ones =
        std::ranges::count(values, 1.0, [](const auto& value) { return value.second; });
    adopt(judgement, share_mid_p(static_cast<int>(ones), judgement.n));
    note_shared_draws(sample, counted);
  } else {
    judgement.method = "mean, Student's t interval";
    judge_mean(judgement, sample, values);
  }
}

void estimate_difference(Judgement& judgement, Sample& sample, const SearchSpace& space) {
  const ClaimStatement& claim = judgement.claim;
  judgement.method = "paired difference, Student's t interval";
  const auto arms = two_values(space, claim.along);
  if (!arms) {
    sample.notes.push_back(claim.along + " is not a grid axis with two values");
    return;
  }
  judgement.method = fmt::format("paired difference ({} minus {}), Student's t interval",
                                 to_string(arms->first), to_string(arms->second));
  const std::vector<TrialPair> pairs = find_pairs(space, claim.along, sample.trials);
  std::vector<std::pair<std::uint64_t, double>> differences;
  for (const TrialPair& pair : pairs) {
    const auto first = finite_metric(pair.first->metrics, claim.subject);
    const auto second = finite_metric(pair.second->metrics, claim.subject);
    if (first && second) {
      differences.emplace_back(pair.first->draw(), *first - *second);
    } else {
      ++sample.unusable;
    }
  }
  judge_mean(judgement, sample, differences);
  const auto unpaired = std::ssize(sample.trials) - 2 * std::ssize(pairs);
  if (pairs.empty() && unpaired > 1) {
    sample.notes.push_back("no two trials share a draw; a study with paired = true has pairs");
  } else if (unpaired > 0) {
    sample.notes.push_back(count_of(unpaired, "trial") + " without a partner left out");
  }
}

/// Whether the condition held, for each trial in which every name of it has a value.
struct Answer {
  const TrialRecord* trial;
  bool holds;
};
std::vector<Answer> answers(const ClaimStatement& claim, Sample& sample) {
  const Condition condition(claim.subject);
  std::vector<Answer> result;
  std::vector<const TrialRecord*> answered;
  for (const TrialRecord* trial : sample.trials) {
    const auto known = [&](const std::string& name) { return value_of(*trial, name).has_value(); };
    if (std::ranges::all_of(condition.names(), known)) {
      result.push_back({trial, holds(condition, *trial)});
      answered.push_back(trial);
    } else {
      ++sample.unusable;
    }
  }
  note_shared_draws(sample, answered);
  return result;
}

void estimate_share(Judgement& judgement, Sample& sample) {
  judgement.method = "share, exact mid-P interval";
  const std::vector<Answer> all = answers(judgement.claim, sample);
  judgement.n = static_cast<int>(all.size());
  const auto successes = std::ranges::count(all, true, &Answer::holds);
  adopt(judgement, share_mid_p(static_cast<int>(successes), judgement.n));
  if (judgement.n == 1) sample.notes.push_back("one trial tells little");
}

bool is_log(const Domain& domain) {
  const auto* real = std::get_if<FloatDomain>(&domain);
  const auto* whole = std::get_if<IntDomain>(&domain);
  return (real != nullptr && real->log) || (whole != nullptr && whole->log);
}

/// Whether the parameter's domain is logarithmic, by the space or else by what trials recorded.
bool has_log_scale(const std::string& name, const SearchSpace& space, const Sample& sample) {
  if (const Parameter* parameter = space.find(name)) return is_log(parameter->domain);
  return std::ranges::any_of(sample.trials, [&](const TrialRecord* trial) {
    const auto domain = trial->domains.find(name);
    return domain != trial->domains.end() && is_log(domain->second);
  });
}

void estimate_onset(Judgement& judgement, Sample& sample, const SearchSpace& space) {
  const ClaimStatement& claim = judgement.claim;
  const bool log = has_log_scale(claim.along, space, sample);
  judgement.method = fmt::format("logistic regression on {}{}, profile likelihood interval",
                                 log ? "log10 " : "", claim.along);
  std::vector<Response> responses;
  int off_scale = 0;
  for (const Answer& answer : answers(claim, sample)) {
    const auto param = answer.trial->params.find(claim.along);
    std::optional<double> at;
    if (param != answer.trial->params.end()) at = as_number(param->second);
    if (at && log) at = *at > 0 ? std::optional(std::log10(*at)) : std::nullopt;
    if (at && std::isfinite(*at)) {
      responses.push_back({*at, answer.holds});
    } else {
      ++off_scale;
    }
  }
  if (off_scale > 0) {
    sample.notes.push_back(fmt::format("{} without a number for {} left out",
                                       count_of(off_scale, "trial"), claim.along));
  }
  judgement.n = static_cast<int>(responses.size());
  Estimated estimated = onset(responses);
  if (log) {
    if (estimated.value) estimated.value = std::pow(10, *estimated.value);
    if (std::isfinite(estimated.low)) estimated.low = std::pow(10, estimated.low);
    if (std::isfinite(estimated.high)) estimated.high = std::pow(10, estimated.high);
  }
  adopt(judgement, estimated);
  const auto held = std::ranges::count(responses, true, &Response::holds);
  if (judgement.n == 0) return;
  if (held == 0) {
    sample.notes.push_back(
        "the condition held in no trial: its onset lies above the values tried, "
        "if there is one");
  } else if (held == judgement.n) {
    sample.notes.push_back(
        "the condition held in every trial: its onset lies below the values "
        "tried, if there is one");
  } else if (!estimated.value) {
    sample.notes.push_back("the trials show no onset within the values tried");
  }
}

Verdict verdict_for(const Judgement& judgement) {
  const Expectation& expect = judgement.claim.expect;
  const double low = judgement.low;
  const double high = judgement.high;
  if (std::isinf(low) && std::isinf(high)) return Verdict::Inconclusive;
  const bool above =
      std::isinf(expect.low) || low > expect.low || (low == expect.low && expect.low_included);
  const bool below = std::isinf(expect.high) || high < expect.high ||
                     (high == expect.high && expect.high_included);
  if (above && below) return Verdict::Supported;
  const bool too_high = low > expect.high || (low == expect.high && !expect.high_included);
  const bool too_low = high < expect.low || (high == expect.low && !expect.low_included);
  return too_high || too_low ? Verdict::Refuted : Verdict::Inconclusive;
}

}  // namespace

Judgement judge(const ClaimStatement& claim, const SearchSpace& space,
                std::span<const TrialRecord> trials) {
  Judgement judgement;
  judgement.claim = claim;
  adopt(judgement, {});
  Sample sample = select(claim, trials);
  switch (claim.estimand) {
    case Estimand::Mean:
      estimate_mean(judgement, sample, trials);
      break;
    case Estimand::Share:
      estimate_share(judgement, sample);
      break;
    case Estimand::PairedDifference:
      estimate_difference(judgement, sample, space);
      break;
    case Estimand::Onset:
      estimate_onset(judgement, sample, space);
      break;
  }
  judgement.verdict = verdict_for(judgement);
  if (sample.unusable > 0) {
    const bool paired = claim.estimand == Estimand::PairedDifference;
    sample.notes.push_back(
        fmt::format("{} without a finite value of {} left out, so that the rest may mislead and "
                    "the verdict stays open; a where that leaves them out on purpose settles it",
                    count_of(sample.unusable, paired ? "pair" : "trial"), claim.subject));
    judgement.verdict = Verdict::Inconclusive;
  }
  if (judgement.n == 0) sample.notes.insert(sample.notes.begin(), "no trial counts");
  judgement.note = join(sample.notes, "; ");
  return judgement;
}

}  // namespace hypertune
