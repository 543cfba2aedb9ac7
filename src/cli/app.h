// The program's command line: one tree of commands, from which help, man page and completions come.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace hypertune {

/// One call of the program.
struct Invocation {
  /// What the chosen command does once its arguments are known; returns the exit code.
  std::function<int()> action = {};
  /// Program and arguments, quoted for a shell, with passwords masked.
  std::string command_line = {};
};

/// The tree. Parsing it sets the action of `call`, which must outlive the tree.
std::unique_ptr<CLI::App> make_app(Invocation& call);

/// Parses, runs, and turns exceptions into one line on the standard error stream and an exit code.
/// Passwords in the arguments are masked in place.
int run_program(int argc, char** argv);

/// The command that the program itself starts to train in; it is in no help, man page or
/// completion.
inline constexpr const char* kTrainWorker = "train-worker";
int run_train_worker();

// Each adds one command (and what belongs to it) to the tree; one file each.
void add_run_command(CLI::App& app, Invocation& call);
void add_worker_command(CLI::App& app, Invocation& call);
void add_ask_command(CLI::App& app, Invocation& call);
void add_tell_command(CLI::App& app, Invocation& call);
void add_check_command(CLI::App& app, Invocation& call);
void add_trials_command(CLI::App& app, Invocation& call);
void add_best_command(CLI::App& app, Invocation& call);
void add_importance_command(CLI::App& app, Invocation& call);
void add_report_command(CLI::App& app, Invocation& call);
void add_show_command(CLI::App& app, Invocation& call);
void add_serve_command(CLI::App& app, Invocation& call);
void add_copy_command(CLI::App& app, Invocation& call);
void add_export_command(CLI::App& app, Invocation& call);
void add_import_command(CLI::App& app, Invocation& call);
void add_backup_command(CLI::App& app, Invocation& call);
void add_doctor_command(CLI::App& app, Invocation& call);
void add_data_command(CLI::App& app, Invocation& call);
void add_completion_command(CLI::App& app, Invocation& call);
void add_man_command(CLI::App& app, Invocation& call);

}  // namespace hypertune
