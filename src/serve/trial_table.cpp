// The trials of a study as columns.
#include "serve/trial_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "report/study_copy.h"

namespace hypertune {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Columns of metrics beyond so many are left out: a trainer may make up names without end.
constexpr std::size_t kMostMetrics = 256;
// A pool is put together anew when more than half of it, and more than this, is no trial's.
constexpr std::size_t kLeastWaste = 1 << 14;

constexpr std::array kStates = {TrialState::Waiting,  TrialState::Running, TrialState::Paused,
                                TrialState::Complete, TrialState::Pruned,  TrialState::Failed};

std::int64_t milliseconds_of(TimePoint time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

TimePoint time_of(double milliseconds) {
  return TimePoint(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds)));
}

TableColumn column_of(std::string name, TableColumn::Kind kind = TableColumn::Kind::Number) {
  TableColumn column;
  column.name = std::move(name);
  column.kind = kind;
  return column;
}

bool is_log(const Domain& domain) {
  if (const auto* real = std::get_if<FloatDomain>(&domain)) return real->log;
  const auto* whole = std::get_if<IntDomain>(&domain);
  return whole != nullptr && whole->log;
}

CurvePoint point_of(std::int64_t step, double value) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  return {static_cast<std::int32_t>(std::clamp(step, -kLargest, kLargest)),
          static_cast<float>(value)};
}

/// The value of a row of a parameter's column.
Value value_of(const Domain& domain, const TableColumn& column, double stored) {
  if (column.kind == TableColumn::Kind::Category) {
    return column.labels[static_cast<std::size_t>(stored)];
  }
  if (std::holds_alternative<IntDomain>(domain)) {
    constexpr double kLimit = 9223372036854775808.0;
    return stored >= kLimit ? std::numeric_limits<std::int64_t>::max()
                            : static_cast<std::int64_t>(stored);
  }
  return stored;
}

}  // namespace

std::string state_label(TrialState state) {
  std::string label(to_string(state));
  label.front() = static_cast<char>(label.front() - 'a' + 'A');
  return label;
}

TrialTable::TrialTable(StudySpec spec)
    : spec_(std::move(spec)),
      number_(column_of("number")),
      state_(column_of("state", TableColumn::Kind::Category)),
      duration_(column_of("duration_s")),
      worker_(column_of("worker", TableColumn::Kind::Category)),
      attempt_(column_of("attempt")),
      started_(column_of("started_ms")),
      ended_(column_of("ended_ms")),
      reasons_(1) {
  for (const TrialState state : kStates) state_.labels.emplace_back(state_label(state));
  for (const auto& declared : spec_.space.parameters()) {
    parameter(declared.name, declared.domain);
  }
  for (const Objective& objective : spec_.objectives) {
    metrics_.try_emplace(objective.metric, column_of("metrics." + objective.metric));
  }
}

// --- Writing ---

void TrialTable::put(const TrialRecord& trial) {
  HT_ASSERT(trial.number >= 0);
  const auto row = static_cast<std::size_t>(trial.number);
  if (row >= rows_.size()) grow(row + 1);
  recount(row, trial);
  number_.values[row] = trial.number;
  state_.values[row] = static_cast<double>(trial.state);
  attempt_.values[row] = trial.plan.attempt;
  rows_[row] = {trial.draw(), trial.plan.retry_of.value_or(-1), trial.plan.parent.value_or(-1),
                reason_place(trial.reason), static_cast<std::int8_t>(trial.state)};
  worker_.values[row] = kNone;
  if (!trial.worker.empty()) {
    const auto [place, is_new] = workers_.try_emplace(trial.worker, worker_.labels.size());
    if (is_new) worker_.labels.emplace_back(trial.worker);
    worker_.values[row] = static_cast<double>(place->second);
  }
  put_times(row, trial);
  put_params(row, trial);
  put_metrics(row, trial.metrics);
  put_reports(row, trial);
  if (best_ == trial.number) {
    find_best();
  } else if (trial.state == TrialState::Complete && !spec_.objectives.empty()) {
    const double value = metric(spec_.objectives.front().metric)->values[row];
    const auto at_best = [&] {
      return metric(spec_.objectives.front().metric)->values[static_cast<std::size_t>(*best_)];
    };
    if (!std::isnan(value) &&
        (!best_ || is_better(value, at_best()) || (value == at_best() && trial.number < *best_))) {
      best_ = trial.number;
    }
  }
}

