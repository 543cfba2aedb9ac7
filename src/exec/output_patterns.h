// Reports found in what a program prints.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "exec/report_line.h"
#include "hypertune/command.h"

namespace hypertune {

/// Of longer lines only this many bytes are searched: the time that a search takes can grow with
/// the square of the length.
inline constexpr std::size_t kMaxSearchedLine = 2048;

/// Gathers the metrics of a step from lines of output. Without a step pattern a step begins where a
/// metric comes again; the first value of a metric in a step counts. A step is reported once it has
/// all metrics, or the next one begins.
class OutputPatterns {
 public:
  /// Throws ConfigError, naming the metric, for an expression that is none or has no group.
  OutputPatterns(const std::map<std::string, std::string>& patterns, const std::string& step);

  bool empty() const { return patterns_.empty(); }
  /// What the line completes.
  std::vector<ReportLine> feed(std::string_view line);
  /// What is left at the end.
  std::vector<ReportLine> finish();
  /// Groups that were matched and held no number.
  int faults() const { return faults_; }
  const std::string& first_fault() const { return first_fault_; }

 private:
  void finish_step(std::vector<ReportLine>& done);
  void begin_step(std::int64_t step, std::vector<ReportLine>& done);
  std::optional<double> find(const std::regex& pattern, std::string_view line,
                             const std::string& what);

  std::map<std::string, std::regex> patterns_;
  std::optional<std::regex> step_pattern_;
  std::int64_t step_ = 0;
  Metrics gathered_;       // of this step
  bool reported_ = false;  // this step
  int faults_ = 0;
  std::string first_fault_;
};

}  // namespace hypertune
