// Whatever is stored in SQLite reads back as from memory, also when the file was closed meanwhile.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "hypertune/storage.h"
#include "support/manual_clock.h"
#include "support/record_text.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using namespace testing_support;

/// Texts that a careless store would break.
rc::Gen<std::string> any_text() {
  return rc::gen::oneOf(
      rc::gen::element<std::string>("a", "b", "Größe", "学習率", "it's \"quoted\" \\ \n\t",
                                    "%_'; --", "NaN", std::string("zero\0byte", 9), "🙂", " "),
      rc::gen::map(rc::gen::inRange(1, 9000),
                   [](int n) { return std::string(static_cast<std::size_t>(n), 'x'); }));
}

rc::Gen<double> any_number() {
  using Limits = std::numeric_limits<double>;
  return rc::gen::oneOf(rc::gen::arbitrary<double>(),
                        rc::gen::element(0.0, -0.0, 0.1, 1e-300, Limits::denorm_min(),
                                         Limits::max(), Limits::lowest(), Limits::infinity(),
                                         -Limits::infinity(), Limits::quiet_NaN()));
}

rc::Gen<double> any_finite() {
  return rc::gen::suchThat(any_number(), [](double x) { return std::isfinite(x); });
}

rc::Gen<std::int64_t> any_integer() {
  using Limits = std::numeric_limits<std::int64_t>;
  return rc::gen::oneOf(
      rc::gen::arbitrary<std::int64_t>(),
      rc::gen::element<std::int64_t>(Limits::min(), Limits::min() + 1, Limits::max(),
                                     Limits::max() - 1, (std::int64_t{1} << 53) + 1));
}

rc::Gen<Value> any_value() {
  return rc::gen::oneOf(rc::gen::map(rc::gen::arbitrary<bool>(), [](bool x) { return Value(x); }),
                        rc::gen::map(any_integer(), [](std::int64_t x) { return Value(x); }),
                        rc::gen::map(any_finite(), [](double x) { return Value(x); }),
                        rc::gen::map(any_text(), [](std::string x) { return Value(x); }));
}

Metrics any_metrics() {
  Metrics metrics;
  for (const auto& name : *rc::gen::container<std::vector<std::string>>(any_text())) {
    metrics[name] = *any_number();
  }
  return metrics;
}

constexpr int kKinds = 4;

/// A parameter whose domain holds its value, of the kind that `name` stands for.
Storage::ParamValue any_param(int kind) {
  switch (kind) {
    case 0: {
      const double x = *any_finite();
      return {"real", FloatDomain{x, std::max(x, *any_finite())}, x};
    }
    case 1: {
      const double x = std::abs(*any_finite()) + std::numeric_limits<double>::min();
      return {"log λ", FloatDomain{x, x, true}, x};
    }
    case 2: {
      const std::int64_t x = *any_integer();
      return {"whole", IntDomain{std::min(x, *any_integer()), std::max(x, *any_integer())}, x};
    }
    default: {
      static const std::vector<Value> kChoices = {true, std::int64_t{7}, 2.5, std::string("Größe")};
      return {"choice", CategoricalDomain{kChoices}, *rc::gen::elementOf(kChoices)};
    }
  }
}

TrialPlan any_plan() {
  TrialPlan plan;
  if (*rc::gen::arbitrary<bool>()) plan.key = *any_text();
  for (const auto& name : *rc::gen::container<std::vector<std::string>>(any_text())) {
    plan.fixed[name] = *any_value();
  }
  if (*rc::gen::arbitrary<bool>()) plan.draw = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) plan.retry_of = *rc::gen::positive<int>();
  plan.attempt = *rc::gen::inRange(1, 5);
  return plan;
}

Outcome any_outcome() {
  Outcome outcome;
  outcome.state = *rc::gen::element(TrialState::Complete, TrialState::Pruned, TrialState::Failed);
  outcome.metrics = any_metrics();
  outcome.reason = *any_text();
  if (outcome.state == TrialState::Failed) {
    outcome.failure = *rc::gen::element(Failure::Error, Failure::Interrupted, Failure::WorkerLost);
  }
  if (outcome.state == TrialState::Complete) outcome.metrics["a"] = *any_finite();
  return outcome;
}

/// The same trial, in both stores.
void run_trial(const std::vector<Storage*>& stores, StudyId study) {
  std::vector<Storage::ParamValue> values;
  for (int kind = 0; kind < kKinds; ++kind) {
    if (*rc::gen::arbitrary<bool>()) values.push_back(any_param(kind));
  }
  std::vector<Report> reports;
  std::int64_t step = *rc::gen::inRange(-3, 3);
  while (*rc::gen::weightedElement<bool>({{2, true}, {1, false}})) {
    reports.push_back({step, any_metrics()});
    step += *rc::gen::inRange(1, 1000);
  }
  const bool ends = *rc::gen::arbitrary<bool>();
  const Outcome outcome = any_outcome();
  const std::string worker = *any_text();
  for (Storage* store : stores) {
    const auto trial = store->claim(study, {worker, seconds(5)});
    if (!trial) return;
    const Claim claim{trial->id, trial->lease};
    store->set_params(claim, values);
    for (const Report& report : reports) store->add_report(claim, report);
    if (ends) store->finish(claim, outcome);
  }
}

RC_GTEST_PROP(SqliteProperty, GivesBackWhateverMemoryGivesBack, ()) {
  const TemporaryFolder folder;
  ManualClock clock;
  const auto memory = memory_storage(clock.function());
  auto sqlite = sqlite_storage(folder / "study.db", {.clock = clock.function()});
  StudySpec spec;
  spec.name = *any_text();
  spec.seed = *rc::gen::arbitrary<std::uint64_t>();
  spec.objectives = {{"a", Direction::Maximize}};
  spec.space.constant("constant", *any_value());
  const StudyId study = memory->open_study(spec);
  RC_ASSERT(sqlite->open_study(spec) == study);
  const int trials = *rc::gen::inRange(1, 4);
  for (int i = 0; i < trials; ++i) {
    const TrialPlan plan = any_plan();
    RC_ASSERT(memory->enqueue(study, std::span(&plan, 1)) ==
              sqlite->enqueue(study, std::span(&plan, 1)));
    clock.advance(std::chrono::milliseconds(*rc::gen::inRange(0, 100'000'000)));
    run_trial({memory.get(), sqlite.get()}, study);
  }
  sqlite.reset();
  sqlite = sqlite_storage(folder / "study.db", {.create = false});
  RC_ASSERT(sqlite->open_study(spec) == study);
  RC_ASSERT(sqlite->spec(study).space == spec.space);
  RC_ASSERT(record_texts(sqlite->trials(study)) == record_texts(memory->trials(study)));
}

}  // namespace
}  // namespace hypertune
