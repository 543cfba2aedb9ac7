// [command]: the program that is run for each trial.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "config/algorithm.h"
#include "config/sections.h"
#include "exec/output_patterns.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxArguments = 1000;
constexpr std::int64_t kMaxCount = 4096;
constexpr std::int64_t kMaxMemoryMb = std::int64_t{64} << 20;
constexpr std::int64_t kMaxOutputKb = std::int64_t{1} << 20;
constexpr double kMaxSeconds = 1e9;

std::string text_without_nul(const Entry& entry) {
  std::string text = entry.text();
  if (text.find('\0') != std::string::npos) {
    entry.fail(
        fmt::format("{} holds a NUL character, which no program can be given", entry.name()));
  }
  return text;
}

void read_argv(const Entry& entry, CommandOptions& into) {
  const std::vector<Entry> elements = entry.elements();
  if (elements.empty()) {
    entry.fail(
        "command.argv is empty; name the program, such as [\"./train\", \"--lr={learning_rate}\"]");
  }
  if (elements.size() > kMaxArguments) {
    entry.fail(fmt::format("command.argv has {} elements; at most {} are allowed", elements.size(),
                           kMaxArguments));
  }
  for (const Entry& element : elements) into.argv.push_back(text_without_nul(element));
}

void read_environment(const Entry& entry, CommandOptions& into) {
  const auto legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  for (const Entry& variable : entry.members()) {
    const std::string& name = variable.key();
    if (!std::ranges::all_of(name, legal) || name.empty() ||
        std::isdigit(static_cast<unsigned char>(name.front())) != 0) {
      variable.fail_at_key(fmt::format(
          "\"{}\" cannot name a variable; use letters, digits and \"_\"", shorten(name, 60)));
    }
    if (name.starts_with("HYPERTUNE_")) {
      variable.fail_at_key(
          fmt::format("{} begins with HYPERTUNE_, as what hypertune itself tells the program does; "
                      "give it another name",
                      name));
    }
    into.environment[name] = text_without_nul(variable);
  }
}

void read_patterns(const Entry& entry, CommandOptions& into) {
  for (const Entry& pattern : entry.members()) {
    check_own_name(pattern, pattern.key());
    const std::string text = pattern.text();
    pattern.check([&] { OutputPatterns({{pattern.key(), text}}, ""); });
    into.patterns[pattern.key()] = text;
  }
}

void read_step_pattern(const Entry& entry, CommandOptions& into) {
  into.step_pattern = entry.text();
  entry.check([&] { OutputPatterns({}, into.step_pattern); });
  if (into.patterns.empty()) {
    entry.fail_at_key(
        "command.step_pattern goes with patterns, and there are none; add patterns = { metric = "
        "'metric=(\\S+)' }, or drop it");
  }
}

std::chrono::duration<double> seconds_in(const Entry& entry, const Range& range) {
  return std::chrono::duration<double>(option_types::number_in(entry, range));
}

int count_in(const Entry& entry) { return static_cast<int>(entry.whole(0, kMaxCount)); }

void read_gpu_ids(const Entry& entry, CommandOptions& into) {
  for (const Entry& element : entry.elements()) {
    const std::string id = to_string(element.value());
    const auto legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '/'; };
    if (id.empty() || !std::ranges::all_of(id, legal)) {
      element.fail(fmt::format("\"{}\" names no GPU; write its number, or its UUID",
                               shorten(plain_text(id), 60)));
    }
    into.gpu_ids.push_back(id);
  }
}

constexpr Key<CommandOptions> kCommandKeys[] = {
    {"argv", read_argv, "argv = [\"./train\", \"--lr={learning_rate}\"]"},
    {"working_directory",
     [](const Entry& entry, CommandOptions& into) {
       into.working_directory = text_without_nul(entry);
     }},
    {"environment", read_environment},
    {"patterns", read_patterns},
    {"step_pattern", read_step_pattern},
    {"answers", [](const Entry& entry, CommandOptions& into) { into.answers = entry.flag(); }},
    {"grace_s",
     [](const Entry& entry, CommandOptions& into) {
       into.grace = seconds_in(entry, {.low = 0, .high = kMaxSeconds});
     }},
    {"time_limit_s",
     [](const Entry& entry, CommandOptions& into) {
       into.time_limit =
           seconds_in(entry, {.low = 0, .high = kMaxSeconds, .open = Range::Open::Low});
     }},
    {"memory_limit_mb",
     [](const Entry& entry, CommandOptions& into) {
       into.memory_limit_bytes = entry.whole(0, kMaxMemoryMb) << 20;
     }},
    {"cpus", [](const Entry& entry, CommandOptions& into) { into.cpus = count_in(entry); }},
    {"gpus", [](const Entry& entry, CommandOptions& into) { into.gpus = count_in(entry); }},
    {"gpu_ids", read_gpu_ids},
    {"keep_output_kb", [](const Entry& entry, CommandOptions& into) {
       into.keep_output_bytes = entry.whole(0, kMaxOutputKb) << 10;
     }}};

/// Each argument alone, so that a fault has its place.
void check_arguments(const Entry& section, const StudyFile& file) {
  const std::vector<Entry> elements = section.find("argv")->elements();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    CommandOptions one;
    if (i > 0) one.argv = {"program"};
    one.argv.push_back(elements[i].text());
    elements[i].check([&] { check_command(one, file.spec.space); });
  }
}

}  // namespace

void read_command(const Entry& section, StudyFile& file) {
  if (section.document_has("trainer")) {
    section.fail(
        "[command] runs a program for each trial, and [trainer] has options of the built-in "
        "trainer; remove one of the two");
  }
  CommandOptions command;
  read_table(section, kCommandKeys, command);
  check_arguments(section, file);
  section.check([&] { check_command(command, file.spec.space); });
  file.command = std::move(command);
}

std::vector<std::string> command_keys() { return names_of(kCommandKeys); }

}  // namespace hypertune
