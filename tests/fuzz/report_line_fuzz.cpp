// Fuzz target: any line that a program writes is a report or has a fault, and so has any output in
// which reports are looked for.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "exec/output_patterns.h"
#include "exec/report_line.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_line(const hypertune::ParsedReportLine& parsed) {
  check(parsed.line.has_value() == parsed.fault.empty());
  if (!parsed.line) return;
  check(parsed.line->is_result || !parsed.line->metrics.empty());
  for (const auto& [name, value] : parsed.line->metrics) {
    check(!name.empty() && name.size() <= hypertune::kMaxMetricName);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::map<std::string, std::string> kPatterns = {
      {"val_loss", R"(val_loss[=: ]+([-+.\w]+))"}, {"val_accuracy", R"(acc(?:uracy)?=([\d.]+)%?)"}};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_line(hypertune::parse_report_line(text));
  hypertune::OutputPatterns patterns(kPatterns, R"([Ee]poch\s+(\d+))");
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    for (const auto& report : patterns.feed(line)) check(!report.metrics.empty());
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  for (const auto& report : patterns.finish()) check(!report.metrics.empty());
  return 0;
}
