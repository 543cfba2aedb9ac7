// `hypertune import`: a study from JSON lines, from a table, or from a database of Optuna's.
#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/stored_study.h"
#include "cli/study_plan.h"
#include "cli/study_target.h"
#include "hypertune/error.h"
#include "report/study_lines.h"
#include "report/trials_csv.h"
#include "storage/sqlite_files.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr std::string_view kSqliteMark = "SQLite format 3";

struct ImportOptions {
  std::string file;
  std::string study;
  std::string as;
  std::vector<std::string> objectives;
  std::string out;
  std::string storage;
};

/// `val_accuracy:maximize`.
Objective objective_from(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string direction = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (colon == 0 || (direction != "minimize" && direction != "maximize")) {
    throw ConfigError(
        fmt::format("--objective {}: write METRIC:minimize or METRIC:maximize", text));
  }
  return {text.substr(0, colon),
          direction == "maximize" ? Direction::Maximize : Direction::Minimize};
}

/// An empty folder, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    const fs::path parent = fs::temp_directory_path(error);
    std::string name = ((error ? fs::path(".") : parent) / "hypertune-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw Error(fmt::format("cannot create {}: {}", name, std::strerror(errno)));
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// What is read is a copy: the file stays as it is, even where our own tables are missing in it.
StudyCopy from_database(const ImportOptions& options) {
  const TemporaryFolder folder;
  const fs::path copied = folder.path() / "copy.db";
  copy_sqlite_file(options.file, copied);
  try {
    const auto storage = sqlite_storage(copied, {.create = false});
    const std::string name = chosen_study(storage->study_names(), options.study, options.file);
    return copy_of(*storage, storage->find_study(name).value());
  } catch (const StorageError& error) {
    // The message names the copy, which nobody has ever seen.
    std::string text = error.what();
    const std::string shown = copied.string();
    for (std::size_t at = text.find(shown); at != std::string::npos; at = text.find(shown)) {
      text.replace(at, shown.size(), options.file);
    }
    throw StorageError(text);
  }
}

StudyCopy from_table(const ImportOptions& options, const std::string& text) {
  StudySpec spec;
  spec.name = fs::path(options.file).stem().string();
  for (const std::string& objective : options.objectives) {
    spec.objectives.push_back(objective_from(objective));
  }
  if (spec.objectives.empty()) {
    throw ConfigError(fmt::format(
        "{}: a table does not say what is to be minimized or maximized; add --objective "
        "METRIC:maximize, in the order of the objectives",
        options.file));
  }
  return study_from_csv(text, options.file, std::move(spec));
}

bool begins_with(const fs::path& file, std::string_view mark) {
  std::string begin(mark.size(), '\0');
  std::ifstream in(file, std::ios::binary);
  return in.read(begin.data(), std::ssize(begin)) && begin == mark;
}

StudyCopy read_study(const ImportOptions& options) {
  std::error_code error;
  if (!fs::is_regular_file(options.file, error)) {
    throw ConfigError(fmt::format("{}: no such file", options.file));
  }
  const bool is_database = begins_with(options.file, kSqliteMark);
  const bool is_table = !is_database && (fs::path(options.file).extension() == ".csv" ||
                                         begins_with(options.file, "number,"));
  if (!is_table && !options.objectives.empty()) {
    throw ConfigError("--objective goes with a table (CSV); other files say it themselves");
  }
  if (is_database) return from_database(options);
  const std::string text = read_file(options.file);
  StudyCopy copy = is_table ? from_table(options, text) : study_from_lines(text, options.file);
  if (!options.study.empty() && options.study != copy.spec.name) {
    throw ConfigError(
        fmt::format("{}: it holds study \"{}\", not \"{}\"; drop --study, or name the "
                    "new study with --as",
                    options.file, copy.spec.name, options.study));
  }
  return copy;
}

int import_study(const ImportOptions& options) {
  StudyCopy copy = read_study(options);
  const int rested = put_to_rest(copy);
  if (!options.as.empty()) copy.spec.name = options.as;
  std::string store = options.storage;
  if (!options.out.empty()) store = (fs::path(options.out) / kDatabaseName).string();
  if (store.empty()) store = storage_from_environment();
  if (store.empty()) store = (default_run_folder(copy.spec.name) / kDatabaseName).string();
  put_study(copy, store);
  fmt::print("Imported study \"{}\" with {} into {}\n", copy.spec.name, trials_text(copy, rested),
             masked_url(store));
  return kDone;
}

}  // namespace

void add_import_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand(
      "import", "Read a study from JSON lines, from a table (CSV), or from a database of Optuna's");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "What hypertune export wrote, or Optuna")
      ->required()
      ->type_name("");
  command->add_option("--study", options->study, "Which study of a database that holds several")
      ->type_name("NAME");
  command->add_option("--as", options->as, "Name of the new study (default: as in the file)")
      ->type_name("NAME");
  command
      ->add_option("--objective", options->objectives,
                   "What a table is about, such as val_accuracy:maximize; may be repeated")
      ->type_name("METRIC:DIRECTION")
      ->expected(1)
      ->take_all();
  CLI::Option* out =
      command->add_option("--out", options->out, "Run folder (default: runs/ and the study's name)")
          ->type_name("DIR");
  add_storage_option(*command, options->storage,
                     "Store instead of a run folder: sqlite:///FILE, postgresql://... or a path");
  command->get_option("--storage")->excludes(out);
  command->footer(
      "All of the study is imported, or nothing. Trials that had not ended wait, and begin anew.\n"
      "\n"
      "Examples:\n"
      "  hypertune import my-study.jsonl\n"
      "  hypertune import optuna.db --study my-study --out runs/my-study\n"
      "  hypertune import trials.csv --as my-study --objective val_accuracy:maximize");
  command->callback(
      [options, &call] { call.action = [options] { return import_study(*options); }; });
}

}  // namespace hypertune
