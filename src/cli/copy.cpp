// `hypertune copy`: a study from one store to another.
#include <fmt/format.h>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/stored_study.h"
#include "cli/study_target.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

struct CopyOptions {
  StudyArgument from;
  std::string to;
  std::string as;
};

int copy(const CopyOptions& options) {
  const StoredStudy study = open_stored_study(options.from);
  StudyCopy copy = copy_of(*study.storage, study.id);
  const int rested = put_to_rest(copy);
  if (!options.as.empty()) copy.spec.name = options.as;
  const std::string store = store_named(options.to);
  put_study(copy, store);
  fmt::print("Copied study \"{}\" with {} to {}\n", copy.spec.name, trials_text(copy, rested),
             masked_url(store));
  return kDone;
}

}  // namespace

void add_copy_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand("copy", "Copy a study from one store to another");
  auto options = std::make_shared<CopyOptions>();
  add_study_argument(*command, options->from);
  command->get_option("STUDY")->required();
  command->add_option("TO", options->to, "URL of a store, database, or folder for a study.db")
      ->required()
      ->type_name("");
  command->add_option("--as", options->as, "Name of the copy (default: the study's)")
      ->type_name("NAME");
  command->footer(
      "Trials that run or pause wait in the copy, and begin anew there. A study of the same name\n"
      "is never changed.\n"
      "\n"
      "Examples:\n"
      "  hypertune copy runs/my-study postgresql://me@host/studies\n"
      "  hypertune copy runs/my-study results/all.db --as second-try");
  command->callback([options, &call] { call.action = [options] { return copy(*options); }; });
}

}  // namespace hypertune