void TrialTable::grow(std::size_t size) {
  rows_.resize(size);
  const auto grow_column = [&](TableColumn& column) { column.values.resize(size, kNone); };
  for (TableColumn* column :
       {&number_, &state_, &duration_, &worker_, &attempt_, &started_, &ended_}) {
    grow_column(*column);
  }
  for (auto& [name, parameter] : params_) grow_column(parameter.column);
  for (auto& [name, column] : metrics_) grow_column(column);
}

void TrialTable::recount(std::size_t row, const TrialRecord& trial) {
  const auto add = [&](TrialState state, int n) {
    const std::array<int*, kStates.size()> all = {&counts_.waiting, &counts_.running,
                                                  &counts_.paused,  &counts_.complete,
                                                  &counts_.pruned,  &counts_.failed};
    *all[static_cast<std::size_t>(state)] += n;
  };
  if (rows_[row].state >= 0) add(static_cast<TrialState>(rows_[row].state), -1);
  add(trial.state, 1);
}

void TrialTable::put_times(std::size_t row, const TrialRecord& trial) {
  started_.values[row] = ended_.values[row] = kNone;
  if (trial.started) {
    const std::int64_t at = milliseconds_of(*trial.started);
    started_.values[row] = static_cast<double>(at);
    first_start_ = std::min(first_start_.value_or(at), at);
    last_change_ = std::max(last_change_.value_or(at), at);
  }
  if (trial.ended) {
    const std::int64_t at = milliseconds_of(*trial.ended);
    ended_.values[row] = static_cast<double>(at);
    last_change_ = std::max(last_change_.value_or(at), at);
  }
  duration_.values[row] = trial.duration_s().value_or(kNone);
}

TrialTable::Parameter& TrialTable::parameter(const std::string& name, const Domain& domain) {
  const auto known = params_.find(name);
  if (known != params_.end()) {
    Parameter& parameter = known->second;
    // What is declared stays as it is declared.
    if (spec_.space.find(name) == nullptr && parameter.domain != domain &&
        compatible(parameter.domain, domain)) {
      parameter.domain = widened(std::move(parameter.domain), domain);
    }
    return parameter;
  }
  const auto* categories = std::get_if<CategoricalDomain>(&domain);
  Parameter added{domain,
                  column_of("params." + name, categories != nullptr ? TableColumn::Kind::Category
                                                                    : TableColumn::Kind::Number)};
  added.column.log = is_log(domain);
  if (categories != nullptr) added.column.labels = categories->choices;
  added.column.values.resize(rows_.size(), kNone);
  return params_.emplace(name, std::move(added)).first->second;
}

void TrialTable::put_params(std::size_t row, const TrialRecord& trial) {
  for (auto& [name, parameter] : params_) parameter.column.values[row] = kNone;
  for (const auto& [name, domain] : trial.domains) {
    const auto value = trial.params.find(name);
    if (value == trial.params.end()) continue;
    put_param(row, parameter(name, domain), value->second, true);
  }
  // What is planned is known already, where its parameter is.
  for (const auto& [name, value] : trial.plan.fixed) {
    if (trial.params.contains(name)) continue;
    const auto known = params_.find(name);
    if (known != params_.end()) put_param(row, known->second, value, false);
  }
}

void TrialTable::put_param(std::size_t row, Parameter& parameter, const Value& value,
                           bool add_label) {
  TableColumn& column = parameter.column;
  if (column.kind == TableColumn::Kind::Number) {
    if (const auto number = as_number(value)) column.values[row] = *number;
    return;
  }
  auto label = std::ranges::find_if(column.labels,
                                    [&](const Value& known) { return same_value(known, value); });
  if (label == column.labels.end()) {
    if (!add_label) return;
    label = column.labels.insert(label, value);
  }
  column.values[row] = static_cast<double>(label - column.labels.begin());
}

void TrialTable::put_metrics(std::size_t row, const Metrics& metrics) {
  for (auto& [name, column] : metrics_) column.values[row] = kNone;
  for (const auto& [name, value] : metrics) {
    auto known = metrics_.find(name);
    if (known == metrics_.end()) {
      if (metrics_.size() >= kMostMetrics) continue;
      known = metrics_.emplace(name, column_of("metrics." + name)).first;
      known->second.values.resize(rows_.size(), kNone);
    }
    known->second.values[row] = value;
  }
}

