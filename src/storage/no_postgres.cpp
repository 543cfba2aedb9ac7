// Stands in for the PostgreSQL store where hypertune is built without libpq.
#include <fmt/format.h>

#include "hypertune/error.h"
#include "hypertune/storage.h"

namespace hypertune {

std::shared_ptr<Storage> postgres_storage(const std::string& url, PostgresOptions) {
  throw StorageError(
      fmt::format("{}: this hypertune was built without PostgreSQL; install libpq-dev and build it "
                  "again, or use a SQLite file",
                  masked_url(url)));
}

}  // namespace hypertune
