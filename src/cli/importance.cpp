// `hypertune importance`: which parameters matter for a metric.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/stored_study.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "hypertune/error.h"
#include "report/importance_section.h"
#include "report/trials_csv.h"

namespace hypertune {
namespace {

constexpr int kBarColumns = 20;
/// More pairs than these matter to nobody; --csv and --json have all.
constexpr std::size_t kShownPairs = 10;

struct Method {
  const char* name;
  ImportanceMethod method;
};
constexpr std::array<Method, 2> kMethods = {
    {{"fanova", ImportanceMethod::Fanova}, {"ped-anova", ImportanceMethod::PedAnova}}};

struct ImportanceArguments {
  StudyArgument study;
  std::string method = kMethods[0].name;
  std::string metric;
  bool interactions = false;
  bool csv = false;
  bool json = false;
};

ImportanceMethod method_of(const std::string& name) {
  for (const Method& known : kMethods) {
    if (name == known.name) return known.method;
  }
  throw ConfigError(fmt::format("--method {}: it must be fanova or ped-anova", name));
}

Json share_json(const ImportanceShare& share) {
  const auto number = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json();
  };
  return {{"importance", number(share.share)},
          {"low", number(share.low)},
          {"high", number(share.high)},
          {"n", share.n}};
}

void print_json(const Importance& importance) {
  Json parameters = Json::array();
  for (const ParameterImportance& parameter : importance.parameters) {
    parameters.push_back(share_json(parameter.share));
    parameters.back()["name"] = parameter.name;
  }
  Json interactions = Json::array();
  for (const InteractionImportance& pair : importance.interactions) {
    interactions.push_back(share_json(pair.share));
    interactions.back()["names"] = {pair.first, pair.second};
  }
  fmt::print("{}",
             json_line({{"metric", importance.metric},
                        {"method", to_string(importance.method)},
                        {"trials", importance.trials},
                        {"explained", importance.explained ? Json(*importance.explained) : Json()},
                        {"parameters", parameters},
                        {"interactions", interactions},
                        {"notes", importance_notes(importance)}}));
}

void print_csv(const Importance& importance) {
  const auto print_row = [](const std::string& name, const std::string& with,
                            const ImportanceShare& share) {
    const auto number = [](const std::optional<double>& value) {
      return value ? format_number(*value) : "";
    };
    fmt::print("{}", csv_line({name, with, number(share.share), number(share.low),
                               number(share.high), std::to_string(share.n)}));
  };
  fmt::print("{}", csv_line({"parameter", "with", "importance", "low", "high", "n"}));
  for (const auto& [name, share] : importance.parameters) print_row(name, "", share);
  for (const auto& [first, second, share] : importance.interactions) {
    print_row(first, second, share);
  }
}

std::string bar(double share) {
  const auto columns = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarColumns));
  std::string text;
  for (int i = 0; i < columns; ++i) text += terminal_style().utf8 ? "█" : "#";
  return text;
}

/// `first` says what the rows are of.
std::vector<TableRow> header(const Importance& importance, const char* first) {
  TableRow row = {first, "importance", ""};
  if (importance.method == ImportanceMethod::Fanova) row.emplace_back("nine tenths of trees");
  row.emplace_back("trials");
  return {row};
}

void add_row(std::vector<TableRow>& rows, const Importance& importance, const std::string& name,
             const ImportanceShare& share) {
  TableRow row = {name, format_share(share.share), share.share ? bar(*share.share) : "(too few)"};
  if (importance.method == ImportanceMethod::Fanova) row.push_back(format_spread(share));
  row.push_back(std::to_string(share.n));
  rows.push_back(std::move(row));
}

void print_tables(const Importance& importance) {
  fmt::print("importance for {} by {}, from {}\n\n", importance.metric,
             to_string(importance.method), count_of(importance.trials, "complete trial"));
  std::vector<TableRow> rows = header(importance, "parameter");
  for (const auto& [name, share] : importance.parameters) add_row(rows, importance, name, share);
  fmt::print("{}\n", format_table(rows, "  "));
  if (!importance.interactions.empty()) {
    rows = header(importance, "pair");
    for (std::size_t i = 0; i < std::min(kShownPairs, importance.interactions.size()); ++i) {
      const InteractionImportance& pair = importance.interactions[i];
      add_row(rows, importance, pair.first + " x " + pair.second, pair.share);
    }
    fmt::print("{}\n", format_table(rows, "  "));
  }
  for (const std::string& note : importance_notes(importance)) fmt::print("{}\n", note);
}

int print_importance(const ImportanceArguments& arguments) {
  const ImportanceOptions options{.method = method_of(arguments.method),
                                  .metric = arguments.metric,
                                  .interactions = arguments.interactions};
  if (options.interactions && options.method != ImportanceMethod::Fanova) {
    throw ConfigError("--interactions: only fanova knows pairs; leave --method out");
  }
  const StoredStudy study = open_stored_study(arguments.study);
  const Importance importance =
      judge_importance(study.spec, study.storage->trials(study.id), options);
  if (arguments.json) {
    print_json(importance);
  } else if (arguments.csv) {
    print_csv(importance);
  } else {
    print_tables(importance);
  }
  return kDone;
}

}  // namespace

void add_importance_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("importance", "Say which parameters matter for the result of a study");
  auto arguments = std::make_shared<ImportanceArguments>();
  add_study_argument(*command, arguments->study);
  command
      ->add_option("--method", arguments->method,
                   "By the variance a parameter causes (the default), or by where good trials lie")
      ->type_name("{fanova,ped-anova}");
  command
      ->add_option("--metric", arguments->metric,
                   "Metric of the final results (default: the first objective)")
      ->type_name("METRIC");
  command->add_flag("--interactions", arguments->interactions,
                    "Pairs of parameters too: what they cause together and neither alone");
  CLI::Option* csv =
      command->add_flag("--csv", arguments->csv, "Comma-separated values, numbers in full");
  command->add_flag("--json", arguments->json, "One JSON object, numbers in full")->excludes(csv);
  command->footer(
      "Examples:\n"
      "  hypertune importance runs/my-study\n"
      "  hypertune importance study.toml --method ped-anova --metric latency_ms\n"
      "  hypertune importance runs/my-study --interactions --csv > importance.csv");
  command->callback(
      [arguments, &call] { call.action = [arguments] { return print_importance(*arguments); }; });
}

}  // namespace hypertune
