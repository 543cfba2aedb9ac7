// The sections of a study file that have a source file of their own. Each reads its table into the
// StudyFile and throws ConfigError with the place of the fault.
#pragma once

#include <string>
#include <vector>

#include "config/study_file.h"
#include "config/toml_document.h"

namespace hypertune {

/// [trainer] and [space]: every parameter must be an option of the trainer, every value legal.
/// `root` is the whole file.
void read_trainer(const Entry& section, StudyFile& file);
void read_space(const Entry& section, StudyFile& file);
/// Fails for a parameter of the space that [trainer] fixes as well.
void check_trainer_against_space(const Entry& root);

/// [stop]; needs the objectives.
void read_stop(const Entry& section, StudyFile& file);

/// [launcher].
void read_launcher(const Entry& section, StudyFile& file);

/// [experiment]; needs the finished space and objectives.
void read_experiment(const Entry& section, StudyFile& file);

/// [command]; needs the finished space.
void read_command(const Entry& section, StudyFile& file);

/// [ask].
void read_ask(const Entry& section, StudyFile& file);

/// Whether the trials are evaluated by something else than the built-in trainer: then parameters
/// and metrics have names of the user's own. `entry` is any one of the file.
bool has_own_names(const Entry& entry);
/// Throws for what cannot be the name of a parameter or metric of the user's own, such as a blank.
void check_own_name(const Entry& entry, const std::string& name);

/// Metrics that trials of the built-in trainer have.
std::vector<std::string> known_metrics();

/// Keys of a parameter's table, of [stop], of [launcher],
/// of [command], of [ask], of [experiment], of a claim and of its estimate.
std::vector<std::string> parameter_keys();
std::vector<std::string> trainer_keys();
std::vector<std::string> stop_keys();
std::vector<std::string> launcher_keys();
std::vector<std::string> ask_keys();
std::vector<std::string> command_keys();
std::vector<std::string> experiment_keys();

}  // namespace hypertune
