// Arguments of sbatch and squeue, and the texts that they print.
#include "launch/slurm_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/shell_words.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// A worker is told this long before its time ends, to put its trial back and leave. Slurm may be
/// up to 60 s early.
constexpr int kNoticeS = 30;
constexpr int kEarlyS = 60;

/// Options that the launcher gives itself, or that would break what it reads.
constexpr std::array<std::string_view, 12> kOwnOptions = {
    "--array", "--export", "--export-file", "--output", "--error", "--parsable",
    "--quiet", "--signal", "--test-only",   "--wait",   "--wrap",  "--open-mode"};

/// A % begins a pattern in the name of a log.
std::string without_patterns(std::string_view path) {
  std::string out;
  for (const char character : path) {
    out += character;
    if (character == '%') out += '%';
  }
  return out;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Seconds of `1-02:03:04`, `02:03:04` or `03:04`; nothing for UNLIMITED and the like.
std::optional<long long> seconds(std::string_view text) {
  long long days = 0;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto n = number(text.substr(0, dash));
    if (!n) return std::nullopt;
    days = *n;
    text.remove_prefix(dash + 1);
  }
  long long sum = 0;
  for (const std::string& part : split(text, ':')) {
    const auto n = number(part);
    if (!n) return std::nullopt;
    sum = 60 * sum + *n;
  }
  return 86400 * days + sum;
}

/// The value of ` key=value` in the answer of scontrol; empty when it is not there.
std::string_view field(std::string_view answer, std::string_view key) {
  const std::string wanted = fmt::format(" {}=", key);
  const auto found = answer.find(wanted);
  if (found == std::string_view::npos) return {};
  const std::string_view rest = answer.substr(found + wanted.size());
  return rest.substr(0, rest.find_first_of(" \n"));
}

}  // namespace

std::string batch_script(const std::vector<std::string>& argv) {
  std::vector<const char*> words;
  for (const std::string& word : argv) words.push_back(word.c_str());
  return fmt::format("#!/bin/sh\n# A worker of hypertune.\nexec {}\n", shell_line(words));
}

std::vector<std::string> sbatch_argv(const WorkerResources& resources, const SlurmOptions& options,
                                     const std::string& working_directory,
                                     const std::string& tasks) {
  std::vector<std::string> argv = {
      "sbatch",
      "--parsable",
      "--job-name=hypertune",
      "--array=" + tasks,
      "--nodes=1",
      "--ntasks=1",
      fmt::format("--cpus-per-task={}", resources.cpus),
      "--requeue",
      "--open-mode=append",
      fmt::format("--signal=B:TERM@{}", kNoticeS),
      "--export=ALL",
      fmt::format("--output={}/%A_%a.log", without_patterns(options.log_folder))};
  if (!working_directory.empty()) argv.push_back("--chdir=" + working_directory);
  if (resources.gpus > 0) argv.push_back(fmt::format("--gres=gpu:{}", resources.gpus));
  if (resources.memory_mb > 0) argv.push_back(fmt::format("--mem={}M", resources.memory_mb));
  if (resources.time_limit.count() > 0) {
    argv.push_back(fmt::format("--time={}", resources.time_limit.count()));
  }
  if (!options.partition.empty()) argv.push_back("--partition=" + options.partition);
  if (!options.account.empty()) argv.push_back("--account=" + options.account);
  argv.insert(argv.end(), options.extra.begin(), options.extra.end());
  return argv;
}

void check_sbatch_options(const std::vector<std::string>& extra) {
  for (const std::string& option : extra) {
    // A word that is no option would be taken for the script.
    if (!option.starts_with("--") || option == "--") {
      throw ConfigError(fmt::format(
          "launcher.extra: \"{}\" is not an option of sbatch: write --name=value", option));
    }
    const std::string name = option.substr(0, option.find('='));
    // sbatch takes the beginning of a name for the name.
    const bool own = std::ranges::any_of(
        kOwnOptions, [&](std::string_view ours) { return ours.starts_with(name); });
    if (own) {
      throw ConfigError(
          fmt::format("launcher.extra: {} is given by the launcher itself: leave it out", name));
    }
  }
}

std::vector<std::string> squeue_argv(const std::string& jobs) {
  return {"squeue", "-h", "-r", "-t", "all", "-o", "%F|%K|%T|%N|%r", "-j", jobs};
}

std::vector<SlurmTask> parse_squeue(std::string_view listing) {
  std::vector<SlurmTask> tasks;
  for (const std::string& line : split(listing, '\n')) {
    const auto parts = split(line, '|');
    if (parts.size() < 5) continue;
    tasks.push_back({.job = std::string(trim(parts[0])),
                     .index = std::string(trim(parts[1])),
                     .state = std::string(trim(parts[2])),
                     .node = std::string(trim(parts[3])),
                     .reason = std::string(trim(parts[4]))});
  }
  return tasks;
}

std::optional<std::string> parse_job_id(std::string_view answer) {
  const std::string_view line = trim(answer.substr(0, answer.find('\n')));
  const std::string_view id = line.substr(0, line.find(';'));
  if (id.empty() || id.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return std::string(id);
}

std::optional<SlurmEnd> parse_end(std::string_view answer) {
  const std::string_view both = field(answer, "ExitCode");
  const auto colon = both.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto code = number(both.substr(0, colon));
  const auto signal = number(both.substr(colon + 1));
  if (!code || !signal) return std::nullopt;
  const auto ran = seconds(field(answer, "RunTime"));
  const auto limit = seconds(field(answer, "TimeLimit"));
  return SlurmEnd{.exit_code = *code,
                  .signal = *signal,
                  .at_time_limit = ran && limit && *ran >= *limit - kNoticeS - kEarlyS};
}

}  // namespace hypertune
