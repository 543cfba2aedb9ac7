// Writes a study's report: text, figures and the table of trials.
#include "hypertune/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <system_error>

#include "base/files.h"
#include "hypertune/error.h"
#include "report/gnuplot.h"
#include "report/importance_section.h"
#include "report/sections.h"
#include "report/study_figures.h"
#include "report/trials_csv.h"

namespace hypertune {
namespace {

struct Figures {
  std::vector<Illustration> illustrations;
  std::vector<std::filesystem::path> files;
  std::string warning;
};

/// All figures or none, so that a report never shows some that are older than its text. One gnuplot
/// for each image, all at the same time: they are at most twice as many as kFigureNames.
Figures draw(const std::vector<Plot>& plots, const std::filesystem::path& folder) {
  const auto start = [](const Plot& plot, ImageFormat format) {
    return std::async(std::launch::async,
                      [script = gnuplot_script(plot, format)] { return run_gnuplot(script); });
  };
  struct Drawn {
    std::future<std::string> svg, png;
  };
  Figures figures;
  std::vector<std::pair<std::filesystem::path, std::string>> images;
  try {
    std::vector<Drawn> drawn;
    drawn.reserve(plots.size());
    for (const Plot& plot : plots) {
      drawn.push_back({start(plot, ImageFormat::Svg), start(plot, ImageFormat::Png)});
    }
    for (std::size_t i = 0; i < plots.size(); ++i) {
      const Plot& plot = plots[i];
      std::string svg = drawn[i].svg.get();
      images.emplace_back(folder / (plot.name + ".svg"), svg);
      images.emplace_back(folder / (plot.name + ".png"), drawn[i].png.get());
      figures.illustrations.push_back({plot.name, plot.caption, std::move(svg)});
    }
  } catch (const Error& error) {
    return {{}, {}, error.what()};
  }
  for (const auto& [file, content] : images) {
    write_file(file, content);
    figures.files.push_back(file);
  }
  return figures;
}

/// Removes the figures of an earlier report that this one does not have, and the folder when
/// nothing else is in it.
void remove_other_figures(const std::filesystem::path& folder,
                          std::span<const std::filesystem::path> files) {
  std::error_code ignored;  // what cannot be removed is not named by the report
  std::vector<std::string_view> names(kFigureNames.begin(), kFigureNames.end());
  names.push_back(kImportanceFigureName);
  for (const std::string_view name : names) {
    for (const char* ending : {".svg", ".png"}) {
      const std::filesystem::path file = folder / (std::string(name) + ending);
      if (std::ranges::find(files, file) == files.end()) std::filesystem::remove(file, ignored);
    }
  }
  std::filesystem::remove(folder, ignored);
}

}  // namespace

ReportSummary write_report(const Storage& storage, StudyId id, const std::filesystem::path& folder,
                           const ReportOptions& options) {
  const StudyView study = view_study(storage, id);
  ReportSummary summary;
  if (study.experiment) {
    for (const StatedClaim& stated : study.experiment->claims) {
      summary.judgements.push_back(judge(stated.claim, study.spec.space, study.trials));
    }
  }
  Figures figures;
  std::vector<Plot> plots = study_figures(study);
  const std::optional<Importance> importance = importance_for_report(study);
  const std::optional<Plot> bars = importance ? importance_plot(*importance) : std::nullopt;
  if (bars) plots.push_back(*bars);
  if (options.figures) figures = draw(plots, folder / "figures");
  summary.warning = figures.warning;
  std::optional<Illustration> bars_drawn;  // the last figure stands in a section of its own
  if (bars && !figures.illustrations.empty()) {
    bars_drawn = std::move(figures.illustrations.back());
    bars_drawn->caption = fmt::format("Figure {}. {}", plots.size(), bars_drawn->caption);
    figures.illustrations.pop_back();
  }

  Document document{
      .title = report_title(study),
      .sections = {hypothesis_section(study), methodology_section(study),
                   results_section(study, std::move(figures.illustrations), summary.warning)}};
  if (importance) {
    document.sections.push_back(importance_section(*importance, std::move(bars_drawn)));
  }
  for (Section& section : std::vector{conclusion_section(study, summary.judgements),
                                      limits_section(study), reproduction_section(study)}) {
    document.sections.push_back(std::move(section));
  }
  const auto write = [&](const char* name, const std::string& content) {
    write_file(folder / name, content);
    summary.files.push_back(folder / name);
  };
  write("report.md", to_markdown(document));
  write("report.html", to_html(document));
  write("trials.csv", trials_csv(study.spec, study.trials));
  remove_other_figures(folder / "figures", figures.files);
  summary.files.insert(summary.files.end(), figures.files.begin(), figures.files.end());
  return summary;
}

}  // namespace hypertune
