// What a program says of its trial, line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hypertune/value.h"

namespace hypertune {

/// Longer lines are dropped.
inline constexpr std::size_t kMaxReportLine = 16 * 1024;
inline constexpr std::size_t kMaxMetricName = 128;

/// `{"step": 3, "val_loss": 0.21}` or `{"result": {"val_accuracy": 0.9}}`.
struct ReportLine {
  bool is_result = false;                 ///< of the whole trial
  std::optional<std::int64_t> step = {};  ///< not given: the one after the last
  Metrics metrics = {};                   ///< at least one, unless it is a result
};

/// A line, or what is wrong with it.
struct ParsedReportLine {
  std::optional<ReportLine> line = {};
  std::string fault = {};
};

/// Reads one line, which may hold anything. Numbers, truth values, the tokens NaN, Infinity and
/// -Infinity and the texts "nan", "inf" and "-inf" (in any case) are metrics.
ParsedReportLine parse_report_line(std::string_view line);

/// The number that a text says, such as `-1.5e3`, `+2`, `nan` or `inf`; nothing for other texts.
std::optional<double> number_in_text(std::string_view text);

}  // namespace hypertune
