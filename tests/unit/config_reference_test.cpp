// The reference page of study files lists every key, with its true default, and its examples parse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "base/files.h"
#include "base/text.h"
#include "config/study_file.h"
#include "support/markdown.h"

namespace hypertune {
namespace {

using ::testing::ElementsAreArray;
using ::testing::UnorderedElementsAreArray;

const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n";

std::string page() {
  return read_file(std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "docs/reference/config.md");
}

/// The content between backquotes; empty when the cell is something else.
std::string code(std::string_view cell) {
  cell = trim(cell);
  if (cell.size() < 2 || cell.front() != '`' || cell.back() != '`') return {};
  return std::string(cell.substr(1, cell.size() - 2));
}

struct Row {
  std::string key;
  std::string default_value;  ///< as TOML; empty when the page shows none
};

/// Rows of the tables whose first cell is code, by the heading above them.
std::map<std::string, std::vector<Row>> tables() {
  std::map<std::string, std::vector<Row>> tables;
  std::string heading;
  for (const std::string& line : split(page(), '\n')) {
    if (line.starts_with("#")) heading = trim(line.substr(line.find(' ')));
    const std::vector<std::string> cells = split(line, '|');
    if (line.starts_with("| `") && cells.size() >= 4) {
      tables[heading].push_back({code(cells[1]), code(cells[3])});
    }
  }
  return tables;
}

std::vector<Row> table(const std::string& heading) { return tables().at(heading); }

/// The section as the page's defaults write it.
std::string section_of_defaults(const std::string& section) {
  std::string text = "[" + section + "]\n";
  for (const Row& row : table("`[" + section + "]`")) {
    if (row.key == "lag") continue;  // not set unless the file says so
    EXPECT_NE(row.default_value, "") << row.key;
    text += row.key + " = " + row.default_value + "\n";
  }
  return text;
}

TEST(ReferencePage, HasARowForEveryKeyAndNoOther) {
  std::map<std::string, std::vector<std::string>> keys;
  for (const std::string& key : study_file_keys()) {
    const std::size_t dot = key.find('.');
    const std::string section = key.substr(0, dot);
    const std::string rest = key.substr(dot + 1);
    keys["`[" + section + "]`"].push_back(rest.starts_with("NAME.") ? rest.substr(5) : rest);
  }
  const auto written = tables();
  for (const auto& [heading, expected] : keys) {
    SCOPED_TRACE(heading);
    ASSERT_TRUE(written.contains(heading));
    std::vector<std::string> rows;
    for (const Row& row : written.at(heading)) rows.push_back(row.key);
    EXPECT_THAT(rows, UnorderedElementsAreArray(expected));
  }
}

/// The heading of a table of options: Sampler `qmc`.
std::string heading_of(const AlgorithmOptions& algorithm) {
  std::string heading = algorithm.section + " `" + algorithm.name + "`";
  heading.front() = static_cast<char>(heading.front() - 'a' + 'A');
  return heading;
}

TEST(ReferencePage, HasATableOfOptionsForEveryAlgorithmAndTheirDefaults) {
  const auto written = tables();
  for (const AlgorithmOptions& algorithm : algorithm_options()) {
    const std::string heading = heading_of(algorithm);
    SCOPED_TRACE(heading);
    ASSERT_EQ(written.contains(heading), !algorithm.options.empty());
    if (algorithm.options.empty()) continue;
    std::map<std::string, std::string> expected;
    for (const OptionDefault& option : algorithm.options) expected[option.key] = option.value;
    std::map<std::string, std::string> shown;
    for (const Row& row : written.at(heading)) shown[row.key] = row.default_value;
    EXPECT_EQ(shown, expected);
  }
}

TEST(ReferencePage, HasNoTableOfOptionsForAnAlgorithmThatIsNotThere) {
  std::set<std::string> there;
  for (const AlgorithmOptions& algorithm : algorithm_options()) there.insert(heading_of(algorithm));
  for (const auto& [heading, rows] : tables()) {
    if (!heading.starts_with("Sampler ") && !heading.starts_with("Scheduler ")) continue;
    EXPECT_TRUE(there.contains(heading)) << heading;
  }
}

TEST(ReferencePage, NamesEveryAlgorithm) {
  const std::string text = page();
  for (const AlgorithmOptions& algorithm : algorithm_options()) {
    const std::string name = "`\"" + algorithm.name + "\"`";
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
}

TEST(ReferencePage, ListsTheMetricsOfTheTrainer) {
  std::vector<std::string> rows;
  for (const Row& row : table("Metrics")) rows.push_back(row.key);
  EXPECT_THAT(rows, ElementsAreArray(trainer_metrics()));
}

/// Every member; adding one to the struct breaks this line, and then the page needs a row.
auto members(const TrainerOptions& options) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa] =
      options;
  return std::tuple(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z,
                    aa);
}

TEST(ReferencePage, ShowsTheDefaultsOfTheTrainer) {
  const StudyFile file = parse_study_file(kStudy + section_of_defaults("trainer"), "page");
  EXPECT_EQ(members(file.trainer), members(TrainerOptions()));
}

TEST(ReferencePage, ShowsTheDefaultsOfTheOtherSections) {
  const StudyFile shown =
      parse_study_file(kStudy + section_of_defaults("tune") + section_of_defaults("sampler") +
                           section_of_defaults("scheduler"),
                       "page");
  const StudyFile plain = parse_study_file(kStudy, "page");
  EXPECT_EQ(to_string(shown.sampler), to_string(plain.sampler));
  EXPECT_EQ(to_string(shown.scheduler), to_string(plain.scheduler));
  EXPECT_EQ(shown.tune.num_samples, plain.tune.num_samples);
  EXPECT_EQ(shown.tune.paired, plain.tune.paired);
  EXPECT_EQ(shown.tune.workers, plain.tune.workers);
  EXPECT_EQ(plain.tune.lag, std::nullopt);
  EXPECT_EQ(shown.tune.max_attempts, plain.tune.max_attempts);
  EXPECT_EQ(shown.tune.lease, plain.tune.lease);
}

TEST(ReferencePage, ShowsExamplesThatAreValid) {
  int examples = 0;
  for (const testing::CodeBlock& block : testing::code_blocks(page())) {
    if (block.language != "toml") continue;
    ++examples;
    const bool is_whole = block.text.find("[study]") != std::string::npos;
    EXPECT_NO_THROW(parse_study_file((is_whole ? "" : kStudy) + block.text, "page"))
        << "the example on line " << block.line;
  }
  EXPECT_GE(examples, 6);
}

TEST(ReferencePage, ShowsOverridesThatAreValid) {
  Overrides overrides;
  for (const Row& row : table("Overrides")) {
    std::string text = row.key.substr(std::string("--set ").size());
    std::erase(text, '\'');
    overrides.push_back(text);
  }
  EXPECT_EQ(overrides.size(), 5U);
  const StudyFile file = parse_study_file(kStudy, "page", overrides);
  EXPECT_EQ(file.tune.workers, 4);
  EXPECT_EQ(file.trainer.optimizer, "sgd");
  EXPECT_EQ(file.spec.space.parameters().size(), 1U);
}

}  // namespace
}  // namespace hypertune
