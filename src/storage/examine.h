// Looks for damage in the tables of a store.
#pragma once

#include <vector>

#include "hypertune/storage.h"
#include "storage/sql_database.h"

namespace hypertune {

/// What Storage::examine says of a database, in a transaction of the caller's. `now` tells which
/// leases have run out. Throws StorageError where the tables cannot be read at all.
std::vector<Finding> examine(SqlDatabase& database, TimePoint now);

}  // namespace hypertune
