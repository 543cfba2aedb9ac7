// `hypertune completion`: scripts for shells, written from the tree of commands.
#include <fmt/format.h>

#include <array>

#include "base/shell_words.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/command_tree.h"
#include "cli/exit_code.h"

namespace hypertune {
namespace {

bool takes_folder(const OptionInfo& option) { return option.value == "DIR"; }
bool takes_file(const OptionInfo& option) {
  const std::string& name = option.names.front();
  return option.positional && (name == "FILE" || name == "STUDY");
}

std::string path_of(const CommandInfo& command) { return join(command.path, " "); }

/// Words that may stand where the command's name was just given.
std::vector<std::string> words_of(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const CommandInfo& child : command.children) words.push_back(child.path.back());
  for (const OptionInfo& option : command.options) {
    const auto& more = option.positional ? option.choices : option.names;
    words.insert(words.end(), more.begin(), more.end());
  }
  return words;
}

bool wants_file(const CommandInfo& command) {
  for (const OptionInfo& option : command.options) {
    if (option.positional && takes_file(option)) return true;
  }
  return false;
}

void print_bash(const CommandInfo& root) {
  fmt::print(
      "# Completion of hypertune for bash; put it where bash-completion looks, or source it.\n"
      "_hypertune() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local command=hypertune words= files= word\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case \"$command $word\" in\n");
  for (const CommandInfo* command : flatten(root)) {
    if (command == &root) continue;
    fmt::print("      {}) command+=\" $word\" ;;\n", in_single_quotes(path_of(*command)));
  }
  fmt::print("    esac\n  done\n  case \"$command $previous\" in\n");
  for (const CommandInfo* command : flatten(root)) {
    for (const OptionInfo& option : command->options) {
      if (option.positional || option.value.empty()) continue;
      for (const std::string& name : option.names) {
        fmt::print("    {}) {} return ;;\n", in_single_quotes(path_of(*command) + " " + name),
                   takes_folder(option) ? "mapfile -t COMPREPLY < <(compgen -d -- \"$current\");"
                                        : "COMPREPLY=();");
      }
    }
  }
  fmt::print("  esac\n  case \"$command\" in\n");
  for (const CommandInfo* command : flatten(root)) {
    fmt::print("    {}) words={}{} ;;\n", in_single_quotes(path_of(*command)),
               in_single_quotes(join(words_of(*command), " ")),
               wants_file(*command) ? " files=yes" : "");
  }
  fmt::print(
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  if [[ $files && $current != -* ]]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _hypertune hypertune\n");
}

/// A description within a specification of zsh's _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == ':' || character == '[' || character == ']' || character == '\\') out += '\\';
    out += character;
  }
  return out;
}

std::string zsh_action(const OptionInfo& option) {
  if (!option.choices.empty()) return "(" + join(option.choices, " ") + ")";
  if (takes_folder(option)) return "_files -/";
  return takes_file(option) ? "_files" : " ";
}

void print_zsh_function(const CommandInfo& command) {
  const std::string name = "_" + join(command.path, "_");
  fmt::print("{}() {{\n", name);
  if (command.children.empty()) {
    fmt::print("  _arguments -S");
  } else {
    fmt::print("  local line state\n  _arguments -C");
  }
  int position = 0;
  for (const OptionInfo& option : command.options) {
    if (option.positional) {
      const std::string spec = fmt::format("{}{}:{}:{}", ++position, option.required ? "" : ":",
                                           zsh_text(option.help), zsh_action(option));
      fmt::print(" \\\n    {}", in_single_quotes(spec));
      continue;
    }
    for (const std::string& word : option.names) {
      std::string spec = fmt::format("{}[{}]", word, zsh_text(option.help));
      if (!option.value.empty()) spec += fmt::format(":{}:{}", option.value, zsh_action(option));
      if (option.value == "KEY=VALUE") spec.insert(0, "*");  // may be repeated
      fmt::print(" \\\n    {}", in_single_quotes(spec));
    }
  }
  if (command.children.empty()) {
    fmt::print("\n}}\n\n");
    return;
  }
  fmt::print(" \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n    command)\n");
  fmt::print("      local -a commands=(");
  for (const CommandInfo& child : command.children) {
    fmt::print("\n        {}", in_single_quotes(zsh_text(child.path.back()) + ":" + child.help));
  }
  fmt::print("\n      )\n      _describe command commands ;;\n    rest)\n      case $line[1] in\n");
  for (const CommandInfo& child : command.children) {
    fmt::print("        {}) _{} ;;\n", child.path.back(), join(child.path, "_"));
  }
  fmt::print("      esac ;;\n  esac\n}}\n\n");
}

