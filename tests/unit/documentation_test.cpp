// What the documentation shows is true: links lead somewhere, examples and commands are accepted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "base/files.h"
#include "support/markdown.h"
#include "support/source_tree.h"

namespace hypertune::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path kRoot = HYPERTUNE_SOURCE_DIR;

/// Pages that are kept as the output of a test.
bool is_golden(const std::string& path) { return path.starts_with("tests/"); }

std::vector<SourceFile> pages() {
  std::vector<SourceFile> found;
  for (SourceFile& file : source_tree(kRoot)) {
    if (file.path.ends_with(".md") && !is_golden(file.path)) found.push_back(std::move(file));
  }
  return found;
}

/// What the parts of study files that pages show are parts of.
constexpr std::string_view kWhole = R"(
[study]
name       = "shown"
objectives = [{ metric = "val_accuracy", direction = "maximize" }]
[space]
batch_norm    = { grid = [true, false] }
learning_rate = { float = [1e-4, 1e-1], log = true }
[tune]
paired = true
)";

/// Pages whose study files and programs are to be complete and right.
bool is_for_users(const std::string& path) {
  return path == "README.md" || path.starts_with("docs/guide/");
}

struct Ran {
  int status = 0;
  std::string output;
};

/// Runs the program with arguments that need no quoting but the blanks in paths.
Ran run_program(const std::string& arguments) {
  const std::string command = "'" HYPERTUNE_PROGRAM "' " + arguments + " 2>&1 </dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"),
                                                   [](FILE*) { return 0; });
  Ran ran;
  char buffer[4096];
  while (const auto n = fread(buffer, 1, sizeof buffer, pipe.get())) ran.output.append(buffer, n);
  ran.status = pclose(pipe.get());
  return ran;
}

std::string place(const SourceFile& page, const CodeBlock& block) {
  return page.path + ":" + std::to_string(block.line);
}

/// Empty, or what is wrong with the link of the page.
std::string fault_of_link(const SourceFile& page, const std::string& link) {
  const auto hash = link.find('#');
  const std::string target = link.substr(0, hash);
  const fs::path file =
      target.empty() ? kRoot / page.path : kRoot / fs::path(page.path).parent_path() / target;
  if (!fs::exists(file)) return page.path + ": the link " + link + " leads nowhere";
  if (hash == std::string::npos || file.extension() != ".md") return {};
  const auto known = anchors(read_file(file));
  const bool found = std::ranges::find(known, link.substr(hash + 1)) != known.end();
  return found ? std::string() : page.path + ": no heading for the link " + link;
}

/// What `hypertune COMMAND --help` prints.
const std::string& help_of(const std::string& command) {
  static std::map<std::string, std::string> known;
  auto [help, is_new] = known.try_emplace(command);
  if (is_new) help->second = run_program(command + "--help").output;
  return help->second;
}

/// Empty, or what is wrong with the command line.
std::string fault_of_command(const std::vector<std::string>& arguments) {
  std::string command;
  std::string help = help_of("");
  for (const std::string& word : arguments) {
    const bool subcommand =
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos &&
        !word.starts_with("-") && help.find("\n  " + word + " ") != std::string::npos;
    if (!subcommand) break;
    command += word + " ";
    help = help_of(command);
  }
  if (command.empty() && !arguments.empty() && !arguments[0].starts_with("-")) {
    return "there is no command " + arguments[0];
  }
  for (const std::string& word : arguments) {
    if (!word.starts_with("--")) continue;
    const std::string option = word.substr(0, word.find('='));
    if (help.find(option) == std::string::npos) return command + "has no option " + option;
  }
  return {};
}

TEST(Documentation, EveryLinkLeadsSomewhere) {
  for (const SourceFile& page : pages()) {
    for (const std::string& link : local_links(page.text)) EXPECT_EQ(fault_of_link(page, link), "");
  }
}

TEST(Documentation, EveryStudyFileShownIsValid) {
  const fs::path file =
      fs::path(::testing::TempDir()) / ("shown-" + std::to_string(getpid()) + ".toml");
  for (const SourceFile& page : pages()) {
    if (!is_for_users(page.path)) continue;
    for (const CodeBlock& block : code_blocks(page.text)) {
      if (block.language != "toml") continue;
      write_file(file, complete_study_file(block.text, kWhole));
      const Ran ran = run_program("check --no-probe '" + file.string() + "'");
      // A file for a cluster is valid, but there is no store here that its workers could share.
      const bool wants_store = ran.output.find("use PostgreSQL: --storage") != std::string::npos;
      EXPECT_TRUE(ran.status == 0 || wants_store) << place(page, block) << "\n" << ran.output;
    }
  }
  fs::remove(file);
}

