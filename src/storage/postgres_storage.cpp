// The store in a PostgreSQL database.
#include "hypertune/storage.h"
#include "storage/postgres_database.h"
#include "storage/postgres_schema.h"
#include "storage/sql_storage.h"

namespace hypertune {

std::shared_ptr<Storage> postgres_storage(const std::string& url, PostgresOptions options) {
  auto database = std::make_unique<PostgresDatabase>(url, options.timeout);
  prepare_postgres_schema(*database);
  return std::make_shared<SqlStorage>(std::move(database), std::move(options.clock));
}

}  // namespace hypertune
