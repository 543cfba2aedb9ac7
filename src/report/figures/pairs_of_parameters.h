// Panels for pairs of parameters.
#pragma once

#include <utility>

#include "report/figures/figure.h"

namespace hypertune {

/// Pairs are made of this many parameters at most, which gives six.
inline constexpr std::size_t kMostPairedParameters = 4;

using AxisPair = std::pair<ParameterAxis, ParameterAxis>;

/// All pairs of the chosen parameters that some trial has both of.
std::vector<AxisPair> parameter_pairs(const FigureInput& input, const Measured& from);

/// Says that the study has no such pair.
Figure no_pair();

}  // namespace hypertune
