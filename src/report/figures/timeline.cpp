// The figure `timeline`: which worker ran which trial, when.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "report/figures/figure.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostWorkers = 64;
constexpr std::size_t kMostLanes = 128;  // of all workers together
constexpr double kSameTime_s = 1e-5;     // what rounding may make of one moment
constexpr double kThinnest = 0.002;      // width of a bar, of the whole
constexpr double kGap = 0.0015;          // between two bars
constexpr double kLongestIdle = 0.25;    // of the busy time; longer ones are cut to
constexpr double kCutIdle = 0.03;
constexpr double kShortestCut_s = 1;

struct Bar {
  const TrialRecord* trial;
  double begin, end;     // seconds since the first trial began
  std::size_t lane = 0;  // of its worker: more than one where trials were paused
};

double seconds(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

/// By beginning. Trials that have not ended last until the latest time that is known.
std::vector<Bar> bars_of(const StudyView& study) {
  std::optional<TimePoint> first;
  std::optional<TimePoint> last;
  for (const TrialRecord& trial : study.trials) {
    if (!trial.started) continue;
    first = first ? std::min(*first, *trial.started) : *trial.started;
    const TimePoint known = trial.ended.value_or(*trial.started);
    last = last ? std::max(*last, known) : known;
  }
  std::vector<Bar> bars;
  for (const TrialRecord& trial : study.trials) {
    if (!trial.started) continue;
    bars.push_back(
        {&trial, seconds(*first, *trial.started), seconds(*first, trial.ended.value_or(*last))});
  }
  std::ranges::stable_sort(bars, {}, &Bar::begin);
  return bars;
}

/// Where bars of one worker lie: workers in the order of their names.
std::map<std::string, std::size_t> rows_of(std::span<const Bar> bars) {
  std::map<std::string, std::size_t> rows;
  for (const Bar& bar : bars) rows.emplace(bar.trial->worker, 0);
  std::size_t next = 0;
  for (auto& [worker, row] : rows) row = next++;
  return rows;
}

/// Puts trials of a worker that overlap into lanes of their own. Returns how many lanes the
/// workers have; where there are too many, trials lie over each other in the last one.
std::size_t assign_lanes(std::vector<Bar>& bars, std::size_t workers) {
  const std::size_t most = std::max<std::size_t>(1, kMostLanes / workers);
  std::map<std::string, std::vector<double>> ends;  // of each lane
  std::size_t lanes = 1;
  for (Bar& bar : bars) {
    std::vector<double>& of_worker = ends[bar.trial->worker];
    const auto is_free = [&](double end) { return end <= bar.begin + kSameTime_s; };
    const auto free = std::ranges::find_if(of_worker, is_free);
    bar.lane = std::min(static_cast<std::size_t>(free - of_worker.begin()), most - 1);
    if (bar.lane == of_worker.size()) of_worker.push_back(0);
    of_worker[bar.lane] = std::max(of_worker[bar.lane], bar.end);
    lanes = std::max(lanes, bar.lane + 1);
  }
  return lanes;
}

/// Where a lane lies; between workers with several lanes one is left empty.
double height_of(std::size_t row, std::size_t lane, std::size_t lanes) {
  return static_cast<double>(row * (lanes == 1 ? 1 : lanes + 1) + lane);
}

/// Shortens times in which nothing ran, as between a run and its resumption. Returns where.
std::vector<double> cut_idle_times(std::vector<Bar>& bars) {
  double busy = 0;
  double end = 0;
  for (const Bar& bar : bars) {
    busy += std::max(0.0, bar.end - std::max(bar.begin, end));
    end = std::max(end, bar.end);
  }
  std::vector<double> cuts;
  double shift = 0;
  end = 0;
  for (Bar& bar : bars) {
    const double idle = bar.begin - end;
    end = std::max(end, bar.end);
    if (idle > std::max(kLongestIdle * busy, kShortestCut_s)) {
      shift += idle - kCutIdle * busy;
      cuts.push_back(bar.begin - shift - kCutIdle * busy / 2);
    }
    bar.begin -= shift;
    bar.end -= shift;
  }
  return cuts;
}

struct Unit {
  const char* name;
  double seconds;
};

Unit unit_for(double duration_s) {
  if (duration_s < 0.5) return {"ms", 0.001};
  if (duration_s < 180) return {"s", 1};
  return duration_s < 3 * 3600 ? Unit{"min", 60} : Unit{"h", 3600};
}

std::vector<Series> empty_series() {
  return {{.label = "complete", .drawing = Drawing::Bars, .color = 0, .points = {}},
          {.label = "pruned", .drawing = Drawing::Bars, .color = 2, .points = {}},
          {.label = "failed", .drawing = Drawing::Bars, .color = 3, .points = {}},
          {.label = "not ended", .drawing = Drawing::Bars, .color = 6, .points = {}}};
}

std::size_t series_of(TrialState state) {
  if (state == TrialState::Complete) return 0;
  if (state == TrialState::Pruned) return 1;
  return state == TrialState::Failed ? 2 : 3;
}

Axis worker_axis(const std::map<std::string, std::size_t>& rows, std::size_t shown,
                 std::size_t lanes) {
  Axis axis{.label = "Worker", .low = -0.6, .high = height_of(shown - 1, lanes - 1, lanes) + 0.6};
  std::set<std::string> hosts;
  for (const auto& [worker, row] : rows) hosts.insert(worker.substr(0, worker.find(':')));
  const std::size_t step = (shown - 1) / 24 + 1;
  for (const auto& [worker, row] : rows) {
    if (row >= shown || row % step != 0) continue;
    const std::string host = hosts.size() > 1 ? worker.substr(0, worker.find(':')) + " " : "";
    const double middle = (height_of(row, 0, lanes) + height_of(row, lanes - 1, lanes)) / 2;
    axis.ticks.push_back({middle, shorten(host, 20) + std::to_string(row + 1)});
  }
  return axis;
}

}  // namespace

