// The figure `curves`: what trials reported on their way, and quartiles of all of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "serve/figures/parts.h"

namespace hypertune {
namespace {

constexpr int kMostCurves = 500;
constexpr int kUsualCurves = 100;
constexpr std::size_t kMostSteps = 200;  // of a curve, and of the bands
/// One in so many curves may be there for being among the best, or the worst.
constexpr int kEndShare = 4;

/// Steps in stretches, each with its extremes, so that no peak is lost.
std::vector<CurvePoint> thinned_curve(std::span<const CurvePoint> curve) {
  if (curve.size() <= kMostSteps) return {curve.begin(), curve.end()};
  constexpr std::size_t kStretches = kMostSteps / 2 - 1;
  std::vector<CurvePoint> points = {curve.front()};
  for (std::size_t i = 0; i < kStretches; ++i) {
    const std::size_t inner = curve.size() - 2;
    const auto stretch = curve.subspan(1 + i * inner / kStretches,
                                       (i + 1) * inner / kStretches - i * inner / kStretches);
    const auto less = [](const CurvePoint& a, const CurvePoint& b) { return a.value < b.value; };
    const auto [low, high] = std::minmax_element(stretch.begin(), stretch.end(), less);
    const auto [first, second] = std::minmax(low, high);
    points.push_back(*first);
    if (second != first) points.push_back(*second);
  }
  points.push_back(curve.back());
  return points;
}

/// The trials with the best and the worst last values, and others evenly.
std::vector<int> shown_trials(const TrialTable& table, const std::vector<int>& reported,
                              const std::string& metric, int limit) {
  if (std::ssize(reported) <= limit) return reported;
  const auto objective = objective_of(table.spec(), metric);
  const bool maximize = objective && objective->direction == Direction::Maximize;
  std::vector<std::pair<float, int>> losses;
  for (const int number : reported) {
    const float value = table.curve(number, metric).back().value;
    if (!std::isnan(value)) losses.emplace_back(maximize ? -value : value, number);
  }
  std::ranges::sort(losses);
  const auto count = std::min(static_cast<std::size_t>(limit / kEndShare), losses.size());
  std::vector<int> wanted;
  for (std::size_t i = 0; i < count; ++i) {
    wanted.push_back(losses[i].second);
    wanted.push_back(losses[losses.size() - 1 - i].second);
  }
  return chosen(reported, std::move(wanted), limit);
}

float quantile(std::vector<float>& values, double share) {
  const auto place =
      static_cast<std::ptrdiff_t>(std::lround(share * static_cast<double>(values.size() - 1)));
  std::ranges::nth_element(values, values.begin() + place);
  return values[static_cast<std::size_t>(place)];
}

/// Quartiles at the steps that most trials reported, evenly chosen where they are many.
void append_bands(JsonText& out, const TrialTable& table, std::span<const int> reported,
                  const std::string& metric) {
  std::map<std::int32_t, std::vector<float>> by_step;
  // Trials report the same steps as a rule: each is looked for behind the one before.
  for (const int number : reported) {
    auto place = by_step.begin();
    for (const CurvePoint& point : table.curve(number, metric)) {
      if (place == by_step.end() || place->first != point.step) {
        place = by_step.try_emplace(point.step).first;
      }
      if (!std::isnan(point.value)) place->second.push_back(point.value);
      ++place;
    }
  }
  const std::size_t steps = by_step.size();
  std::size_t i = 0;
  out.key("bands").open('[');
  for (auto& [step, values] : by_step) {
    const bool skipped =
        steps > kMostSteps && i * kMostSteps / steps == (i + 1) * kMostSteps / steps;
    ++i;
    if (skipped || values.empty()) continue;
    const float low = quantile(values, 0.25);
    const float median = quantile(values, 0.5);
    const float high = quantile(values, 0.75);
    if (!std::isfinite(low) || !std::isfinite(median) || !std::isfinite(high)) continue;
    out.open('{').key("step").whole(step);
    out.key("n").whole(std::ssize(values));
    out.key("low").number(low).key("median").number(median).key("high").number(high).close('}');
  }
  out.close(']');
}

void append_curve(JsonText& out, const TrialTable& table, int number, const std::string& metric,
                  const TableColumn* group) {
  const std::vector<CurvePoint> points = thinned_curve(table.curve(number, metric));
  out.open('{').key("number").whole(number);
  out.key("state").text(state_label(table.state(number)));
  out.key("group");
  const bool grouped = group != nullptr && group->has(number);
  grouped ? out.whole(static_cast<int>(at(*group, number))) : out.null();
  out.key("steps").open('[');
  for (const CurvePoint& point : points) out.whole(point.step);
  out.close(']').key("values").open('[');
  for (const CurvePoint& point : points) out.number(point.value);
  out.close(']').close('}');
}

/// The first reported metric unless the request names one; empty when nothing was reported.
std::string reported_metric(const HttpRequest& request, const TrialTable& table) {
  const auto& known = table.report_metrics();
  const auto text = request.argument("metric");
  if (!text || text->empty()) return known.empty() ? "" : known.front();
  if (std::ranges::find(known, *text) != known.end()) return std::string(*text);
  const std::string given = shorten(plain_text(*text), 80);
  refuse(fmt::format("no trial reported \"{}\" on its way{}; there are: {}", given,
                     did_you_mean(given, known), known.empty() ? "none" : join(known, ", ")));
}

const TableColumn* group_argument(const HttpRequest& request, const TrialTable& table) {
  const auto text = request.argument("group");
  if (!text || text->empty()) return nullptr;
  const TableColumn& column = column_named(table, *text);
  if (column.kind != TableColumn::Kind::Category) {
    refuse(fmt::format("group: {} is a number; name a column of categories", column.name));
  }
  return &column;
}

}  // namespace

std::string curves_figure(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  const std::string metric = reported_metric(request, table);
  const TableColumn* group = group_argument(request, table);
  const int limit = int_argument(request, "curves", kUsualCurves, 1, kMostCurves);
  const std::vector<int> all = filtered_by(request, table);
  std::vector<int> reported;
  if (!metric.empty()) {
    for (const int number : all) {
      if (!table.curve(number, metric).empty()) reported.push_back(number);
    }
  }
  const std::vector<int> shown = shown_trials(table, reported, metric, limit);
  JsonText out;
  begin_figure(out, reading, all.size(), shown.size());
  out.key("metric").text(metric);
  out.key("group_by").text(group == nullptr ? "" : group->name);
  out.key("groups").values(group == nullptr ? std::span<const Value>() : group->labels);
  out.key("curves").open('[');
  for (const int number : shown) append_curve(out, table, number, metric, group);
  out.close(']');
  append_bands(out, table, reported, metric);
  out.close('}');
  return out.take();
}

}  // namespace hypertune
