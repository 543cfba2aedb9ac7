// Optimizer steps over flat vectors. Included after a simd_*.h.
#pragma once

#include <cstdint>

#include "nn/kernels.h"

namespace hypertune {
namespace {

/// Present values at one place of the vectors; null vectors read as 0.
struct OptimizerValues {
  Vec parameter, gradient, first, second;
};

/// Applies `update` to each place. What is left at the end goes through a full vector aside.
template <typename Update>
inline void update_all(const OptimizerStep& s, Update update) {
  const auto step = [&](float* parameter, const float* gradient, float* first, float* second) {
    OptimizerValues v{Vec::load(parameter), Vec::load(gradient),
                      first != nullptr ? Vec::load(first) : Vec::zero(),
                      second != nullptr ? Vec::load(second) : Vec::zero()};
    update(v);
    v.parameter.store(parameter);
    if (first != nullptr) v.first.store(first);
    if (second != nullptr) v.second.store(second);
  };
  const auto at = [](float* p, std::int64_t i) { return p != nullptr ? p + i : nullptr; };
  std::int64_t i = 0;
  for (; i + Vec::kWidth <= s.size; i += Vec::kWidth)
    step(s.parameter + i, s.gradient + i, at(s.first, i), at(s.second, i));
  if (i == s.size) return;
  float rest[4][Vec::kWidth] = {};
  for (std::int64_t j = 0; i + j < s.size; ++j) {
    rest[0][j] = s.parameter[i + j];
    rest[1][j] = s.gradient[i + j];
    if (s.first != nullptr) rest[2][j] = s.first[i + j];
    if (s.second != nullptr) rest[3][j] = s.second[i + j];
  }
  step(rest[0], rest[1], rest[2], rest[3]);
  for (std::int64_t j = 0; i + j < s.size; ++j) {
    s.parameter[i + j] = rest[0][j];
    if (s.first != nullptr) s.first[i + j] = rest[2][j];
    if (s.second != nullptr) s.second[i + j] = rest[3][j];
  }
}

inline void sgd(const OptimizerStep& s) {
  const Vec rate = Vec::all(s.rate);
  const Vec decay = Vec::all(s.decay);
  const Vec keep = Vec::all(s.keep_first);
  update_all(s, [&](OptimizerValues& v) {
    const Vec gradient = fma(decay, v.parameter, v.gradient);
    Vec direction = gradient;
    if (s.first != nullptr) {
      v.first = fma(keep, v.first, gradient);
      direction = s.nesterov ? fma(keep, v.first, gradient) : v.first;
    }
    v.parameter = negated_fma(rate, direction, v.parameter);
  });
}

inline void adam(const OptimizerStep& s) {
  const Vec rate = Vec::all(s.rate);
  const Vec decay = Vec::all(s.decay);
  const Vec shrink = Vec::all(s.shrink);
  const Vec keep_first = Vec::all(s.keep_first);
  const Vec take_first = Vec::all(s.take_first);
  const Vec keep_second = Vec::all(s.keep_second);
  const Vec take_second = Vec::all(s.take_second);
  const Vec root_scale = Vec::all(s.root_scale);
  const Vec epsilon = Vec::all(s.epsilon);
  update_all(s, [&](OptimizerValues& v) {
    const Vec gradient = fma(decay, v.parameter, v.gradient);
    v.first = fma(keep_first, v.first, take_first * gradient);
    v.second = fma(keep_second, v.second, take_second * gradient * gradient);
    const Vec root = fma(sqrt(v.second), root_scale, epsilon);
    v.parameter = v.parameter * shrink - rate * v.first / root;
  });
}

inline void rms_prop(const OptimizerStep& s) {
  const Vec rate = Vec::all(s.rate);
  const Vec decay = Vec::all(s.decay);
  const Vec keep = Vec::all(s.keep_second);
  const Vec take = Vec::all(s.take_second);
  const Vec epsilon = Vec::all(s.epsilon);
  update_all(s, [&](OptimizerValues& v) {
    const Vec gradient = fma(decay, v.parameter, v.gradient);
    v.second = fma(keep, v.second, take * gradient * gradient);
    v.parameter = v.parameter - rate * gradient / (sqrt(v.second) + epsilon);
  });
}

}  // namespace
}  // namespace hypertune
