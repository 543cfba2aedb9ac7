// Where results come from: the machine, the program and the command, stored with the study.
#include "cli/provenance.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "hypertune/error.h"
#include "report/experiment.h"

namespace hypertune {
namespace {

/// Later runs that are remembered; a study that is resumed more often keeps the latest.
constexpr std::size_t kMaxResumed = 20;
constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;

/// Facts of the trainer in which all trials of a study must agree, to be compared with each other.
constexpr std::array kDecisiveFacts = {
    "dataset", "dataset_sha256", "samples", "train_samples", "validation_samples",
    "split",   "trainer",        "model",   "parameters",    "program"};
/// Facts that may differ from run to run, which a later run adds to its own.
constexpr std::array kChangingFacts = {"engine", "program_files"};

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>() : dump_json(json);
}

[[noreturn]] void fail_mismatch(const std::string& name, const Json& before, const Json& now,
                                const std::string& study) {
  throw StudyMismatch(
      fmt::format("study \"{}\" was run with {} = {}, now it is {}: its trials could not be "
                  "compared; restore it, or use another folder with --out",
                  study, name, text_of(before), text_of(now)));
}

/// Names the first entry in which the objects differ.
[[noreturn]] void fail_at_difference(const std::string& name, const Json& before, const Json& now,
                                     const std::string& study) {
  Json both = before;
  both.update(now);
  for (const auto& [key, value] : both.items()) {
    const Json old_value = before.value(key, Json("not set"));
    const Json new_value = now.value(key, Json("not set"));
    if (old_value == new_value) continue;
    fail_mismatch(key.empty() ? name : fmt::format("{} {}", name, key), old_value, new_value,
                  study);
  }
  fail_mismatch(name, before, now, study);
}

/// The facts, with the backend of studies that were begun before there was a choice.
Json with_backend(Json facts) {
  const auto trainer = facts.find("trainer");
  if (trainer == facts.end() || !trainer->is_object() || trainer->contains("backend")) return facts;
  trainer->update({{"backend", "torch"}, {"device", "cpu"}, {"precision", "f32"}});
  return facts;
}

/// The text behind the first line of the file that begins with `key`; empty when there is none.
std::string value_in_file(const char* file, std::string_view key, char separator) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::string_view value = trim(std::string_view(line).substr(line.find(separator) + 1));
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

std::string utc(TimePoint time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

Json hardware() {
  Json json = {{"cores", std::max(1U, std::thread::hardware_concurrency())}};
  if (const auto cpu = value_in_file("/proc/cpuinfo", "model name", ':'); !cpu.empty()) {
    json["cpu"] = cpu;
  }
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) {
    const double gib = static_cast<double>(pages) * static_cast<double>(page_bytes) / kBytesPerGib;
    json["memory_gib"] = std::round(gib * 10) / 10;
  }
  utsname kernel{};
  const std::string name = value_in_file("/etc/os-release", "PRETTY_NAME", '=');
  if (uname(&kernel) == 0) {
    json["os"] = fmt::format("{}{}{} {} {}", name, name.empty() ? "" : ", ", kernel.sysname,
                             kernel.release, kernel.machine);
  }
  return json;
}

Json run_facts(const std::string& command_line, const StudyFile& study) {
  Json facts = {{"hypertune_version", HYPERTUNE_VERSION},  {"command", command_line},
                {"workers", study.tune.workers},           {"sampler", to_string(study.sampler)},
                {"scheduler", to_string(study.scheduler)}, {"hardware", hardware()}};
  if (study.tune.lag) facts["lag"] = *study.tune.lag;
  return facts;
}

void require_same_trainer(const Json& stored_facts, const Json& trainer, const std::string& study) {
  const Json stored = with_backend(stored_facts);
  for (const char* name : kDecisiveFacts) {
    const auto before = stored.find(name);
    const auto now = trainer.find(name);
    if (before == stored.end() || now == trainer.end() || *before == *now) continue;
    if (before->is_object() && now->is_object()) fail_at_difference(name, *before, *now, study);
    fail_mismatch(name, *before, *now, study);
  }
}

TrainerOptions resumed_options(TrainerOptions options, const Json& stored,
                               const std::string& study) {
  if (!stored.is_object()) return options;
  const std::string dataset = stored.value("dataset", "");
  if (dataset.empty()) return options;
  if (std::ranges::find(options.dataset, dataset) == options.dataset.end()) {
    fail_mismatch("dataset", dataset, options.dataset, study);
  }
  options.dataset = {dataset};
  return options;
}

Json record_run(Storage& storage, StudyId study, const Json& trainer, const Json& run) {
  const auto attributes = storage.attributes(study);
  const auto stored = attributes.find(kProvenanceKey);
  Json provenance;
  if (stored == attributes.end()) {
    provenance = trainer;
    provenance.update(run);
  } else {
    provenance = parse_json(stored->second);
    require_same_trainer(provenance, trainer, storage.spec(study).name);
    Json resumed = provenance.value("resumed", Json::array());
    resumed.push_back(run);
    resumed.back()["began"] = utc(system_clock()());
    for (const char* name : kChangingFacts) {
      if (trainer.contains(name)) resumed.back()[name] = trainer[name];
    }
    if (resumed.size() > kMaxResumed) resumed.erase(resumed.begin());
    provenance["resumed"] = std::move(resumed);
  }
  storage.set_attribute(study, kProvenanceKey, dump_json(provenance));
  return provenance;
}

}  // namespace hypertune
