// What a run has done so far, as its display shows it.
#include "cli/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace hypertune {
namespace {

constexpr int kLinesBesideWorkers = 4;
constexpr int kMaxBarColumns = 30;
constexpr int kDigits = 3;

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kPlain = "\x1b[0m";

/// The line as the terminal gets it: printable, cut, colored as a whole.
std::string finished_line(std::string_view text, int columns, TerminalStyle style,
                          std::string_view color) {
  std::string line = cut(printable(text, style.utf8), columns);
  if (!style.color || color.empty()) return line;
  return fmt::format("{}{}{}", color, line, kPlain);
}

std::int64_t epochs_of(const TrialRecord& trial, std::int64_t fallback) {
  const auto entry = trial.params.find("epochs");
  if (entry == trial.params.end()) return fallback;
  const auto* epochs = std::get_if<std::int64_t>(&entry->second);
  return epochs != nullptr ? *epochs : fallback;
}

}  // namespace

bool failed_for_good(const TrialRecord& trial, int max_attempts) {
  return trial.state == TrialState::Failed && !wants_retry(trial, max_attempts);
}

std::string brief(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    const double* number = std::get_if<double>(&value);
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name,
                       number != nullptr ? format_number(*number, kDigits) : to_string(value));
  }
  return out;
}

RunState::RunState(RunStart start, double now_s)
    : start_(std::move(start)), planned_(start_.planned), began_s_(now_s) {
  for (const TrialRecord& trial : start_.history) {
    if (!is_final(trial.state)) continue;
    count(trial);
    if (const auto duration = trial.duration_s(); duration && trial.state != TrialState::Failed) {
      seconds_of_trials_ += *duration;
      ++timed_trials_;
    }
  }
  start_.history.clear();
}

void RunState::apply(const Event& event, double now_s) {
  const TrialRecord& trial = event.record;
  switch (event.kind) {
    case Event::Kind::Started:
      running_[event.worker] = {.trial = trial.number,
                                .params = trial.params,
                                .epoch = trial.reports.empty() ? 0 : trial.reports.back().step,
                                .epochs = epochs_of(trial, start_.epochs),
                                .value = {},
                                .since_s = now_s};
      break;
    case Event::Kind::Reported: {
      const auto running = running_.find(event.worker);
      if (running == running_.end() || trial.reports.empty()) break;
      const Report& report = trial.reports.back();
      running->second.epoch = report.step;
      const auto value = report.metrics.find(start_.objective.metric);
      if (value != report.metrics.end()) running->second.value = value->second;
      break;
    }
    case Event::Kind::Finished:
      if (const auto duration = duration_s(trial, now_s);
          duration && trial.state != TrialState::Failed) {
        seconds_of_trials_ += *duration;
        ++timed_trials_;
      }
      count(trial);
      running_.erase(event.worker);
      break;
    case Event::Kind::Paused:
    case Event::Kind::Lost:
      std::erase_if(running_, [&](const auto& entry) {
        return entry.first == event.worker && entry.second.trial == trial.number;
      });
      break;
  }
}

void RunState::count(const TrialRecord& trial) {
  if (trial.state == TrialState::Failed) {
    failed_ += failed_for_good(trial, start_.max_attempts) ? 1 : 0;
    return;
  }
  ++done_;
  // What succeeds others was not planned when the run began.
  planned_ = std::max(planned_, done_ + failed_);
  const auto value = trial.metrics.find(start_.objective.metric);
  if (trial.state != TrialState::Complete || value == trial.metrics.end()) return;
  const bool better =
      !best_ || (start_.objective.direction == Direction::Maximize ? value->second > best_->value
                                                                   : value->second < best_->value);
  if (better && !std::isnan(value->second)) {
    best_ = Best{trial.number, trial.params, value->second};
  }
}

std::optional<double> RunState::duration_s(const TrialRecord& trial, double now_s) const {
  for (const auto& [worker, running] : running_) {
    if (running.trial == trial.number) return now_s - running.since_s;
  }
  return std::nullopt;
}

