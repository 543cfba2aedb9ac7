// Everything that can compute a network here: the native backend by instruction set, and LibTorch.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include "hypertune/error.h"
#include "nn/isa.h"
#include "train/torch_backend.h"

namespace hypertune::testing_support {

struct Engine {
  std::string backend;
  std::string isa;  ///< empty for LibTorch
};

inline void PrintTo(const Engine& engine, std::ostream* out) {
  *out << engine.backend << engine.isa;
}

/// Names the instances of a test.
inline std::string engine_name(const ::testing::TestParamInfo<Engine>& instance) {
  return instance.param.backend + instance.param.isa;
}

/// LibTorch is among them whether it is here or not: it takes its time to load.
inline std::vector<Engine> engines() {
  std::vector<Engine> all;
  for (const Isa isa : supported_isas()) all.push_back({"native", std::string(isa_name(isa))});
  all.push_back({"torch", ""});
  return all;
}

inline bool is_here(const Engine& engine) {
  if (engine.backend == "native") return true;
  try {
    torch_backend();
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

/// While it lives, the native backend computes with these instructions. Not thread-safe.
class ChosenInstructions {
 public:
  explicit ChosenInstructions(const Engine& engine) {
    if (!engine.isa.empty()) ::setenv("HYPERTUNE_ISA", engine.isa.c_str(), 1);
  }
  ~ChosenInstructions() { ::unsetenv("HYPERTUNE_ISA"); }
  ChosenInstructions(const ChosenInstructions&) = delete;
  ChosenInstructions& operator=(const ChosenInstructions&) = delete;
};

}  // namespace hypertune::testing_support
