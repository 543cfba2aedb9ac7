// Wilcoxon's signed-rank test.
#pragma once

#include <span>

namespace hypertune {

/// One-sided p-value: the chance of a sum of positive ranks as large as that of these differences
/// if each sign were as likely as the other. Equal sizes share their mean rank; a zero gives half
/// of its rank to either side. Exact up to 50 differences, then by the normal approximation.
/// Requires finite differences; 1 when none differs from zero.
double signed_rank_p(std::span<const double> differences);

}  // namespace hypertune
