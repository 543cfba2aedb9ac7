// Study files: TOML in, typed options out, every fault with its place.
#pragma once

#include <filesystem>
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

/// A study file, checked. Defaults are those of the structs.
struct StudyFile {
  StudySpec spec;                  ///< [study] and [space]
  std::string sampler = "random";  ///< [sampler] name
  std::string scheduler = "fifo";  ///< [scheduler] name
  TuneOptions tune;                ///< [tune]; workers 0 in the file: one for each core
  TrainerOptions trainer;          ///< [trainer]
  Experiment experiment;           ///< [experiment]
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

/// The dotted name of every key, such as `tune.workers`; NAME stands for that of a parameter.
std::vector<std::string> study_file_keys();

/// The one table of names: each throws ConfigError that lists the known names.
std::unique_ptr<Sampler> make_sampler(const std::string& name);
std::unique_ptr<Scheduler> make_scheduler(const std::string& name);

}  // namespace hypertune
