// The same training as LibTorch's users write it: its modules, its optimizer, the usual loop.
#pragma once

#include <memory>
#include <string>

#include "compare/workloads.h"

namespace hypertune {

/// Computes on the calling thread alone.
class LibTorchPeer {
 public:
  explicit LibTorchPeer(const Workload& workload);
  ~LibTorchPeer();

  struct Epoch {
    double train_loss = 0;
    double val_accuracy = 0;
  };
  /// Trains on every training sample once, in random order, then evaluates.
  Epoch run_epoch();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string libtorch_version();

/// To be called once, before any other function of LibTorch: one thread, for its BLAS too, which
/// flushes denormal numbers to zero as hypertune's does.
void prepare_libtorch_thread();

}  // namespace hypertune
