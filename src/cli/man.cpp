// `hypertune man`: the manual page, written from the tree of commands.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/app.h"
#include "cli/command_tree.h"
#include "cli/exit_code.h"

namespace hypertune {
namespace {

constexpr const char* kPageDate = "November 23, 2026";

/// Text that mdoc(7) takes as it is.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '\\') {
      out += "\\e";
    } else if (character == '-') {
      out += "\\-";
    } else if (character == '`' || character == '\'') {
      out += "\\(aq";
    } else {
      out += character;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

/// Prints a text in lines of less than 80 characters, each sentence on a new one, as mdoc(7) wants.
void print_text(std::string_view text) {
  constexpr std::size_t kLineLimit = 78;
  std::string line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && (line.ends_with('.') || line.size() + 1 + word.size() > kLineLimit)) {
      fmt::print("{}\n", escaped(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  fmt::print("{}\n", escaped(line));
}

/// A word within a macro line: `Ar` and the like must not read it as another macro.
std::string argument(std::string_view word) { return "\\&" + escaped(word); }

void print_option(const OptionInfo& option) {
  if (option.positional) {
    fmt::print(".It Ar {}\n", argument(option.names.front()));
  } else {
    std::string line = ".It";
    for (const std::string& name : option.names) {
      if (line.size() > 3) line += " ,";
      line += fmt::format(" Fl {}", argument(std::string_view(name).substr(1)));
    }
    if (!option.value.empty()) line += fmt::format(" Ar {}", argument(option.value));
    fmt::print("{}\n", line);
  }
  print_text(option.help + (option.choices.empty() ? "" : ": " + join(option.choices, ", ")) + ".");
}

/// The footer: paragraphs as text, indented lines as they are.
void print_footer(const std::string& footer) {
  bool verbatim = false;
  bool paragraph = true;
  const auto end_verbatim = [&] {
    if (verbatim) fmt::print(".Ed\n");
    verbatim = false;
  };
  for (const std::string& line : split(footer, '\n')) {
    if (line.empty()) {
      end_verbatim();
      paragraph = true;
      continue;
    }
    if (line.starts_with("  ")) {
      if (!verbatim) fmt::print(".Bd -literal -offset indent\n");
      verbatim = true;
      fmt::print("{}\n", escaped(trim(line)));
      continue;
    }
    end_verbatim();
    if (paragraph) fmt::print(".Pp\n");
    paragraph = false;
    print_text(line);
  }
  end_verbatim();
}

void print_command(const CommandInfo& command) {
  fmt::print(".Ss {}\n", escaped(join(command.path, " ")));
  print_text(command.help + ".");
  if (!command.options.empty()) {
    fmt::print(".Bl -tag -width Ds\n");
    for (const OptionInfo& option : command.options) print_option(option);
    fmt::print(".El\n");
  }
  print_footer(command.footer);
}

void print_synopsis(const CommandInfo& command) {
  fmt::print(".Nm\n");
  for (std::size_t i = 1; i < command.path.size(); ++i) fmt::print(".Cm {}\n", command.path[i]);
  for (const OptionInfo& option : command.options) {
    if (option.names.back() == "--help" || option.names.back() == "--version") continue;
    std::string words =
        option.positional
            ? fmt::format("Ar {}", argument(option.names.front()))
            : fmt::format("Fl {}", argument(std::string_view(option.names.back()).substr(1)));
    if (!option.positional && !option.value.empty()) {
      words += fmt::format(" Ar {}", argument(option.value));
    }
    fmt::print(".{}{}\n", option.required ? "" : "Op ", words);
  }
}

int print_man(const CLI::App& app) {
  const CommandInfo root = describe(app);
  fmt::print(".Dd {}\n.Dt HYPERTUNE 1\n.Os\n.Sh NAME\n.Nm hypertune\n", kPageDate);
  fmt::print(".Nd hyperparameter experiments\n.Sh SYNOPSIS\n");
  for (const CommandInfo* command : flatten(root)) {
    if (command->children.empty()) print_synopsis(*command);
  }
  fmt::print(
      ".Sh DESCRIPTION\n{}\n"
      "A study is described by a file in TOML.\n"
      "Its trials, report and figures are kept in a run folder,\n.Pa runs/NAME\nunless another is "
      "given.\n",
      escaped(root.help));
  fmt::print(".Sh COMMANDS\n");
  for (const CommandInfo* command : flatten(root)) {
    if (command != &root) print_command(*command);
  }
  fmt::print(
      ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
      ".It Ev HYPERTUNE_DATA_PATH\nFolders, separated by colons, that are searched for data sets "
      "first.\n"
      ".It Ev HYPERTUNE_OFFLINE\nWhen set, nothing is downloaded.\n"
      ".It Ev NO_COLOR\nWhen set, no colors are used.\n"
      ".El\n");
  fmt::print(
      ".Sh FILES\n.Bl -tag -width Ds\n"
      ".It Pa study.db\nThe trials of a study: a SQLite database in Optuna\\(aqs schema.\n"
      ".It Pa report.html , report.md , trials.csv , figures/\nThe report of a study.\n"
      ".El\n");
  fmt::print(
      ".Sh EXIT STATUS\n.Bl -tag -width Ds\n"
      ".It 0\nDone.\nFailed trials are reported, and are no failure of the run.\n"
      ".It 1\nThe run failed: the store could not be written, or no trial gave a result.\n"
      ".It 2\nArguments, study file, data set or database are wrong; nothing was begun.\n"
      ".It 130\nInterrupted; the same command goes on.\n"
      ".El\n");
  return kDone;
}

}  // namespace

void add_man_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page, in mdoc");
  command->footer("Examples:\n  hypertune man > hypertune.1");
  command->callback([&app, &call] { call.action = [&app] { return print_man(app); }; });
}

}  // namespace hypertune
