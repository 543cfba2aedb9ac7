// The networks and data on which training is compared with peers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/isa.h"
#include "train/datasets.h"
#include "train/split.h"

namespace hypertune {

/// How many times as fast as LibTorch training is meant to be, by how it is computed; 0: no aim.
struct SpeedAims {
  double avx512 = 0, avx2 = 0, amx_bf16 = 0;
};

/// A network on its data, which several workloads may share.
struct Workload {
  std::string name;
  TrainerOptions options;
  const Dataset* data;
  Split split;
  SpeedAims aims;
};

/// Multiplications and additions of an epoch's matrix products, evaluation included, as plain
/// convolutions need them.
double operations_per_epoch(const Workload& workload);

/// The gestures when they are on this machine, otherwise random numbers of their shape.
Dataset load_sequences();
/// 6,000 random images of 28 x 28 pixels in 10 classes.
Dataset random_images();

/// Those whose name contains `filter`. The data sets must outlive them.
std::vector<Workload> workloads(const Dataset& sequences, const Dataset& images,
                                const std::string& filter);

/// Time that the calling thread has computed, in seconds, which other programs disturb less than
/// the time on the wall.
double thread_seconds();

/// Those that `work` takes.
double thread_seconds_of(const std::function<void()>& work);

double median(std::vector<double> values);

}  // namespace hypertune