void TrialTable::put_reports(std::size_t row, const TrialRecord& trial) {
  for (const Report& report : trial.reports) {
    for (const auto& [name, value] : report.metrics) {
      if (curves_.size() >= kMostMetrics || curves_.contains(name)) continue;
      curves_.try_emplace(name);
      report_metrics_.insert(std::ranges::lower_bound(report_metrics_, name), name);
    }
  }
  for (auto& [name, curves] : curves_) {
    points_.clear();
    for (const Report& report : trial.reports) {
      const auto value = report.metrics.find(name);
      if (value != report.metrics.end()) points_.push_back(point_of(report.step, value->second));
    }
    curves.put(row, points_, !is_final(trial.state));
  }
}

void TrialTable::Curves::put(std::size_t row, std::span<const CurvePoint> points, bool may_grow) {
  if (row >= places.size()) {
    if (points.empty()) return;
    places.resize(row + 1);
  }
  Place& place = places[row];
  if (points.size() > place.room) {
    wasted += place.room;
    place.begin = static_cast<std::uint32_t>(pool.size());
    place.room = static_cast<std::uint32_t>(may_grow ? 2 * points.size() : points.size());
    HT_ASSERT(pool.size() + place.room <= std::numeric_limits<std::uint32_t>::max());
    pool.resize(pool.size() + place.room);
  }
  place.size = static_cast<std::uint32_t>(points.size());
  std::ranges::copy(points, pool.begin() + place.begin);
  if (!may_grow) {
    wasted += place.room - place.size;
    place.room = place.size;
  }
  if (wasted > kLeastWaste && wasted > pool.size() / 2) compact();
}

void TrialTable::Curves::compact() {
  std::vector<CurvePoint> kept;
  kept.reserve(pool.size() - wasted);
  for (Place& place : places) {
    const auto from = pool.begin() + place.begin;
    place.begin = static_cast<std::uint32_t>(kept.size());
    kept.insert(kept.end(), from, from + place.size);
    place.room = place.size;
  }
  pool = std::move(kept);
  wasted = 0;
}

std::uint32_t TrialTable::reason_place(const std::string& reason) {
  if (reason.empty()) return 0;
  const auto [place, is_new] =
      reason_places_.try_emplace(reason, static_cast<std::uint32_t>(reasons_.size()));
  if (is_new) reasons_.push_back(reason);
  return place->second;
}

bool TrialTable::is_better(double value, double than) const {
  return spec_.objectives.front().direction == Direction::Maximize ? value > than : value < than;
}

void TrialTable::find_best() {
  best_.reset();
  const std::vector<double>& values = metric(spec_.objectives.front().metric)->values;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (rows_[row].state != static_cast<int>(TrialState::Complete)) continue;
    if (std::isnan(values[row])) continue;
    if (best_ && !is_better(values[row], values[static_cast<std::size_t>(*best_)])) continue;
    best_ = static_cast<int>(row);
  }
}

// --- Reading ---

int TrialTable::size() const { return static_cast<int>(rows_.size()); }

bool TrialTable::has(int number) const {
  return number >= 0 && number < size() && rows_[static_cast<std::size_t>(number)].state >= 0;
}

TrialState TrialTable::state(int number) const {
  HT_ASSERT(has(number));
  return static_cast<TrialState>(rows_[static_cast<std::size_t>(number)].state);
}

TrialCounts TrialTable::counts() const { return counts_; }

std::vector<const TableColumn*> TrialTable::columns() const {
  std::vector<const TableColumn*> all = {&number_, &state_};
  for (const auto& declared : spec_.space.parameters()) {
    all.push_back(&params_.find(declared.name)->second.column);
  }
  for (const auto& [name, parameter] : params_) {
    if (spec_.space.find(name) == nullptr) all.push_back(&parameter.column);
  }
  for (const Objective& objective : spec_.objectives) all.push_back(metric(objective.metric));
  for (const auto& [name, column] : metrics_) {
    const bool is_objective =
        std::ranges::find(spec_.objectives, name, &Objective::metric) != spec_.objectives.end();
    if (!is_objective) all.push_back(&column);
  }
  all.insert(all.end(), {&duration_, &worker_, &attempt_, &started_, &ended_});
  return all;
}

