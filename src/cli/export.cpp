// `hypertune export`: a study as a table, as JSON lines, or as a file for Optuna.
#include <fmt/format.h>

#include <utility>

#include "base/files.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/new_file.h"
#include "cli/stored_study.h"
#include "cli/study_target.h"
#include "hypertune/error.h"
#include "report/study_lines.h"
#include "report/trials_csv.h"
#include "storage/sqlite_files.h"

namespace hypertune {
namespace {

struct ExportOptions {
  StudyArgument study;
  std::string format;
  std::string out;
  bool force = false;
};

void write_text(const ExportOptions& options, const std::string& text) {
  if (options.out.empty()) {
    fmt::print("{}", text);
    return;
  }
  NewFile file(options.out, options.force ? Replace::Yes : Replace::No);
  write_file(file.temporary(), text);
  file.put_in_place();
}

void write_for_optuna(const ExportOptions& options, StudyCopy copy) {
  if (options.out.empty()) {
    throw ConfigError("--format optuna gives a database, which is no text; name it with -o FILE");
  }
  put_to_rest(copy);
  NewFile file(options.out, options.force ? Replace::Yes : Replace::No);
  write_database(copy, file.temporary());
  open_to_every_optuna(file.temporary());
  file.put_in_place();
}

int export_study(const ExportOptions& options) {
  const StoredStudy study = open_stored_study(options.study);
  StudyCopy copy = copy_of(*study.storage, study.id);
  if (options.format == "csv") {
    write_text(options, trials_csv(copy.spec, copy.trials));
  } else if (options.format == "jsonl") {
    write_text(options, study_lines(copy));
  } else {
    write_for_optuna(options, std::move(copy));
  }
  return kDone;
}

}  // namespace

void add_export_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand(
      "export", "Write a study as CSV, as JSON lines without loss, or as a file for Optuna");
  auto options = std::make_shared<ExportOptions>();
  add_study_argument(*command, options->study);
  command->add_option("--format", options->format, "csv, jsonl or optuna")
      ->required()
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"csv", "jsonl", "optuna"}));
  command->add_option("-o,--out", options->out, "File (default: the standard output)")
      ->type_name("FILE");
  command->add_flag("--force", options->force, "Replace a file of that name");
  command->footer(
      "Examples:\n"
      "  hypertune export runs/my-study --format jsonl -o my-study.jsonl\n"
      "  hypertune export runs/my-study --format optuna -o optuna.db");
  command->callback(
      [options, &call] { call.action = [options] { return export_study(*options); }; });
}

}  // namespace hypertune
