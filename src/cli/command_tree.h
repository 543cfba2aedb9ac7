// The tree of commands as data: what help texts, man page and completions are made from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hypertune {

struct OptionInfo {
  std::vector<std::string> names;  ///< with dashes; a positional argument's name alone
  bool positional = false;
  bool required = false;
  std::string value;                 ///< placeholder of its value; empty for a flag
  std::vector<std::string> choices;  ///< legal values, where there are few
  std::string help;
};

struct CommandInfo {
  std::vector<std::string> path;  ///< `hypertune`, `data`, `show`
  std::string help;
  std::string footer;  ///< remarks and examples
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> children;
};

CommandInfo describe(const CLI::App& app);

/// The command and all below it, parents first.
std::vector<const CommandInfo*> flatten(const CommandInfo& command);

}  // namespace hypertune
