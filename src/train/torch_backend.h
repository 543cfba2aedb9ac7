// The LibTorch backend: a library of its own, loaded when it is first asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "train/network.h"

namespace hypertune {

enum class Device : std::uint8_t { Cpu, Cuda };

/// What the library offers, under the symbol kTorchBackendSymbol.
struct TorchBackend {
  const char* hypertune_version;  ///< that it was built with; must be ours
  const char* libtorch_version;

  /// Throws ConfigError for a device that is not there.
  void (*require)(Device device);
  /// Weights and biases are 0, scales 1. Throws as `require` does.
  std::unique_ptr<Network> (*make_network)(const NetworkPlan& plan, Device device);
};
constexpr const char* kTorchBackendSymbol = "hypertune_torch_backend";

/// Loads the library, for good: what HYPERTUNE_TORCH_BACKEND names, or hypertune_torch.so where
/// it was built or installed. Throws ConfigError when it is not to be had. Thread-safe.
const TorchBackend& torch_backend();

/// Loads the first of the files that exists.
const TorchBackend& load_torch_backend(std::span<const std::filesystem::path> files);

}  // namespace hypertune
