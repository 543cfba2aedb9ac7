// Fuzz target: any file, and any content of Optuna's tables, ends in studies or in an Error.
//
// The first byte of the input says what follows: `F`, a file; anything else, lines of
// `table column row value` that change a good file. A value is SQL's, such as `'text'`, `1e999` or
// `NULL`; `x` stands for the removal of the row.
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "base/files.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "report/study_copy.h"
#include "report/study_lines.h"

namespace fs = std::filesystem;

namespace {

using hypertune::Storage;

/// In memory where there is such a folder: every input makes a file.
const fs::path& scratch() {
  static const struct Folder {
    fs::path path;
    Folder() {
      const fs::path shared = "/dev/shm";
      const fs::path parent = fs::is_directory(shared) ? shared : fs::temp_directory_path();
      path = parent / ("hypertune-fuzz-" + std::to_string(getpid()));
      fs::create_directories(path);
    }
    ~Folder() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } kFolder;
  return kFolder.path;
}

void remove_database(const fs::path& file) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    fs::remove(fs::path(file.string() + suffix), ignored);
  }
}

void run_trial(Storage& storage, hypertune::StudyId study, const hypertune::Outcome& outcome) {
  const auto record = storage.claim(study, {"worker"});
  const hypertune::Claim claim{record->id, record->lease};
  const std::array<Storage::ParamValue, 3> params = {
      {{"rate", hypertune::FloatDomain{1e-4, 1e-1, true}, 0.01},
       {"units", hypertune::IntDomain{1, 9}, std::int64_t{4}},
       {"kind", hypertune::CategoricalDomain{{std::string("a"), std::string("b")}},
        std::string("b")}}};
  storage.set_params(claim, params);
  storage.add_report(claim, {1, {{"loss", 0.5}, {"other", 2}}});
  storage.save_checkpoint(claim, "bytes");
  storage.finish(claim, outcome);
}

/// The bytes of a file with a study of one trial of each kind.
const std::string& good_file() {
  static const std::string kBytes = [] {
    const fs::path file = scratch() / "good.db";
    {
      const auto storage = hypertune::sqlite_storage(file);
      hypertune::StudySpec spec{"study", {{"loss", hypertune::Direction::Minimize}}, {}, 1};
      spec.space.add("rate", hypertune::FloatDomain{1e-4, 1e-1, true});
      const auto study = storage->open_study(spec);
      storage->set_attribute(study, "hypertune:experiment", "{}");
      const std::array<hypertune::TrialPlan, 5> plans = {
          {{"grid/0", {{"units", std::int64_t{4}}}}, {"grid/1"}, {"grid/2"}, {"grid/3"}, {}}};
      storage->enqueue(study, plans);
      run_trial(*storage, study, hypertune::Outcome::complete({{"loss", 0.25}}));
      run_trial(*storage, study, hypertune::Outcome::pruned("worse"));
      run_trial(*storage, study, hypertune::Outcome::failed("broken"));
      storage->claim(study, {"worker"});
    }
    // The log is folded into the file.
    sqlite3* handle = nullptr;
    sqlite3_open(file.c_str(), &handle);
    sqlite3_exec(handle, "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
    sqlite3_close(handle);
    std::string bytes = hypertune::read_file(file);
    remove_database(file);
    return bytes;
  }();
  return kBytes;
}

/// The name at a place that any text says.
template <std::size_t n>
const char* choose(const std::array<const char*, n>& names, std::string_view text) {
  const auto match = std::ranges::find(names, text);
  if (match != names.end()) return *match;
  std::size_t sum = 0;
  for (const char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
  return names[sum % n];
}

std::string statement_of(std::string_view line) {
  static constexpr std::array kTables = {"studies",
                                         "study_directions",
                                         "study_system_attributes",
                                         "study_user_attributes",
                                         "trials",
                                         "trial_params",
                                         "trial_values",
                                         "trial_intermediate_values",
                                         "trial_system_attributes",
                                         "trial_user_attributes",
                                         "version_info",
                                         "alembic_version",
                                         "hypertune_plans",
                                         "hypertune_leases",
                                         "hypertune_reports",
                                         "hypertune_paused",
                                         "hypertune_checkpoints"};
  static constexpr std::array kColumns = {"study_id",
                                          "study_name",
                                          "direction",
                                          "objective",
                                          "key",
                                          "value_json",
                                          "trial_id",
                                          "number",
                                          "state",
                                          "datetime_start",
                                          "datetime_complete",
                                          "param_name",
                                          "param_value",
                                          "distribution_json",
                                          "value",
                                          "value_type",
                                          "step",
                                          "intermediate_value",
                                          "intermediate_value_type",
                                          "schema_version",
                                          "version_num",
                                          "lease",
                                          "worker",
                                          "metrics_json",
                                          "bytes"};
  std::istringstream words{std::string(line)};
  std::string table;
  std::string column;
  std::string row;
  std::string value;
  words >> table >> column >> row >> std::ws;
  std::getline(words, value);
  const bool numbered =
      !row.empty() && std::ranges::all_of(row, [](char c) { return c >= '0' && c <= '9'; });
  const std::string where = numbered && row.size() < 6 ? " WHERE rowid = " + row : "";
  const std::string name = choose(kTables, table);
  if (value == "x") return "DELETE FROM " + name + where;
  return "UPDATE OR IGNORE " + name + " SET \"" + choose(kColumns, column) + "\" = " + value +
         where;
}

/// Only statements that begin as ours are run, and only one of each line.
void change(const fs::path& file, std::string_view lines) {
  constexpr int kMostLines = 16;
  sqlite3* handle = nullptr;
  sqlite3_open(file.c_str(), &handle);
  sqlite3_exec(handle, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", nullptr, nullptr,
               nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 16);
  for (int i = 0; i < kMostLines && !lines.empty(); ++i) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    sqlite3_stmt* statement = nullptr;
    const std::string sql = statement_of(line);
    if (sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  sqlite3_close(handle);
}

void read_all(const fs::path& file) {
  const auto storage = hypertune::sqlite_storage(file, {.create = false});
  (void)storage->examine();
  for (const std::string& name : storage->study_names()) {
    const auto study = storage->find_study(name);
    if (!study) continue;
    try {
      const hypertune::StudyCopy copy = hypertune::copy_of(*storage, *study);
      (void)hypertune::study_lines(copy);
    } catch (const hypertune::Error&) {
      // Damage is said. What follows reads less.
    }
    (void)storage->counts(*study);
    (void)storage->best_trial(*study);
    (void)storage->next_waiting(*study);
    (void)storage->fail_stale(*study);
    (void)storage->claim(*study, {"another"});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const fs::path file = scratch() / "study.db";
  const bool whole_file = input.front() == 'F';
  {
    std::ofstream out(file, std::ios::binary);
    const std::string_view bytes = whole_file ? input.substr(1) : std::string_view(good_file());
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  try {
    if (!whole_file) change(file, input);
    read_all(file);
  } catch (const hypertune::Error&) {
    // What damage is meant to end in.
  }
  remove_database(file);
  return 0;
}
