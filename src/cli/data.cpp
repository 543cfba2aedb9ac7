// `hypertune data`: which data sets there are, getting them, looking at them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cli/app.h"
#include "cli/download_bar.h"
#include "cli/exit_code.h"
#include "cli/sample_picture.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "train/datasets.h"

namespace hypertune {
namespace {

constexpr int kCountBarColumns = 30;
constexpr int kDefaultSamples = 3;
constexpr int kMaxSamples = 100;
constexpr std::uint64_t kShowSeed = 0;

struct ShowOptions {
  std::string name;
  int samples = kDefaultSamples;
};

int list_data() {
  std::vector<TableRow> rows;
  for (const std::string& name : dataset_names()) {
    const DatasetInfo info = dataset_info(name);
    rows.push_back({name, info.found ? info.found->string() : "not here", info.description});
  }
  fmt::print("{}", format_table(rows));
  return kDone;
}

int fetch_data(const std::string& name) {
  dataset_info(name);  // an unknown name is an error of its own
  DownloadBar bar(STDERR_FILENO);
  const std::filesystem::path place = fetch_dataset(name, bar.callback());
  fmt::print("{}: {}\n", name, place.string());
  return kDone;
}

std::string shape_text(const SampleShape& shape) {
  if (shape.height > 1) return fmt::format("{} x {} pixels", shape.height, shape.width);
  return fmt::format("{} steps of {}", shape.width, count_of(shape.channels, "channel"));
}

void print_classes(const Dataset& data) {
  std::vector<int> counts(data.classes.size(), 0);
  for (const int label : data.labels) ++counts[static_cast<std::size_t>(label)];
  const int largest = *std::max_element(counts.begin(), counts.end());
  std::vector<TableRow> rows;
  for (std::size_t label = 0; label < counts.size(); ++label) {
    const int bar = largest > 0 ? counts[label] * kCountBarColumns / largest : 0;
    rows.push_back({std::to_string(label), data.classes[label], std::to_string(counts[label]),
                    std::string(static_cast<std::size_t>(bar), '#')});
  }
  fmt::print("{}", format_table(rows, "  "));
}

int show_data(const ShowOptions& options) {
  DownloadBar bar(STDERR_FILENO);
  const Dataset data = load_dataset(options.name, {.max_samples = kAllSamples}, bar.callback());
  fmt::print("{}: {}, {} classes, {}\n", data.name, count_of(data.size(), "sample"),
             data.classes.size(), shape_text(data.shape));
  if (!data.users.empty()) fmt::print("  from {}\n", count_of(std::ssize(data.users), "user"));
  fmt::print("  {}\n  sha256 {}\n", data.source, data.sha256);
  if (!data.note.empty()) fmt::print("  {}\n", data.note);
  print_classes(data);
  const bool utf8 = terminal_style().utf8;
  const auto count = std::min<std::int64_t>(options.samples, data.size());
  for (const std::int64_t index : random_subset(data.size(), count, kShowSeed, "show")) {
    const auto label = static_cast<std::size_t>(data.labels[static_cast<std::size_t>(index)]);
    fmt::print("sample {}: {}\n{}", index, data.classes[label], draw_sample(data, index, utf8));
  }
  return kDone;
}

/// The argument that names a data set; the names are offered by completions.
void add_name(CLI::App& command, std::string& name) {
  command.add_option("NAME", name, "Data set")
      ->required()
      ->type_name("{" + join(dataset_names(), ",") + "}");
}

}  // namespace

void add_data_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand("data", "List, fetch and show data sets");
  command->footer(
      "Data sets are looked for in the folders of HYPERTUNE_DATA_PATH, the system's folders and\n"
      "the user's cache, then downloaded into the cache.\n"
      "\n"
      "Examples:\n"
      "  hypertune data list\n"
      "  hypertune data show fashion-mnist");

  CLI::App* list = command->add_subcommand("list", "List the data sets and where they are");
  list->footer("Examples:\n  hypertune data list");
  list->callback([&call] { call.action = list_data; });

  CLI::App* fetch =
      command->add_subcommand("fetch", "Get a data set, if need be by download, and verify it");
  auto fetched = std::make_shared<std::string>();
  add_name(*fetch, *fetched);
  fetch->footer("Examples:\n  hypertune data fetch gestures");
  fetch->callback([fetched, &call] { call.action = [fetched] { return fetch_data(*fetched); }; });

  CLI::App* show =
      command->add_subcommand("show", "Print the counts by class and draw a few samples");
  auto shown = std::make_shared<ShowOptions>();
  add_name(*show, shown->name);
  show->add_option("--samples", shown->samples,
                   fmt::format("How many to draw (default: {})", kDefaultSamples))
      ->type_name("N")
      ->check(CLI::Range(0, kMaxSamples));
  show->footer("Examples:\n  hypertune data show gestures --samples 5");
  show->callback([shown, &call] { call.action = [shown] { return show_data(*shown); }; });
}

}  // namespace hypertune
