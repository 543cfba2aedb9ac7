// `hypertune report`: writes the report of a study anew, from what is stored alone.
#include <fmt/format.h>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/stored_study.h"
#include "cli/verdicts.h"

namespace hypertune {
namespace {

struct ReportArguments {
  StudyArgument study;
  std::string out;
  bool no_figures = false;
};

int rewrite_report(const ReportArguments& options) {
  const StoredStudy study = open_stored_study(options.study);
  const std::filesystem::path folder =
      options.out.empty() ? study.folder : std::filesystem::path(options.out);
  const ReportSummary summary =
      write_report(*study.storage, study.id, folder, {.figures = !options.no_figures});
  print_verdicts(summary, folder);
  return kDone;
}

}  // namespace

void add_report_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("report", "Write the report of a study anew, from what is stored");
  auto options = std::make_shared<ReportArguments>();
  add_study_argument(*command, options->study);
  command->add_option("--out", options->out, "Folder for the report (default: beside the database)")
      ->type_name("DIR");
  command->add_flag("--no-figures", options->no_figures, "Leave the figures out");
  command->footer(
      "Examples:\n"
      "  hypertune report runs/my-study\n"
      "  hypertune report study.db --out /tmp/report");
  command->callback(
      [options, &call] { call.action = [options] { return rewrite_report(*options); }; });
}

}  // namespace hypertune