void print_zsh(const CommandInfo& root) {
  fmt::print(
      "#compdef hypertune\n# Completion of hypertune for zsh; put it into a folder of fpath "
      "as _hypertune.\n\n");
  for (const CommandInfo* command : flatten(root)) print_zsh_function(*command);
  fmt::print(
      "if [ \"$funcstack[1]\" = _hypertune ]; then\n  _hypertune \"$@\"\nelse\n"
      "  compdef _hypertune hypertune\nfi\n");
}

/// True in fish while the words of the command, and none of its children, are given.
std::string fish_condition(const CommandInfo& command) {
  std::vector<std::string> parts;
  for (std::size_t i = 1; i < command.path.size(); ++i) {
    parts.push_back("__fish_seen_subcommand_from " + command.path[i]);
  }
  if (command.path.size() == 1) {
    parts.emplace_back("__fish_use_subcommand");
  } else if (!command.children.empty()) {
    std::vector<std::string> names;
    for (const CommandInfo& child : command.children) names.push_back(child.path.back());
    parts.push_back("not __fish_seen_subcommand_from " + join(names, " "));
  }
  return in_single_quotes(join(parts, "; and "));
}

void print_fish_option(const CommandInfo& command, const OptionInfo& option) {
  const std::string begin = fmt::format("complete -c hypertune -n {}", fish_condition(command));
  if (option.positional) {
    if (!option.choices.empty()) {
      fmt::print("{} -a {}\n", begin, in_single_quotes(join(option.choices, " ")));
    } else if (takes_file(option)) {
      fmt::print("{} -F\n", begin);
    }
    return;
  }
  std::string line = begin;
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.value.empty())
    line += takes_folder(option) ? " -r -a '(__fish_complete_directories)'" : " -x";
  fmt::print("{} -d {}\n", line, in_single_quotes(option.help));
}

void print_fish(const CommandInfo& root) {
  fmt::print(
      "# Completion of hypertune for fish; put it into ~/.config/fish/completions.\n"
      "complete -c hypertune -f\n");
  for (const CommandInfo* command : flatten(root)) {
    for (const CommandInfo& child : command->children) {
      fmt::print("complete -c hypertune -n {} -a {} -d {}\n", fish_condition(*command),
                 child.path.back(), in_single_quotes(child.help));
    }
    for (const OptionInfo& option : command->options) print_fish_option(*command, option);
  }
}

using Printer = void (*)(const CommandInfo&);
struct Shell {
  const char* name;
  Printer print;
};
constexpr std::array<Shell, 3> kShells = {
    {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}}};

}  // namespace

void add_completion_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes commands in a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "Shell")
      ->required()
      ->check([](const std::string& name) {
        for (const Shell& known : kShells) {
          if (name == known.name) return std::string();
        }
        return "unknown shell " + name + ": it must be bash, zsh or fish";
      })
      ->type_name("{bash,zsh,fish}");
  command->footer(
      "Examples:\n"
      "  source <(hypertune completion bash)\n"
      "  hypertune completion fish > ~/.config/fish/completions/hypertune.fish");
  command->callback([shell, &app, &call] {
    call.action = [shell, &app] {
      const CommandInfo root = describe(app);
      for (const Shell& known : kShells) {
        if (*shell == known.name) known.print(root);
      }
      return kDone;
    };
  });
}

}  // namespace hypertune
