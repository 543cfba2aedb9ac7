// Where a command puts a whole study.
#include "cli/study_target.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/stored_study.h"
#include "hypertune/error.h"
#include "storage/sqlite_files.h"

namespace fs = std::filesystem;

namespace hypertune {

std::string store_named(const std::string& where) {
  if (is_storage_url(where)) return where;
  const fs::path path = where;
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error) || !path.has_extension();
  return is_folder ? (path / kDatabaseName).string() : where;
}

void write_database(const StudyCopy& copy, const fs::path& file) {
  store_copy(*sqlite_storage(file), copy);
  make_single_file(file);
}

void put_study(const StudyCopy& copy, const std::string& store) {
  // What one store takes, all do: nothing is begun that cannot be finished.
  store_copy(*memory_storage(), copy);
  const auto file = sqlite_file(store);
  std::error_code error;
  if (!file || fs::exists(*file, error)) {
    store_copy(*open_storage(store, {.durable = true}), copy);
    return;
  }
  NewFile fresh(*file, Replace::No);
  write_database(copy, fresh.temporary());
  fresh.put_in_place();
}

std::string trials_text(const StudyCopy& copy, int rested) {
  std::string text = count_of(std::ssize(copy.trials), "trial");
  if (rested > 0) {
    text += fmt::format(", of which {} had not ended and will begin anew", rested);
  }
  return text;
}

}  // namespace hypertune