const TableColumn* TrialTable::metric(std::string_view name) const {
  const auto found = metrics_.find(name);
  return found == metrics_.end() ? nullptr : &found->second;
}

const TableColumn* TrialTable::find(std::string_view name) const {
  constexpr std::string_view kParams = "params.";
  constexpr std::string_view kMetrics = "metrics.";
  if (name.starts_with(kParams)) {
    const auto found = params_.find(name.substr(kParams.size()));
    return found == params_.end() ? nullptr : &found->second.column;
  }
  if (name.starts_with(kMetrics)) return metric(name.substr(kMetrics.size()));
  for (const TableColumn* column :
       {&number_, &state_, &duration_, &worker_, &attempt_, &started_, &ended_}) {
    if (column->name == name) return column;
  }
  return nullptr;
}

const Domain* TrialTable::domain(std::string_view parameter) const {
  const auto found = params_.find(parameter);
  return found == params_.end() ? nullptr : &found->second.domain;
}

const std::vector<std::string>& TrialTable::report_metrics() const { return report_metrics_; }

std::span<const CurvePoint> TrialTable::curve(int number, std::string_view metric) const {
  const auto found = curves_.find(metric);
  if (found == curves_.end() || number < 0) return {};
  const auto row = static_cast<std::size_t>(number);
  if (row >= found->second.places.size()) return {};
  const Curves::Place& place = found->second.places[row];
  return std::span<const CurvePoint>(found->second.pool).subspan(place.begin, place.size);
}

std::string_view TrialTable::reason(int number) const {
  return has(number) ? reasons_[rows_[static_cast<std::size_t>(number)].reason] : reasons_.front();
}

std::optional<int> TrialTable::parent(int number) const {
  if (!has(number) || rows_[static_cast<std::size_t>(number)].parent < 0) return std::nullopt;
  return rows_[static_cast<std::size_t>(number)].parent;
}

std::optional<int> TrialTable::retry_of(int number) const {
  if (!has(number) || rows_[static_cast<std::size_t>(number)].retry_of < 0) return std::nullopt;
  return rows_[static_cast<std::size_t>(number)].retry_of;
}

std::vector<TrialRecord> TrialTable::records(std::span<const TrialState> states) const {
  std::vector<TrialRecord> all;
  for (int number = 0; number < size(); ++number) {
    if (!has(number) || std::ranges::find(states, state(number)) == states.end()) continue;
    all.push_back(record(number));
  }
  return all;
}

TrialRecord TrialTable::record(int number) const {
  HT_ASSERT(has(number));
  const auto row = static_cast<std::size_t>(number);
  TrialRecord record;
  record.number = number;
  record.state = state(number);
  record.plan.draw = rows_[row].draw;
  record.plan.attempt = static_cast<int>(attempt_.values[row]);
  record.plan.retry_of = retry_of(number);
  record.plan.parent = parent(number);
  if (!std::isnan(worker_.values[row])) {
    record.worker =
        std::get<std::string>(worker_.labels[static_cast<std::size_t>(worker_.values[row])]);
  }
  if (!std::isnan(started_.values[row])) record.started = time_of(started_.values[row]);
  if (!std::isnan(ended_.values[row])) record.ended = time_of(ended_.values[row]);
  record.params.reserve(params_.size());
  for (const auto& [name, parameter] : params_) {
    const double stored = parameter.column.values[row];
    if (std::isnan(stored)) continue;
    record.params.insert_or_assign(name, value_of(parameter.domain, parameter.column, stored));
  }
  for (const auto& [name, column] : metrics_) {
    if (!std::isnan(column.values[row])) record.metrics.emplace(name, column.values[row]);
  }
  return record;
}

SearchSpace TrialTable::space() const {
  SearchSpace space = spec_.space;
  for (const auto& [name, parameter] : params_) {
    if (space.find(name) == nullptr) space.add(name, parameter.domain);
  }
  return space;
}

std::optional<int> TrialTable::best() const { return best_; }

std::optional<TimePoint> TrialTable::started() const {
  if (!first_start_) return std::nullopt;
  return TimePoint(std::chrono::milliseconds(*first_start_));
}

std::optional<TimePoint> TrialTable::changed() const {
  if (!last_change_) return std::nullopt;
  return TimePoint(std::chrono::milliseconds(*last_change_));
}

}  // namespace hypertune
