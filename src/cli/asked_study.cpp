// Studies whose trials are evaluated by whoever asks for them.
#include "cli/asked_study.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "cli/provenance.h"
#include "cli/run_folder.h"
#include "cli/study_plan.h"
#include "cli/study_source.h"
#include "cli/warm_start.h"
#include "hypertune/error.h"
#include "report/study_copy.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr std::string_view kAsking = "ask:";
constexpr std::int64_t kLongestLeaseS = std::int64_t{366} * 24 * 3600;

/// Opens the study with the algorithms of its file.
void open(AskedStudy& asked, std::shared_ptr<Storage> storage) {
  StudyFile& file = asked.file;
  asked.study = std::make_unique<Study>(file.spec, std::move(storage), file.sampler.make(),
                                        file.scheduler.make());
  asked.study->set_stoppers(make_stoppers(file.stop));
  if (asked.has_plan) asked.study->set_lag(file.tune.lag);
}

/// The file kept with the study, if it has one.
std::optional<StudyFile> kept_file(const StoredStudy& stored) {
  if (!has_study_file(*stored.storage, stored.id)) return std::nullopt;
  return stored_study_file(*stored.storage, stored.id);
}

}  // namespace

AskedStudy open_asked_study(const StudyArgument& argument) {
  const StoredStudy stored = open_stored_study(argument);
  AskedStudy asked;
  if (auto file = kept_file(stored)) {
    asked.file = *std::move(file);
    asked.has_plan = true;
  } else {
    asked.file.sampler = {"auto", {}, [] { return auto_sampler(); }};
  }
  asked.file.spec = stored.spec;
  // Optuna states no space: what its trials show of it.
  if (asked.file.spec.space.parameters().empty()) {
    asked.file.spec.space = space_of(stored.storage->trials(stored.id));
  }
  open(asked, stored.storage);
  return asked;
}

AskedStudy begin_asked_study(const StudyArgument& argument, const std::string& command_line) {
  if (fs::path(argument.where).extension() != ".toml") return open_asked_study(argument);
  StudyFileArgument given;
  given.file = argument.where;
  AskedStudy asked;
  asked.file = given.load();
  asked.has_plan = true;
  const StudyFile& file = asked.file;
  const RunPlace place = given.place(file);
  const bool is_new = !find_run(place, file);
  const EarlierTrials earlier = is_new ? earlier_trials(file) : EarlierTrials();
  RunFolder folder(place);
  open(asked, open_storage(place.url(), {.durable = true}));
  Study& study = *asked.study;
  if (is_new) {
    if (file.warm_start) study.learn_from(earlier.trials);
    Json facts = run_facts(command_line, file);
    if (!earlier.origin.empty()) facts["learned_from"] = earlier.origin;
    record_run(study.storage(), study.id(), Json::object(), facts);
    state_experiment(study.storage(), study.id(), file.experiment);
    store_study_file(study.storage(), study.id(), file);
  }
  folder.keep();
  return asked;
}

std::string asking_worker(const std::string& name, std::chrono::seconds lease) {
  return fmt::format("{}{}:{}", kAsking, name, lease.count());
}

std::optional<std::chrono::seconds> lease_of_worker(std::string_view worker) {
  if (!worker.starts_with(kAsking)) return std::nullopt;
  const std::string_view digits = worker.substr(worker.rfind(':') + 1);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (seconds < 1 || seconds > kLongestLeaseS) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace hypertune
