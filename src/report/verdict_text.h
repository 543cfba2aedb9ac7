// Verdicts in words, for terminals and reports.
#pragma once

#include <span>
#include <string>

#include "hypertune/claim.h"

namespace hypertune {

/// `0.968`, or a dash where there is no estimate.
std::string format_estimate(const Judgement& judgement);
/// `[0.95, 0.98]`, `[0.03, inf)`, or a dash where the data give no bound.
std::string format_interval(const Judgement& judgement);

/// What is estimated, in words: `mean val_accuracy where batch_norm`.
std::string describe_estimate(const ClaimStatement& claim);

/// Two or three lines for each claim: the verdict and the claim, then the numbers, then what a
/// reader should know. No line is longer than 100 characters. Empty when there are no claims.
std::string verdict_table(std::span<const Judgement> judgements);

}  // namespace hypertune
