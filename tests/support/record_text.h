// Records as text, so that two of them can be compared and their difference read.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "storage/spec_json.h"

namespace hypertune::testing_support {

/// Everything a record holds, but for its id. NaN equals NaN, and -0.0 equals 0.0, which SQLite
/// keeps as one.
inline Json record_json(const TrialRecord& record) {
  Json json = {{"number", record.number},   {"state", to_string(record.state)},
               {"key", record.plan.key},    {"fixed", to_json(record.plan.fixed)},
               {"draw", record.draw()},     {"attempt", record.plan.attempt},
               {"params", Json::object()},  {"domains", Json::object()},
               {"reports", Json::array()},  {"metrics", Json::object()},
               {"reason", record.reason},   {"failure", static_cast<int>(record.failure)},
               {"worker", record.worker},   {"lease", record.lease},
               {"started", Json(nullptr)},  {"ended", Json(nullptr)},
               {"retry_of", Json(nullptr)}, {"own_draw", record.plan.draw.has_value()}};
  for (const auto& [name, value] : record.params) {
    const auto* number = std::get_if<double>(&value);
    json["params"][name] = number != nullptr ? Json(*number + 0.0) : to_json(value);
  }
  for (const auto& [name, domain] : record.domains) json["domains"][name] = to_json(domain);
  for (const Report& report : record.reports) {
    json["reports"].push_back({{"step", report.step}, {"metrics", to_json(report.metrics)}});
  }
  for (const auto& [name, value] : record.metrics) json["metrics"][name] = value + 0.0;
  if (record.plan.retry_of) json["retry_of"] = *record.plan.retry_of;
  json["parent"] = record.plan.parent ? Json(*record.plan.parent) : Json(nullptr);
  const auto micros = [](TimePoint time) {
    return std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
  };
  if (record.started) json["started"] = micros(*record.started);
  if (record.ended) json["ended"] = micros(*record.ended);
  return json;
}

inline std::string record_text(const TrialRecord& record) { return dump_json(record_json(record)); }

inline std::vector<std::string> record_texts(const std::vector<TrialRecord>& records) {
  std::vector<std::string> texts;
  for (const TrialRecord& record : records) texts.push_back(record_text(record));
  return texts;
}

}  // namespace hypertune::testing_support
