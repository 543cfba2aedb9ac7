// [launcher]: where and how the workers of a study are started.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/sections.h"

namespace hypertune {
namespace {

constexpr std::int64_t kMaxCpus = 4096;
constexpr std::int64_t kMaxGpus = 256;
constexpr std::int64_t kMaxMemoryMb = std::int64_t{64} << 20;
constexpr std::int64_t kMaxMinutes = 366 * 24 * 60;
constexpr const char* kThreads = "threads";

/// A word for sbatch: no blanks, and nothing that could be taken for an option.
std::string word(const Entry& entry) {
  const std::string text = entry.text();
  const auto illegal = [](unsigned char c) { return c <= ' ' || c == 0x7F || c == ','; };
  if (text.empty() || text.front() == '-' || std::ranges::any_of(text, illegal)) {
    entry.fail(fmt::format("{} is one word, without blanks, commas and a dash in front, not \"{}\"",
                           entry.name(), shorten(text, 60)));
  }
  return text;
}

void read_name(const Entry& entry, LauncherChoice& into) {
  const std::string name = entry.text();
  into.name = entry.check([&] { return launcher_name(name); });
}

void read_extra(const Entry& entry, LauncherChoice& into) {
  for (const Entry& element : entry.elements()) {
    const std::string option = element.text();
    const bool has_control =
        std::ranges::any_of(option, [](unsigned char c) { return c < ' ' || c == 0x7F; });
    if (!option.starts_with("--") || option.size() < 3 || has_control) {
      element.fail(
          fmt::format("launcher.extra holds options of sbatch such as \"--qos=high\", not "
                      "\"{}\"",
                      shorten(option, 60)));
    }
    into.extra.push_back(option);
  }
}

void read_address(const Entry& entry, LauncherChoice& into) {
  into.address = entry.text();
  if (!into.address.starts_with("http://") && !into.address.starts_with("https://")) {
    entry.fail(
        fmt::format("launcher.address is the URL of the Ray head's dashboard, such as "
                    "\"http://127.0.0.1:8265\", not \"{}\"",
                    shorten(into.address, 60)));
  }
}

constexpr Key<LauncherChoice> kLauncherKeys[] = {
    {"name", read_name, "name = \"local\""},
    {"cpus", [](const Entry& entry,
                LauncherChoice& into) { into.cpus = static_cast<int>(entry.whole(1, kMaxCpus)); }},
    {"gpus", [](const Entry& entry,
                LauncherChoice& into) { into.gpus = static_cast<int>(entry.whole(0, kMaxGpus)); }},
    {"memory_mb", [](const Entry& entry,
                     LauncherChoice& into) { into.memory_mb = entry.whole(0, kMaxMemoryMb); }},
    {"time_limit_min",
     [](const Entry& entry, LauncherChoice& into) {
       into.time_limit = std::chrono::minutes(entry.whole(0, kMaxMinutes));
     }},
    {"partition", [](const Entry& entry, LauncherChoice& into) { into.partition = word(entry); }},
    {"account", [](const Entry& entry, LauncherChoice& into) { into.account = word(entry); }},
    {"extra", read_extra},
    {"address", read_address}};

/// Keys that mean something to one launcher alone.
struct OnlyFor {
  std::string_view key;
  std::string_view launcher;
};
constexpr OnlyFor kOnlyFor[] = {
    {"partition", "slurm"}, {"account", "slurm"}, {"extra", "slurm"}, {"address", "ray"}};

}  // namespace

std::string launcher_name(const std::string& name) {
  static const std::vector<std::string> kNames = {kThreads, "local", "slurm", "ray"};
  if (std::ranges::find(kNames, name) == kNames.end()) {
    throw ConfigError(fmt::format("unknown launcher \"{}\"{}; there are {}", shorten(name, 60),
                                  did_you_mean(name, kNames), join(kNames, ", ")));
  }
  return name == kThreads ? "" : name;
}

void read_launcher(const Entry& section, StudyFile& file) {
  read_table(section, kLauncherKeys, file.launcher);
  for (const OnlyFor& only : kOnlyFor) {
    const auto entry = section.find(only.key);
    if (!entry || file.launcher.name == only.launcher) continue;
    entry->fail_at_key(
        fmt::format("launcher.{} is for the launcher {} alone; drop it", only.key, only.launcher));
  }
}

std::vector<std::string> launcher_keys() { return names_of(kLauncherKeys); }

}  // namespace hypertune
