// The tree of commands as data: what help texts, man page and completions are made from.
#include "cli/command_tree.h"

#include "base/text.h"

namespace hypertune {
namespace {

OptionInfo describe_option(const CLI::Option& option) {
  OptionInfo info;
  info.positional = option.get_positional();
  info.required = option.get_required();
  info.help = option.get_description();
  if (info.positional) {
    info.names = {option.get_name()};
  } else {
    for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  }
  if (option.get_expected_max() > 0 && option.get_items_expected_max() > 0) {
    std::string type = option.get_type_name();
    if (const auto colon = type.find(':'); colon != std::string::npos) type.erase(colon);
    if (type.starts_with('{')) {
      info.choices = split(std::string_view(type).substr(1, type.size() - 2), ',');
      type = info.positional ? info.names.front() : "CHOICE";
    }
    info.value = type;
  }
  return info;
}

CommandInfo describe_below(const CLI::App& app, std::vector<std::string> path) {
  path.push_back(app.get_name());
  CommandInfo info{.path = path,
                   .help = app.get_description(),
                   .footer = app.get_footer(),
                   .options = {},
                   .children = {}};
  for (const CLI::Option* option : app.get_options()) {
    info.options.push_back(describe_option(*option));
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    info.children.push_back(describe_below(*child, path));
  }
  return info;
}

}  // namespace

CommandInfo describe(const CLI::App& app) { return describe_below(app, {}); }

std::vector<const CommandInfo*> flatten(const CommandInfo& command) {
  std::vector<const CommandInfo*> all = {&command};
  for (const CommandInfo& child : command.children) {
    const auto below = flatten(child);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

}  // namespace hypertune
