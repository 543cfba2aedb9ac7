// The tree of commands: every command explains itself and has its place in the reference page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/command_tree.h"

namespace hypertune {
namespace {

using testing::HasSubstr;

class CommandTree : public testing::Test {
 protected:
  Invocation call_;
  std::unique_ptr<CLI::App> app_ = make_app(call_);
  CommandInfo root_ = describe(*app_);
};

TEST_F(CommandTree, EveryCommandHasAnExampleThatNamesIt) {
  EXPECT_GE(flatten(root_).size(), 12U);
  for (const CommandInfo* command : flatten(root_)) {
    const std::string name = join(command->path, " ");
    EXPECT_THAT(command->footer, HasSubstr("Examples:\n  ")) << name;
    EXPECT_THAT(command->footer, HasSubstr(name)) << name;
  }
}

TEST_F(CommandTree, EveryHelpTextIsALineWithoutItsFullStop) {
  for (const CommandInfo* command : flatten(root_)) {
    for (const OptionInfo& option : command->options) {
      EXPECT_FALSE(option.help.empty()) << option.names.front();
      EXPECT_FALSE(option.help.ends_with('.')) << option.help;
      EXPECT_THAT(option.help, testing::Not(HasSubstr("\n")));
    }
  }
}

/// The part of the page under `## title`.
std::string section_of(const std::string& page, const std::string& title) {
  const std::string heading = "\n## `" + title + "`\n";
  const std::size_t begin = page.find(heading);
  if (begin == std::string::npos) return {};
  const std::size_t body = begin + heading.size();
  const std::size_t end = page.find("\n## ", body - 1);
  return page.substr(body, end == std::string::npos ? end : end - body);
}

TEST_F(CommandTree, EveryCommandAndOptionIsInTheReferencePageWithAnExample) {
  const std::string page = read_file(HYPERTUNE_SOURCE_DIR "/docs/reference/cli.md");
  for (const CommandInfo* command : flatten(root_)) {
    const std::string name = join(command->path, " ");
    const std::string section = section_of(page, name);
    ASSERT_FALSE(section.empty()) << "no section for " << name;
    EXPECT_THAT(section, HasSubstr("```")) << "no example of " << name;
    for (const OptionInfo& option : command->options) {
      if (option.names.back() == "--help") continue;  // said once for all
      EXPECT_THAT(section, HasSubstr("`" + option.names.back())) << name;
    }
  }
}

/// Every `hypertune ...` line of the page's examples must be one that the program takes.
TEST_F(CommandTree, EveryCommandLineInTheReferencePageIsAccepted) {
  int checked = 0;
  const std::string page = read_file(HYPERTUNE_SOURCE_DIR "/docs/reference/cli.md");
  for (const std::string& line : split(page, '\n')) {
    if (!line.starts_with("hypertune ") || line.ends_with("--version")) continue;
    Invocation call;
    const auto app = make_app(call);
    const std::string command = line.substr(0, line.find_first_of("#>|"));
    EXPECT_NO_THROW(app->parse(command.substr(command.find(' ') + 1))) << line;
    EXPECT_TRUE(call.action) << line;
    ++checked;
  }
  EXPECT_GE(checked, 15);
}

}  // namespace
}  // namespace hypertune
