// Study files: TOML in, typed options out, every fault with its place.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/command.h"
#include "hypertune/report.h"
#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/stopper.h"
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
  /// The same for an algorithm that wants to know how many trials there are to be and how many of
  /// them run at once; null for others.
  std::function<std::unique_ptr<T>(int budget, int workers)> make_for = {};
};

/// `qmc`, or `qmc (scramble = false)` where options are not at their defaults.
template <typename T>
std::string to_string(const Choice<T>& choice) {
  std::string options;
  for (const std::string& option : choice.changed)
    options += (options.empty() ? "" : ", ") + option;
  return options.empty() ? choice.name : choice.name + " (" + options + ")";
}

/// What ends a study before its plan is done.
struct StopRules {
  std::optional<int> trials;
  std::optional<double> target;
  std::optional<int> no_improvement;
  double min_improvement = 0;  ///< of no_improvement
  std::optional<double> expected_improvement;
};
/// The stoppers of these rules.
std::vector<std::unique_ptr<Stopper>> make_stoppers(const StopRules& rules);

/// Another study whose trials the sampler learns from; at least one of the first two is not empty.
struct WarmStart {
  std::string study = {};  ///< empty: the only one of the store
  std::string store = {};  ///< run folder or database; empty: the run folder of `study`
  int trials = 100;        ///< at most: the best half and the latest
};

/// Where and how the workers of a study are started.
struct LauncherChoice {
  std::string name = {};  ///< local, slurm or ray; empty: threads of the program itself
  int cpus = 1;           ///< for each worker
  int gpus = 0;
  std::int64_t memory_mb = 0;                     ///< 0: the launcher's default
  std::chrono::minutes time_limit{0};             ///< 0: the launcher's default
  std::string partition = {};                     ///< slurm
  std::string account = {};                       ///< slurm
  std::vector<std::string> extra = {};            ///< slurm: further options of sbatch
  std::string address = "http://127.0.0.1:8265";  ///< ray: of the head's dashboard
};

/// The text of a study file; from it and the overrides the same StudyFile can be had again.
struct StudySource {
  std::string text = {};
  std::string name = {};  ///< of the file, for messages
  std::vector<std::string> overrides = {};
};

/// `local`, `slurm`, `ray`, and `threads` for none of them. Throws ConfigError, without a place,
/// for other names. Returns what LauncherChoice::name is.
std::string launcher_name(const std::string& word);

/// `90s`, `30m`, `1h`, `2d`, or seconds alone. Throws ConfigError, without a place, for anything
/// else, and for more than a year.
std::chrono::seconds parse_lease(const std::string& text);

/// A study whose trials are evaluated by whoever asks for them.
struct AskChoice {
  std::chrono::seconds lease{3600};  ///< of who does not say otherwise
};

/// Where the built-in trainer trains. It changes no result: a study may go on with the other.
enum class Isolation : std::uint8_t {
  Thread,   ///< on the threads of the program
  Process,  ///< in a process for each of them, so that a crash costs one trial
};

/// A study file, checked. Defaults are those of the structs.
struct StudyFile {
  StudySpec spec;                                              ///< [study] and [space]
  Choice<Sampler> sampler = {"random", {}, random_sampler};    ///< [sampler]
  Choice<Scheduler> scheduler = {"fifo", {}, fifo_scheduler};  ///< [scheduler]
  TuneOptions tune;  ///< [tune] and stop.time_s; workers 0 in the file: one for each core
  StopRules stop;    ///< [stop]
  std::optional<WarmStart> warm_start = {};    ///< [warm_start]
  TrainerOptions trainer;                      ///< [trainer]
  Isolation isolation = Isolation::Thread;     ///< [trainer], with which it is no option of trials
  std::optional<CommandOptions> command = {};  ///< [command], in the place of [trainer]
  std::optional<AskChoice> ask = {};           ///< [ask], in the place of both
  LauncherChoice launcher;                     ///< [launcher]
  Experiment experiment;                       ///< [experiment]
  StudySource source;                          ///< what all this was read from
  std::string why_sampler = {};  ///< where the claims keep it from being auto; otherwise empty
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

/// Tells the sampler auto what [tune] plans. To be repeated when `tune` was changed.
void size_sampler(StudyFile& file);

/// The keys of [stop] that are set, as a study file writes them: `trials = 20`, `time_s = 60`.
std::vector<std::string> stop_rules(const StudyFile& file);

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