double RunState::share_of(const Running& running) const {
  if (running.epochs <= 0) return 0;
  return std::min(1.0, static_cast<double>(running.epoch) / static_cast<double>(running.epochs));
}

std::optional<double> RunState::time_left_s(double now_s) const {
  const int open = planned_ - done_ - failed_;
  if (open <= 0) return std::nullopt;
  double shares = 0;
  double seconds = 0;
  for (const auto& [worker, running] : running_) {
    shares += share_of(running);
    seconds += running.epoch > 0 ? now_s - running.since_s : 0;
  }
  double per_trial = 0;
  if (timed_trials_ > 0) {
    per_trial = seconds_of_trials_ / timed_trials_;
  } else if (shares > 0) {
    per_trial = seconds / shares;
  } else {
    return std::nullopt;
  }
  const double left = std::max(0.0, open - shares);
  return left * per_trial / std::min(start_.workers, open);
}

std::string RunState::bar(int columns, bool utf8) const {
  const int ended = std::min(planned_, done_ + failed_);
  const int full = planned_ > 0 ? columns * ended / planned_ : 0;
  std::string out;
  for (int i = 0; i < columns; ++i) {
    out += utf8 ? (i < full ? "█" : "░") : (i < full ? "#" : "-");
  }
  return out;
}

std::string RunState::worker_line(int worker, const Running* running) const {
  if (running == nullptr) return fmt::format("  worker {}: idle", worker + 1);
  std::string line = fmt::format("  worker {}: trial {}", worker + 1, running->trial);
  if (running->epochs > 0) {
    line += fmt::format("  epoch {}/{}", running->epoch, running->epochs);
  } else {
    line += fmt::format("  step {}", running->epoch);
  }
  if (running->value) {
    line +=
        fmt::format("  {} {}", start_.objective.metric, format_number(*running->value, kDigits));
  }
  return fmt::format("{}  {}", line, brief(running->params));
}

std::vector<std::string> RunState::render(TerminalSize size, TerminalStyle style,
                                          double now_s) const {
  const int columns = std::max(1, size.columns - 1);
  std::vector<std::string> lines;
  if (size.rows < 2) return lines;
  const auto add = [&](std::string_view text, std::string_view color) {
    lines.push_back(finished_line(text, columns, style, color));
  };
  const std::string counts =
      fmt::format("{}/{} done, {} running, {} failed", done_, planned_, running_.size(), failed_);
  const int room = columns - static_cast<int>(counts.size()) - 2;
  const std::string bar_text =
      room >= 5 ? bar(std::min(room, kMaxBarColumns), style.utf8) + "  " : std::string();
  const int left = columns - display_width(bar_text) - static_cast<int>(counts.size()) - 2;
  const std::string name = cut(printable(start_.study, style.utf8), std::max(0, left));
  add(fmt::format("{}{}{}{}", bar_text, counts, name.empty() ? "" : "  ", name), kBold);

  // A low terminal shows the lines that fit, the most important ones first.
  int room_below = size.rows - 2;
  const auto has_room = [&] { return room_below-- > 0; };
  const bool with_notice = !notice_.empty() && has_room();
  const bool with_time = has_room();
  const bool with_best = best_ && has_room();
  const int shown = std::clamp(size.rows - 1 - kLinesBesideWorkers, 0, start_.workers);
  for (int worker = 0; worker < shown; ++worker) {
    const auto running = running_.find(worker);
    add(worker_line(worker, running == running_.end() ? nullptr : &running->second), {});
  }
  if (with_best) {
    add(fmt::format("best {} {}: trial {}  {}", start_.objective.metric,
                    format_number(best_->value, kDigits), best_->trial, brief(best_->params)),
        kGreen);
  }
  if (with_time) {
    const auto time_left = time_left_s(now_s);
    add(fmt::format("{} so far{}", format_duration(now_s - began_s_),
                    time_left ? fmt::format(", about {} left", format_duration(*time_left)) : ""),
        kDim);
  }
  if (with_notice) add(notice_, kYellow);
  return lines;
}

}  // namespace hypertune