Figure timeline_figure(const FigureInput& input) {
  std::vector<Bar> bars = bars_of(input.study);
  if (bars.empty()) return {.why_not = "no trial has begun"};
  const auto rows = rows_of(bars);
  const std::size_t shown = std::min(rows.size(), kMostWorkers);
  const std::size_t lanes = assign_lanes(bars, shown);
  const std::vector<double> cuts = cut_idle_times(bars);
  double end = 0;
  for (const Bar& bar : bars) end = std::max(end, bar.end);
  const Unit unit = unit_for(end);
  end = std::max(end, 1e-6) / unit.seconds;
  std::vector<Series> series = empty_series();
  for (const Bar& bar : bars) {
    const std::size_t row = rows.at(bar.trial->worker);
    if (row >= shown) continue;
    const double begin = bar.begin / unit.seconds;
    const double length = std::max(bar.end / unit.seconds - begin - kGap * end, kThinnest * end);
    const double y = height_of(row, bar.lane, lanes);
    auto& points = series[series_of(bar.trial->state)].points;
    points.insert(points.end(), {{begin, y}, {begin + length, y}, {.x = NAN, .y = NAN}});
  }
  Plot plot{.name = "timeline",
            .x = {.label = fmt::format("Time since the first trial began, in {}", unit.name)},
            .y = worker_axis(rows, shown, lanes),
            .panels = {Panel{.title = "", .series = {}}},
            .wide = true};
  plot.x.low = -0.01 * end;
  plot.x.high = 1.01 * end;
  auto& drawn = plot.panels.front().series;
  for (const double cut : cuts) {
    const double x = cut / unit.seconds;
    drawn.push_back(
        {.label = "", .drawing = Drawing::Level, .points = {{x, plot.y.low}, {x, plot.y.high}}});
  }
  for (Series& some : series) {
    if (!some.points.empty()) drawn.push_back(std::move(some));
  }
  plot.caption = fmt::format("{} on {}, each bar one trial.", count_of(std::ssize(bars), "trial"),
                             count_of(std::ssize(rows), "worker"));
  if (lanes > 1) {
    plot.caption +=
        " A bar lasts until its trial has ended, pauses included, and stands with the worker that "
        "had it last.";
  }
  if (!cuts.empty()) plot.caption += " Gray lines: a long time in which nothing ran is cut out.";
  if (rows.size() > shown) plot.caption += fmt::format(" The first {} workers are shown.", shown);
  return {.plot = std::move(plot)};
}

}  // namespace hypertune
