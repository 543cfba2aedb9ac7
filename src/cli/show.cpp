// `hypertune show`: figures of a study.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/stored_study.h"
#include "cli/table.h"
#include "hypertune/error.h"
#include "report/figures/figure.h"
#include "report/gnuplot.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr const char* kAll = "all";

struct ShowFigureOptions {
  std::string figure;
  StudyArgument study;
  std::vector<std::string> with;
  std::string metric;
  std::string params;
  std::string out;
};

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const FigureKind& kind : figure_kinds()) names.emplace_back(kind.name);
  names.emplace_back(kAll);
  return names;
}

int list_figures() {
  std::vector<TableRow> rows;
  for (const FigureKind& kind : figure_kinds()) {
    rows.push_back({std::string(kind.name), std::string(kind.shows)});
  }
  rows.push_back({kAll, "every figure that the study has something for"});
  fmt::print("{}", format_table(rows));
  return kDone;
}

/// The kinds that are wanted. Throws ConfigError for an unknown name, and for options that say
/// nothing about the figure.
std::vector<const FigureKind*> wanted_kinds(const ShowFigureOptions& options) {
  std::vector<const FigureKind*> kinds;
  if (options.figure == kAll) {
    for (const FigureKind& kind : figure_kinds()) kinds.push_back(&kind);
    return kinds;
  }
  const FigureKind* kind = find_figure(options.figure);
  if (kind == nullptr) {
    const auto names = figure_names();
    throw ConfigError(fmt::format("there is no figure \"{}\"{}; there are {}", options.figure,
                                  did_you_mean(options.figure, names), join(names, ", ")));
  }
  const auto refuse = [&](const char* option, const char* why) {
    throw ConfigError(fmt::format("{}: the figure {} {}", option, kind->name, why));
  };
  const bool takes_params = kind->needs == FigureNeeds::MetricAndParams;
  const bool takes_metric = takes_params || kind->needs == FigureNeeds::Metric;
  if (!options.params.empty() && !takes_params) refuse("--params", "shows no parameters");
  if (!options.metric.empty() && !takes_metric) refuse("--metric", "is not of one metric");
  if (!options.with.empty() && kind->name != "edf") refuse("--with", "is of one study; edf is not");
  return {kind};
}

/// The metric that is drawn; empty when the study has no objective and none is named.
std::string chosen_metric(const StudyView& study, const std::string& wanted) {
  if (wanted.empty()) return study.metric();
  std::set<std::string> known;
  for (const TrialRecord& trial : study.trials) {
    for (const auto& [name, value] : trial.metrics) known.insert(name);
    for (const Report& report : trial.reports) {
      for (const auto& [name, value] : report.metrics) known.insert(name);
    }
  }
  if (known.contains(wanted)) return wanted;
  const std::vector<std::string> names(known.begin(), known.end());
  throw ConfigError(fmt::format("--metric {}: no trial has this metric{}; there are {}", wanted,
                                did_you_mean(wanted, names), join(names, ", ")));
}

std::vector<std::string> chosen_params(const StudyView& study, const std::string& wanted) {
  if (wanted.empty()) return {};
  std::vector<std::string> known;
  for (const Parameter& parameter : study.spec.space.parameters()) known.push_back(parameter.name);
  std::vector<std::string> params;
  for (const std::string& part : split(wanted, ',')) {
    const std::string name(trim(part));
    if (std::ranges::find(known, name) == known.end()) {
      throw ConfigError(fmt::format("--params {}: the study has no such parameter{}; there are {}",
                                    name, did_you_mean(name, known), join(known, ", ")));
    }
    if (std::ranges::find(params, name) == params.end()) params.push_back(name);
  }
  return params;
}

ImageFormat format_of(const fs::path& file) {
  if (file.extension() == ".svg") return ImageFormat::Svg;
  if (file.extension() == ".png") return ImageFormat::Png;
  throw ConfigError(fmt::format(
      "--out {}: the name of an image ends in .svg or .png (of several, --out is the folder)",
      file.string()));
}

/// Draws into the file, prints its name, and says what it shows.
void draw(const Plot& plot, const fs::path& file) {
  write_file(file, run_gnuplot(gnuplot_script(plot, format_of(file))));
  fmt::print("{}\n", file.string());
  print_notice(plot.caption + "\n");
}

int show_figures(const ShowFigureOptions& options) {
  if (options.figure.empty()) return list_figures();
  const auto kinds = wanted_kinds(options);
  const bool several = options.figure == kAll;
  if (!several && !options.out.empty()) format_of(options.out);
  const StoredStudy stored = open_stored_study(options.study);
  const StudyView study = view_study(*stored.storage, stored.id);
  std::vector<StudyView> others;
  for (const std::string& where : options.with) {
    const StoredStudy other = open_stored_study({.where = where, .name = {}});
    others.push_back(view_study(*other.storage, other.id));
  }
  const FigureInput input{.study = study,
                          .metric = chosen_metric(study, options.metric),
                          .params = chosen_params(study, options.params),
                          .others = others};
  const fs::path folder = several && !options.out.empty() ? fs::path(options.out) : stored.folder;
  int drawn = 0;
  for (const FigureKind* kind : kinds) {
    const bool needs_metric = kind->needs != FigureNeeds::Nothing;
    Figure figure{.why_not = "the study has no objective; name a metric with --metric"};
    if (!input.metric.empty() || !needs_metric) figure = kind->draw(input);
    if (!figure.plot) {
      const std::string why = fmt::format("study \"{}\" has no figure {}: {}", study.spec.name,
                                          kind->name, figure.why_not);
      if (!several) throw Error(why);
      print_notice(why + "\n");
      continue;
    }
    const bool named = !several && !options.out.empty();
    draw(*figure.plot, named ? fs::path(options.out) : folder / (figure.plot->name + ".svg"));
    ++drawn;
  }
  if (drawn == 0) {
    throw Error(fmt::format("study \"{}\" has nothing to show yet: run it first", study.spec.name));
  }
  return kDone;
}

}  // namespace

void add_show_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("show", "Draw a figure of a study; without arguments: list the figures");
  auto options = std::make_shared<ShowFigureOptions>();
  command->add_option("FIGURE", options->figure, "Which figure")
      ->type_name("{" + join(figure_names(), ",") + "}");
  add_study_argument(*command, options->study);
  command->add_option("--metric", options->metric, "Metric to draw (default: the first objective)")
      ->type_name("METRIC");
  command
      ->add_option("--params", options->params,
                   "Parameters to draw, separated by commas (default: those that matter most)")
      ->type_name("NAMES");
  command->add_option("--with", options->with, "Another study to compare with, for edf")
      ->type_name("STUDY")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--out", options->out,
                   "Image, SVG or PNG by its ending; of several figures, the folder (default: "
                   "beside the database)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  hypertune show history runs/my-study\n"
      "  hypertune show contour study.toml --params learning_rate,momentum --out contour.png\n"
      "  hypertune show edf runs/first --with runs/second\n"
      "  hypertune show all");
  command->callback(
      [options, &call] { call.action = [options] { return show_figures(*options); }; });
}

}  // namespace hypertune
