// The store in a SQLite file.
#include "hypertune/storage.h"
#include "storage/sql_storage.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_schema.h"

namespace hypertune {

std::shared_ptr<Storage> sqlite_storage(const std::filesystem::path& file, SqliteOptions options) {
  auto database = std::make_unique<SqliteDatabase>(file, options.create, options.lock_timeout);
  prepare_sqlite_schema(*database, options.durable);
  return std::make_shared<SqlStorage>(std::move(database), std::move(options.clock));
}

}  // namespace hypertune
