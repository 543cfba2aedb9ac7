// What a report says, for the terminal and as JSON.
#include "cli/verdicts.h"

#include <fmt/format.h>

#include "report/verdict_text.h"

namespace hypertune {

void print_verdicts(const ReportSummary& summary, const std::filesystem::path& folder) {
  if (!summary.judgements.empty()) fmt::print("\n{}\n", verdict_table(summary.judgements));
  if (!summary.warning.empty()) fmt::print("Note: {}\n", summary.warning);
  fmt::print("Report: {}\n", report_page(folder).string());
}

Json verdicts_json(const ReportSummary& summary) {
  Json claims = Json::array();
  for (const Judgement& judgement : summary.judgements) {
    claims.push_back({{"text", judgement.claim.text},
                      {"subject", judgement.claim.subject},
                      {"expect", judgement.claim.expect.text},
                      {"estimate", judgement.estimate ? Json(*judgement.estimate) : Json()},
                      {"low", judgement.low},
                      {"high", judgement.high},
                      {"n", judgement.n},
                      {"method", judgement.method},
                      {"note", judgement.note},
                      {"verdict", to_string(judgement.verdict)}});
  }
  return claims;
}

std::filesystem::path report_page(const std::filesystem::path& folder) {
  return folder / "report.html";
}

}  // namespace hypertune
