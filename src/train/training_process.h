// The trainer in processes of their own, so that a crash costs one trial and not the program.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hypertune/trainer.h"

namespace hypertune {

/// By these numbers a process that trains has its pipes.
inline constexpr int kTrainingRequests = 3;
inline constexpr int kTrainingAnswers = 4;

/// Trains as cnn_trainer does, with the same results, in child processes: one for each thread that
/// calls `run`, which loads the data once and serves one trial after another. `argv` is a program
/// that calls serve_trainings. A process that dies or sends nonsense fails its trial (Crash), and
/// the next trial of that thread gets a new one. It ends with its thread. Nothing is downloaded:
/// `options` name data that are here.
std::unique_ptr<Executor> training_processes(const TrainerOptions& options, std::uint64_t seed,
                                             std::vector<std::string> argv);

/// The other side: serves the process that started this one until that closes the pipes. Signals
/// that ask for an end are ignored, because that process is asked as well. Throws GarbledMessage
/// for requests that are none.
void serve_trainings();

}  // namespace hypertune
