// A study as reports see it: its records with what is stored about them, and derived groups.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "hypertune/storage.h"
#include "report/confirmation.h"
#include "report/experiment.h"

namespace hypertune {

/// Everything that a report is written from.
struct StudyView {
  StudySpec spec;
  std::vector<TrialRecord> trials;
  Json provenance = Json::object();
  std::optional<StatedExperiment> experiment;
  std::optional<Confirmation> confirmation;
  std::string stopped;  ///< why trials of the plan were not run; empty when nothing is known

  /// The first objective's metric; empty when the study has none.
  std::string metric() const;
  std::vector<const TrialRecord*> complete() const;
};

/// A space that another program did not store is put together from the trials' domains. A damaged
/// provenance counts as none. Throws Error for a damaged experiment.
StudyView view_study(const Storage& storage, StudyId study);
/// The same without trials, and without what is put together from them.
StudyView view_without_trials(const Storage& storage, StudyId study);

/// Whether trials of one worker overlap in time, as those do that were paused.
bool has_pauses(const StudyView& study);

/// Trials that share their grid values.
struct Arm {
  Params point;
  std::vector<const TrialRecord*> trials;  ///< Complete ones
};

/// One arm for each grid point; a single one without grid axes.
std::vector<Arm> arms(const StudyView& study);

/// What figures tell apart by color: the first grid axis of two values, else the first grid axis,
/// else the first categorical parameter; of at most `kPlotColors` values.
struct Grouping {
  std::string name;
  std::vector<Value> values;
  std::vector<std::string> labels;
  /// Which value the trial has, if any.
  std::optional<std::size_t> group_of(const TrialRecord& trial) const;
};
std::optional<Grouping> grouping(const SearchSpace& space);

/// The parameter on the horizontal axis: the first sampled number with a logarithmic domain, else
/// the first sampled number, else the first grid axis of numbers.
struct Scale {
  std::string name;
  bool log = false;
  std::optional<double> low, high;  ///< of the domain; nothing for a grid axis
};
std::optional<Scale> scale(const SearchSpace& space);

/// Whether trials of different grid points share draws.
bool is_paired(const StudyView& study);

/// The chance level of the first objective, when the provenance has one and the metric is an
/// accuracy.
std::optional<double> chance(const StudyView& study);

/// A fact of the provenance in words: `a, b` for a list, `name value, ...` for an object.
std::string fact_text(const Json& json);

/// `val_accuracy`: `validation accuracy`.
std::string readable(std::string_view name);
/// The same with a capital.
std::string heading(std::string_view name);
/// `with batch normalization`, `optimizer = sgd`.
std::string readable(std::string_view name, const Value& value);

}  // namespace hypertune