TEST(Documentation, EveryCommandShownExistsWithItsOptions) {
  for (const SourceFile& page : pages()) {
    for (const CodeBlock& block : code_blocks(page.text)) {
      if (block.language != "sh" && block.language != "console") continue;
      for (const auto& arguments : hypertune_commands(block.text)) {
        EXPECT_EQ(fault_of_command(arguments), "") << place(page, block);
      }
    }
  }
}

TEST(Documentation, EveryMakeTargetShownExists) {
  const std::string makefile = "\n" + read_file(kRoot / "Makefile");
  for (const SourceFile& page : pages()) {
    for (const CodeBlock& block : code_blocks(page.text)) {
      for (const std::string& line : lines_of(block.text)) {
        const std::string command = line.starts_with("$ ") ? line.substr(2) : line;
        if (!command.starts_with("make ")) continue;
        const std::string target = command.substr(5, command.find(' ', 5) - 5);
        EXPECT_THAT(makefile, HasSubstr("\n" + target + ":")) << place(page, block);
      }
    }
  }
}

TEST(Documentation, EveryProgramShownIsAnExcerptOfAnExample) {
  std::vector<SourceFile> examples;
  for (SourceFile& file : source_tree(kRoot)) {
    if (file.path.starts_with("examples/")) examples.push_back(std::move(file));
  }
  for (const SourceFile& page : pages()) {
    if (!is_for_users(page.path)) continue;
    for (const CodeBlock& block : code_blocks(page.text)) {
      if (block.language != "cpp" && block.language != "cmake") continue;
      EXPECT_TRUE(std::ranges::any_of(
          examples,
          [&](const SourceFile& example) { return is_excerpt(block.text, example.text); }))
          << place(page, block) << ": no example contains these lines";
    }
  }
}

TEST(Documentation, FaultsOfLinksAndCommandsAreFound) {
  const SourceFile page{"docs/guide/x.md", "# Some Title\n"};
  EXPECT_THAT(fault_of_link(page, "no-such-page.md"), HasSubstr("leads nowhere"));
  EXPECT_EQ(fault_of_link(page, "../../LICENSE"), "");
  EXPECT_THAT(fault_of_command({"rum", "x.toml"}), HasSubstr("no command rum"));
  EXPECT_THAT(fault_of_command({"run", "--no-such-option"}), HasSubstr("no option"));
}

TEST(Documentation, MarkdownIsReadAsWritten) {
  const std::string page =
      "# A Page: it's `x`\n[a](b.md) [c](https://d) `[e](f.md)`\n```toml\n[g](h.md)\n```\n";
  EXPECT_THAT(local_links(page), ElementsAre("b.md"));
  EXPECT_THAT(anchors(page), ElementsAre("a-page-its-x"));
  const auto blocks = code_blocks(page);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].language, "toml");
  EXPECT_EQ(blocks[0].line, 4);
  EXPECT_EQ(blocks[0].text, "[g](h.md)\n");
  EXPECT_THAT(hypertune_commands("$ hypertune run \\\n  a.toml # now\nls | hypertune\n"),
              ElementsAre(ElementsAre("run", "a.toml")));
}

TEST(Documentation, PartsOfStudyFilesReplaceTheSectionsTheyShow) {
  EXPECT_EQ(complete_study_file("[tune]\nx = 1\n", "[study]\na = 1\n[tune]\nx = 2\n"),
            "[study]\na = 1\n[tune]\nx = 1\n");
  EXPECT_EQ(complete_study_file("[space]\n", "[space]\nx = 2\n[[experiment.claims]]\n"),
            "[space]\n");
}

TEST(Documentation, AnExcerptMayBeIndentedOtherwiseButHasTheSameLines) {
  EXPECT_TRUE(is_excerpt("\na();\n  b();\n", "x();\n  a();\n    b();\nc();\n"));
  EXPECT_FALSE(is_excerpt("a();\nc();\n", "a();\nb();\nc();\n"));
}

}  // namespace
}  // namespace hypertune::testing
