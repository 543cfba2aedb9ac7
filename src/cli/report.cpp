// `hypertune report`: writes the report of a study anew, from what is stored alone.
#include <fmt/format.h>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/report_step.h"
#include "cli/stored_study.h"
#include "cli/verdicts.h"

namespace hypertune {
namespace {

struct ReportArguments {
  StudyArgument study;
  std::vector<std::string> values;
  std::string out;
  bool no_figures = false;
  bool result = false;
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

int report(const ReportArguments& options) {
  if (!options.result && options.values.empty() && !is_metric_argument(options.study.where)) {
    return rewrite_report(options);
  }
  std::vector<std::string> words = options.values;
  if (!options.study.where.empty()) words.insert(words.begin(), options.study.where);
  return report_step(words, options.result ? ReportKind::Result : ReportKind::Step);
}

}  // namespace

void add_report_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("report", "Write the report of a study anew; in a trial, report a step");
  auto options = std::make_shared<ReportArguments>();
  add_study_argument(*command, options->study);
  command
      ->add_option("VALUES", options->values,
                   "Inside a trial, in place of a study: name=number, and step=N")
      ->type_name("");
  command->add_flag("--result", options->result, "Inside a trial: the numbers are its result");
  command->add_option("--out", options->out, "Folder for the report (default: beside the database)")
      ->type_name("DIR");
  command->add_flag("--no-figures", options->no_figures, "Leave the figures out");
  command->footer(
      "Examples:\n"
      "  hypertune report runs/my-study\n"
      "  hypertune report study.db --out /tmp/report\n"
      "  hypertune report step=3 val_loss=0.21\n"
      "  hypertune report --result val_accuracy=0.9");
  command->callback([options, &call] { call.action = [options] { return report(*options); }; });
}

}  // namespace hypertune
