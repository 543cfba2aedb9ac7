// Study files: TOML in, typed options out, every fault with its place.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hypertune/report.h"
#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/storage.h"
#include "hypertune/trainer.h"
#include "hypertune/tune.h"

namespace hypertune {

/// An algorithm with its options, as a study file chooses it.
template <typename T>
struct Choice {
  std::string name;
  /// `key = value` for each option that is not at its default.
  std::vector<std::string> changed;
  std::function<std::unique_ptr<T>()> make;
};

/// `qmc`, or `qmc (scramble = false)` where options are not at their defaults.
template <typename T>
std::string to_string(const Choice<T>& choice) {
  std::string options;
  for (const std::string& option : choice.changed)
    options += (options.empty() ? "" : ", ") + option;
  return options.empty() ? choice.name : choice.name + " (" + options + ")";
}

/// A study file, checked. Defaults are those of the structs.
struct StudyFile {
  StudySpec spec;                                              ///< [study] and [space]
  Choice<Sampler> sampler = {"random", {}, random_sampler};    ///< [sampler]
  Choice<Scheduler> scheduler = {"fifo", {}, fifo_scheduler};  ///< [scheduler]
  TuneOptions tune;        ///< [tune]; workers 0 in the file: one for each core
  TrainerOptions trainer;  ///< [trainer]
  Experiment experiment;   ///< [experiment]
};

/// `tune.workers=4`: a dotted key and a TOML value, which replaces the one in the file.
/// A value that is not TOML is taken as text: `trainer.optimizer=sgd` needs no quotes.
using Overrides = std::vector<std::string>;

/// Reads and checks a study file. Throws ConfigError `file:line:column: what is wrong, and how to
/// mend it` for the first fault; `--set key=value: ...` for faults of an override. The checksum in
/// `experiment` is that of the file's bytes; each override adds a line `--set key=value` to them.
StudyFile load_study_file(const std::filesystem::path& file, const Overrides& overrides = {});

/// The same for a text; `name` stands for the file in messages.
StudyFile parse_study_file(std::string_view text, const std::string& name,
                           const Overrides& overrides = {});

/// The dotted name of every key, such as `tune.workers`; NAME stands for that of a parameter. The
/// options of samplers and schedulers, which differ from one to the next, are left out.
std::vector<std::string> study_file_keys();

/// A key of [sampler] or [scheduler] and its default as TOML, empty when it is not set.
struct OptionDefault {
  std::string key;
  std::string value;
};
/// What may stand in [sampler] or [scheduler] beside a name.
struct AlgorithmOptions {
  std::string section;  ///< `sampler` or `scheduler`
  std::string name;     ///< of the algorithm
  std::vector<OptionDefault> options;
};
std::vector<AlgorithmOptions> algorithm_options();

}  // namespace hypertune
