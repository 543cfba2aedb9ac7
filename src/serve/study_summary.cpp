// What a list of studies shows of one, as JSON.
#include <cmath>

#include "serve/live_studies.h"
#include "serve/trial_events.h"

namespace hypertune {
namespace {

std::string study_state(const StudyOverview& study) {
  const TrialCounts& counts = study.counts;
  if (counts.total() == 0) return "empty";
  if (counts.running > 0) return "running";
  if (!study.stopped.empty()) return "stopped";
  return counts.waiting + counts.paused > 0 ? "waiting" : "done";
}

Json time_json(const std::optional<TimePoint>& time) {
  return time ? Json(milliseconds_since_epoch(*time)) : Json(nullptr);
}

Json best_json(const StudyOverview& study) {
  if (!study.best || study.spec.objectives.empty()) return nullptr;
  const auto value = study.best->metrics.find(study.spec.objectives.front().metric);
  const bool is_finite = value != study.best->metrics.end() && std::isfinite(value->second);
  return {{"number", study.best->number}, {"value", is_finite ? Json(value->second) : Json()}};
}

}  // namespace

Json summary_json(const StudyOverview& study) {
  Json objectives = Json::array();
  for (const Objective& objective : study.spec.objectives) {
    const bool maximize = objective.direction == Direction::Maximize;
    objectives.push_back(
        {{"metric", objective.metric}, {"direction", maximize ? "maximize" : "minimize"}});
  }
  const TrialCounts& counts = study.counts;
  return {{"id", study.id},
          {"name", study.spec.name},
          {"made_by", study.ours ? "hypertune" : "other"},
          {"state", study_state(study)},
          {"objectives", std::move(objectives)},
          {"counts",
           {{"waiting", counts.waiting},
            {"running", counts.running},
            {"paused", counts.paused},
            {"complete", counts.complete},
            {"pruned", counts.pruned},
            {"failed", counts.failed}}},
          {"best", best_json(study)},
          {"started_ms", time_json(study.started)},
          {"changed_ms", time_json(study.changed)}};
}

}  // namespace hypertune
