// The program's command line: one tree of commands, from which help, man page and completions come.
#include "cli/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "base/shell_words.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/secrets.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// The innermost command that was named.
const CLI::App& chosen_command(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return full_name(*command.get_parent()) + " " + command.get_name();
}

/// What may stand where an unknown word was found.
std::vector<std::string> words_of(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(child->get_name());
  }
  return words;
}

int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  std::string message = error.what();
  const std::vector<std::string> unknown = app.remaining(true);
  const bool is_unknown_word =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (is_unknown_word && !unknown.empty()) {
    const std::string word = unknown.front().substr(0, unknown.front().find('='));
    const bool is_option = word.starts_with('-');
    const bool has_children =
        !command.get_subcommands([](const CLI::App*) { return true; }).empty();
    message = fmt::format("unknown {} {}{}",
                          is_option      ? "option"
                          : has_children ? "command"
                                         : "argument",
                          word, did_you_mean(word, words_of(command)));
  }
  print_error(fmt::format("{} (see {} --help)", message, full_name(command)));
  return kUsage;
}

/// The command line without passwords.
std::string shown_line(int argc, char** argv) {
  std::vector<std::string> masked;
  std::vector<const char*> words;
  for (int i = 0; i < argc; ++i) masked.push_back(mask_secrets(argv[i]));
  for (const std::string& word : masked) words.push_back(word.c_str());
  return shell_line(words);
}

int run_action(const Invocation& call) {
  try {
    return finish_output(call.action());
  } catch (const ConfigError& error) {
    print_error(error.what());
    return kUsage;
  } catch (const StudyMismatch& error) {
    print_error(error.what());
    return kUsage;
  } catch (const DataError& error) {
    print_error(error.what());
    return kUsage;
  } catch (const StorageError& error) {
    print_error(error.what());
    return kUsage;  // at opening: a run turns those that come later into its own exit code
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) != 0) {  // thrown where results are printed
      print_lost_output(error.code().value());
    } else {
      print_error(error.what());
    }
    return kRunFailed;
  } catch (const std::exception& error) {
    print_error(error.what());
    return kRunFailed;
  }
}

}  // namespace

std::unique_ptr<CLI::App> make_app(Invocation& call) {
  auto app = std::make_unique<CLI::App>(
      "Runs hyperparameter experiments: searches, stores, shows and explains.", "hypertune");
  app->set_version_flag("--version", "hypertune " HYPERTUNE_VERSION, "Print the version and exit");
  app->set_help_flag("-h,--help", "Print help and exit");
  app->footer(
      "Examples:\n"
      "  hypertune check study.toml    show what a study would do\n"
      "  hypertune run study.toml      run it, or go on with it\n"
      "  hypertune best study.toml     print its best trial\n"
      "\n"
      "Exit status: 0 done, 1 the run failed, 2 wrong arguments, configuration or data,\n"
      "130 interrupted. `hypertune COMMAND --help` explains a command.");
  add_run_command(*app, call);
  add_worker_command(*app, call);
  add_ask_command(*app, call);
  add_tell_command(*app, call);
  add_check_command(*app, call);
  add_trials_command(*app, call);
  add_best_command(*app, call);
  add_importance_command(*app, call);
  add_report_command(*app, call);
  add_show_command(*app, call);
  add_serve_command(*app, call);
  add_copy_command(*app, call);
  add_export_command(*app, call);
  add_import_command(*app, call);
  add_backup_command(*app, call);
  add_doctor_command(*app, call);
  add_data_command(*app, call);
  add_completion_command(*app, call);
  add_man_command(*app, call);
  return app;
}

int run_program(int argc, char** argv) {
  occupy_closed_streams();
  std::setlocale(LC_CTYPE, "");  // for the width of characters
  std::vector<std::string> arguments(argv + 1, argv + std::max(argc, 1));
  Invocation call{.command_line = shown_line(argc, argv)};
  if (arguments == std::vector<std::string>{kTrainWorker}) {
    call.action = run_train_worker;
    return run_action(call);
  }
  hide_arguments(argc, argv);
  const auto app = make_app(call);
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app->parse(std::move(arguments));
  } catch (const CLI::Success& wanted) {  // --help and --version
    return finish_output(app->exit(wanted));
  } catch (const CLI::ParseError& error) {
    return refuse(*app, error);
  }
  if (!call.action) {
    print_notice(chosen_command(*app).help());
    return kUsage;
  }
  return run_action(call);
}

}  // namespace hypertune
