// The trials of a study as columns, which filters and figures are computed from.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// `Complete`, as the API names states.
std::string state_label(TrialState state);

/// One thing that is known about trials: `number`, `state`, `worker`, `attempt`, `started_ms`,
/// `ended_ms`, `duration_s`, `params.NAME`, `metrics.NAME`.
struct TableColumn {
  enum class Kind : std::uint8_t {
    Number,    ///< values are numbers; infinities are values
    Category,  ///< values are indices into `labels`
  };
  std::string name;
  Kind kind = Kind::Number;
  bool log = false;                 ///< its domain is logarithmic
  std::vector<double> values = {};  ///< by trial; NaN where a trial has none
  std::vector<Value> labels = {};   ///< of categories, in the order of the domain

  bool has(int number) const { return !std::isnan(values[static_cast<std::size_t>(number)]); }
};

/// A report of one metric. What does not fit is infinite, or the largest step.
struct CurvePoint {
  std::int32_t step;
  float value;
};

/// Holds what figures need of 100,000 trials in tens of megabytes. Row n is trial number n; numbers
/// that no trial has (a store may have gaps) are rows without a state. Not thread-safe.
class TrialTable {
 public:
  explicit TrialTable(StudySpec spec);

  /// Adds the trial, or replaces what is known about it.
  void put(const TrialRecord& trial);

  const StudySpec& spec() const { return spec_; }
  /// One more than the highest number.
  int size() const;
  bool has(int number) const;
  TrialState state(int number) const;
  TrialCounts counts() const;

  /// In this order: number, state, parameters (of the space, then others by name), objectives,
  /// other metrics by name, duration_s, worker, attempt, started_ms, ended_ms.
  std::vector<const TableColumn*> columns() const;
  /// Null when there is none of this name.
  const TableColumn* find(std::string_view name) const;
  /// `params.` columns; domains as declared, or as the trials have them.
  const Domain* domain(std::string_view parameter) const;

  /// Names of metrics that some trial reported on its way.
  const std::vector<std::string>& report_metrics() const;
  /// By increasing step; empty when the trial did not report it. Valid until the next `put`.
  std::span<const CurvePoint> curve(int number, std::string_view metric) const;

  /// Why it failed or was pruned; empty when nothing is known.
  std::string_view reason(int number) const;
  std::optional<int> parent(int number) const;
  std::optional<int> retry_of(int number) const;

  /// The trials in these states as records without reports, domains, reasons and leases: what
  /// claims and importances are judged from. Whole numbers beyond 2^53 are rounded.
  std::vector<TrialRecord> records(std::span<const TrialState> states) const;
  /// One of them. The trial must be there.
  TrialRecord record(int number) const;

  /// The space of `spec`, and after it what trials have beside it.
  SearchSpace space() const;

  /// The first Complete trial whose first objective is best; nothing when there is none.
  std::optional<int> best() const;
  /// When the first trial began, and when one began or ended last.
  std::optional<TimePoint> started() const;
  std::optional<TimePoint> changed() const;

 private:
  struct Parameter {
    Domain domain;
    TableColumn column;
  };
  /// The reports of one metric: those of a trial lie together in the pool.
  struct Curves {
    struct Place {
      std::uint32_t begin = 0;
      std::uint32_t size = 0;
      std::uint32_t room = 0;
    };
    std::vector<CurvePoint> pool;
    std::vector<Place> places;  // by trial, as far as there are any
    std::size_t wasted = 0;     // points of the pool that are no trial's
    void put(std::size_t row, std::span<const CurvePoint> points, bool may_grow);
    void compact();
  };
  /// What is known of each trial beside its columns.
  struct Row {
    std::uint64_t draw = 0;
    std::int32_t retry_of = -1;
    std::int32_t parent = -1;
    std::uint32_t reason = 0;  // place in `reasons_`
    std::int8_t state = -1;    // none: there is no such trial
  };

  void grow(std::size_t size);
  void put_params(std::size_t row, const TrialRecord& trial);
  void put_param(std::size_t row, Parameter& parameter, const Value& value, bool add_label);
  Parameter& parameter(const std::string& name, const Domain& domain);
  void put_metrics(std::size_t row, const Metrics& metrics);
  void put_reports(std::size_t row, const TrialRecord& trial);
  void put_times(std::size_t row, const TrialRecord& trial);
  void recount(std::size_t row, const TrialRecord& trial);
  void find_best();
  bool is_better(double value, double than) const;
  std::uint32_t reason_place(const std::string& reason);
  const TableColumn* metric(std::string_view name) const;

  StudySpec spec_;
  std::vector<Row> rows_;
  TrialCounts counts_;
  std::optional<int> best_;
  std::optional<std::int64_t> first_start_;  // ms since 1970, as in the columns
  std::optional<std::int64_t> last_change_;
  TableColumn number_, state_, duration_, worker_, attempt_, started_, ended_;
  std::map<std::string, std::size_t, std::less<>> workers_;  // places in the labels
  std::map<std::string, Parameter, std::less<>> params_;
  std::map<std::string, TableColumn, std::less<>> metrics_;
  std::map<std::string, Curves, std::less<>> curves_;
  std::vector<std::string> report_metrics_;  // names of `curves_`
  std::vector<std::string> reasons_;         // each once; the first is empty
  std::map<std::string, std::uint32_t, std::less<>> reason_places_;
  std::vector<CurvePoint> points_;  // of one metric of the trial that is put
};

}  // namespace hypertune
