// What evaluates the trials of a study file: the built-in trainer, or the program of [command].
#include "cli/evaluation.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/process.h"
#include "base/sha256.h"
#include "cli/app.h"
#include "cli/provenance.h"
#include "hypertune/error.h"
#include "train/training_process.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

/// Larger files are named without their checksum.
constexpr std::uintmax_t kMaxHashedBytes = std::uintmax_t{256} << 20;

bool has_placeholder(const std::string& word) { return word.find('{') != std::string::npos; }

/// Checksums of the files among program and arguments: scripts are arguments.
Json files_of(const CommandOptions& command) {
  Json files = Json::object();
  const auto add = [&](const fs::path& file) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return;
    const bool hashed = fs::file_size(file, error) <= kMaxHashedBytes && !error;
    files[file.string()] = hashed ? Json(sha256(read_file(file))) : Json();
  };
  // `{trial_dir}` is not there yet.
  const bool is_known = !has_placeholder(command.working_directory.string());
  const fs::path folder = is_known ? command.working_directory : fs::path();
  const std::string& name = command.argv.front();
  if (!has_placeholder(name)) {
    const bool has_folder = name.find('/') != std::string::npos;
    const auto program = find_program(has_folder ? (folder / name).string() : name);
    if (!program) {
      throw ConfigError(
          fmt::format("[command] cannot run {}: there is no such program{}; mend argv, or make the "
                      "file executable",
                      name, has_folder ? "" : " on the PATH"));
    }
    add(*program);
  }
  for (std::size_t i = 1; i < command.argv.size(); ++i) {
    const std::string& word = command.argv[i];
    if (!word.empty() && !has_placeholder(word)) add(folder / word);
  }
  return files;
}

Json program_facts(const CommandOptions& command) {
  Json program = {{"argv", command.argv}};
  if (!command.patterns.empty()) program["patterns"] = command.patterns;
  if (!command.step_pattern.empty()) program["step_pattern"] = command.step_pattern;
  if (command.answers) program["answers"] = true;
  return {{"program", std::move(program)}, {"program_files", files_of(command)}};
}

}  // namespace

Evaluation::Evaluation(const StudyFile& file, const Json& stored, const DownloadProgress& progress)
    : file_(file) {
  if (file.ask) {
    throw ConfigError(fmt::format(
        "study \"{}\" has a section [ask]: its trials are evaluated by whoever takes them with "
        "hypertune ask; replace it by [command] or [trainer] to have hypertune run them",
        file.spec.name));
  }
  if (file.command) {
    facts_ = program_facts(*file.command);
    return;
  }
  trainer_ =
      cnn_trainer(resumed_options(file.trainer, stored, file.spec.name), file.spec.seed, progress);
  facts_ = parse_json(trainer_->provenance(file.spec.space));
}

Executor& Evaluation::begin(const fs::path& run_folder, int workers) {
  if (trainer_ && file_.isolation == Isolation::Thread) return *trainer_;
  if (trainer_) {
    TrainerOptions options = file_.trainer;
    options.dataset = {facts_.at("dataset").get<std::string>()};
    // The program itself, also when another was installed in its place meanwhile.
    processes_ =
        training_processes(options, file_.spec.seed, {"/proc/self/exe", std::string(kTrainWorker)});
  } else {
    processes_ = command_executor(*file_.command, run_folder, file_.spec.name, workers);
  }
  return *processes_;
}

}  // namespace hypertune
