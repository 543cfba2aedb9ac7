// The figure `timeline`: which worker ran which trial, when.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "serve/figures/parts.h"

namespace hypertune {
namespace {

struct Span {
  int number;
  std::size_t worker;  // place among those that are shown
  double from_ms;
  double to_ms;  // NaN while it runs
  std::size_t lane = 0;
};

/// Of the spans that are shown, one in so many may be there for its length.
constexpr int kLongShare = 4;

double span_end(const TrialTable& table, const TableColumn& ended, int number, double from_ms) {
  const double to_ms = at(ended, number);
  if (!std::isnan(to_ms)) return to_ms;
  // Another program may have ended it without saying when.
  return is_final(table.state(number)) ? from_ms : std::numeric_limits<double>::quiet_NaN();
}

/// What runs now, the longest, and others evenly.
std::vector<int> shown_trials(const TrialTable& table, const std::vector<int>& begun, int limit) {
  std::vector<int> wanted;
  for (const int number : begun) {
    if (!is_final(table.state(number))) wanted.push_back(number);
  }
  if (std::ssize(begun) <= limit) return begun;
  if (const TableColumn* duration = table.find("duration_s")) {
    std::vector<std::pair<double, int>> by_length;
    for (const int number : begun) {
      if (duration->has(number)) by_length.emplace_back(-at(*duration, number), number);
    }
    const auto count = std::min<std::ptrdiff_t>(limit / kLongShare, std::ssize(by_length));
    std::ranges::partial_sort(by_length, by_length.begin() + count);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      wanted.push_back(by_length[static_cast<std::size_t>(i)].second);
    }
  }
  return chosen(begun, std::move(wanted), limit);
}

/// Gives each span of a worker the first lane that is free when it begins.
void assign_lanes(std::vector<Span>& spans, std::size_t workers) {
  std::vector<std::vector<double>> free_from(workers);
  std::ranges::stable_sort(spans, {}, &Span::from_ms);
  for (Span& span : spans) {
    std::vector<double>& lanes = free_from[span.worker];
    const auto lane = std::ranges::find_if(lanes, [&](double t) { return t <= span.from_ms; });
    span.lane = static_cast<std::size_t>(lane - lanes.begin());
    const double until =
        std::isnan(span.to_ms) ? std::numeric_limits<double>::infinity() : span.to_ms;
    if (lane == lanes.end()) {
      lanes.push_back(until);
    } else {
      *lane = until;
    }
  }
}

}  // namespace

std::string timeline_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  const TableColumn& started = column_named(table, "started_ms");
  const TableColumn& ended = column_named(table, "ended_ms");
  const TableColumn& worker = column_named(table, "worker");
  const std::vector<int> all = filtered_by(request, table);
  std::vector<int> begun;
  for (const int number : all) {
    if (started.has(number)) begun.push_back(number);
  }
  std::map<int, std::size_t> places;  // of labels; -1: nobody is known
  std::vector<std::string> workers;
  std::vector<Span> spans;
  for (const int number : shown_trials(table, begun, points_argument(request))) {
    const int label = worker.has(number) ? static_cast<int>(at(worker, number)) : -1;
    const auto [place, is_new] = places.try_emplace(label, workers.size());
    if (is_new) {
      workers.push_back(label < 0 ? "" : to_string(worker.labels[static_cast<std::size_t>(label)]));
    }
    const double from_ms = at(started, number);
    spans.push_back({number, place->second, from_ms, span_end(table, ended, number, from_ms)});
  }
  assign_lanes(spans, workers.size());

  JsonText out;
  begin_figure(out, reading, all.size(), spans.size());
  out.key("workers").texts(workers);
  const auto now = reading.now.time_since_epoch();
  out.key("now_ms").whole(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  out.key("spans").open('[');
  for (const Span& span : spans) {
    out.open('{').key("number").whole(span.number);
    out.key("lane").whole(static_cast<std::int64_t>(span.lane));
    out.key("worker").whole(static_cast<std::int64_t>(span.worker));
    out.key("from_ms").whole(std::llround(span.from_ms));
    out.key("to_ms");
    std::isnan(span.to_ms) ? out.null() : out.whole(std::llround(span.to_ms));
    out.key("state").text(state_label(table.state(span.number))).close('}');
  }
  out.close(']').close('}');
  return out.take();
}

}  // namespace hypertune
