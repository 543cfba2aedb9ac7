// `hypertune backup`: a store as one file, while it is in use.
#include <fmt/format.h>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/new_file.h"
#include "cli/stored_study.h"
#include "cli/study_target.h"
#include "storage/sqlite_files.h"

namespace hypertune {
namespace {

struct BackupOptions {
  StudyArgument study;
  std::string file;
  bool force = false;
};

int back_up(const BackupOptions& options) {
  const StoredStudy study = open_stored_study(options.study);
  NewFile file(options.file, options.force ? Replace::Yes : Replace::No);
  if (const auto database = sqlite_file(study.url)) {
    copy_sqlite_file(*database, file.temporary());
  } else {
    // All studies of a server may be other people's: the one that was named.
    StudyCopy copy = copy_of(*study.storage, study.id);
    put_to_rest(copy);
    write_database(copy, file.temporary());
  }
  file.put_in_place();
  fmt::print("Backed up {} in {}\n", masked_url(study.url), options.file);
  return kDone;
}

}  // namespace

void add_backup_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("backup", "Copy a store to a file, while trials run in it");
  auto options = std::make_shared<BackupOptions>();
  add_study_argument(*command, options->study);
  command->get_option("STUDY")->required();
  command->add_option("FILE", options->file, "The copy, a SQLite database")
      ->required()
      ->type_name("");
  command->add_flag("--force", options->force, "Replace a file of that name");
  command->footer(
      "Of a PostgreSQL store, the chosen study is copied.\n"
      "\n"
      "Examples:\n"
      "  hypertune backup runs/my-study backup.db\n"
      "  hypertune backup runs/my-study backup.db --force");
  command->callback([options, &call] { call.action = [options] { return back_up(*options); }; });
}

}  // namespace hypertune
