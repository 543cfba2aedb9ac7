// Progress for what is not a terminal: lines, JSON lines, or nothing.
#include "cli/progress.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <mutex>

#include "base/files.h"
#include "base/text.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;

Json strict(const Json& json) {
  if (json.is_number_float()) {
    const double number = json.get<double>();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return json;
  }
  if (!json.is_structured()) return json;
  Json out = json;
  for (auto& entry : out) entry = strict(entry);
  return out;
}

std::int64_t last_step(const TrialRecord& trial) {
  return trial.reports.empty() ? 0 : trial.reports.back().step;
}

class LineProgress : public Progress {
 public:
  LineProgress(RunStart start, int fd)
      : metric_(start.objective.metric),
        shows_counts_(start.planned > 0),
        fd_(fd),
        state_(std::move(start), steady_now_s()) {}

  void on_event(const Event& event) override {
    const std::scoped_lock lock(mutex_);
    const auto duration = state_.duration_s(event.record, steady_now_s());
    state_.apply(event, steady_now_s());
    const std::string line = line_for(event, duration);
    if (!line.empty()) write_all(fd_, printable(line, terminal_style().utf8) + '\n');
  }

  void notice(const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    write_all(fd_, text + '\n');
  }

 private:
  std::string line_for(const Event& event, std::optional<double> duration) const {
    const TrialRecord& trial = event.record;
    switch (event.kind) {
      case Event::Kind::Started:
        return fmt::format("trial {} started: {}", trial.number, brief(trial.params));
      case Event::Kind::Finished:
        return finished_line(trial, duration);
      case Event::Kind::Paused:
        return fmt::format("trial {} paused after step {}", trial.number, last_step(trial));
      case Event::Kind::Lost:
        return fmt::format("trial {} lost its worker", trial.number);
      case Event::Kind::Reported:
        return {};
    }
    return {};
  }

  std::string finished_line(const TrialRecord& trial, std::optional<double> duration) const {
    const std::string time = duration ? fmt::format(" in {:.1f} s", *duration) : "";
    const auto value = trial.metrics.find(metric_);
    std::string result =
        value == trial.metrics.end()
            ? std::string()
            : fmt::format(": {} {}", metric_, format_number(value->second, kDigits));
    if (!trial.reason.empty()) result += ": " + trial.reason;
    std::string line =
        fmt::format("trial {} {}{}{}", trial.number, to_string(trial.state), time, result);
    if (shows_counts_) line += fmt::format(" ({} of {} done)", state_.done(), state_.planned());
    return line;
  }

  std::string metric_;
  bool shows_counts_;
  int fd_;
  std::mutex mutex_;  // guards state_, and keeps lines whole
  RunState state_;
};

class JsonProgress : public Progress {
 public:
  JsonProgress(RunStart start, JsonLines& lines)
      : lines_(lines), shows_counts_(start.planned > 0), state_(std::move(start), steady_now_s()) {}

  void on_event(const Event& event) override {
    const std::scoped_lock lock(mutex_);
    const auto duration = state_.duration_s(event.record, steady_now_s());
    state_.apply(event, steady_now_s());
    lines_.write(to_json(event, duration));
  }

  void notice(const std::string& /*text*/) override {}

 private:
  Json to_json(const Event& event, std::optional<double> duration) const {
    const TrialRecord& trial = event.record;
    Json json = {{"trial", trial.number}, {"worker", event.worker}};
    switch (event.kind) {
      case Event::Kind::Started:
        json["event"] = "started";
        json["params"] = hypertune::to_json(trial.params);
        break;
      case Event::Kind::Reported:
        json["event"] = "reported";
        if (trial.reports.empty()) break;
        json["step"] = trial.reports.back().step;
        json["metrics"] = hypertune::to_json(trial.reports.back().metrics);
        break;
      case Event::Kind::Finished:
        json["event"] = "finished";
        json["state"] = to_string(trial.state);
        json["metrics"] = hypertune::to_json(trial.metrics);
        if (!trial.reason.empty()) json["reason"] = trial.reason;
        if (duration) json["duration_s"] = *duration;
        if (!shows_counts_) break;
        json["done"] = state_.done();
        json["failed"] = state_.failed();
        json["planned"] = state_.planned();
        break;
      case Event::Kind::Paused:
        json["event"] = "paused";
        json["step"] = last_step(trial);
        break;
      case Event::Kind::Lost:
        json["event"] = "lost";
        break;
    }
    return json;
  }

  JsonLines& lines_;
  bool shows_counts_;
  std::mutex mutex_;  // guards lines_ and state_
  RunState state_;
};

class QuietProgress : public Progress {
 public:
  explicit QuietProgress(int fd) : fd_(fd) {}
  void on_event(const Event& /*event*/) override {}
  void notice(const std::string& text) override { write_all(fd_, text + '\n'); }

 private:
  int fd_;
};

}  // namespace

std::unique_ptr<Progress> line_progress(RunStart start, int fd) {
  return std::make_unique<LineProgress>(std::move(start), fd);
}

std::unique_ptr<Progress> json_progress(RunStart start, JsonLines& lines) {
  return std::make_unique<JsonProgress>(std::move(start), lines);
}

void JsonLines::write(const Json& json) {
  if (error_ == 0 && !write_all(fd_, json_line(json))) error_ = errno;
}

std::unique_ptr<Progress> quiet_progress(int fd) { return std::make_unique<QuietProgress>(fd); }

double steady_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string json_line(const Json& json) {
  return strict(json).dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace hypertune
