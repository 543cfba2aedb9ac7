// The tables of a study file: Optuna's, and ours beside them.
#pragma once

#include "storage/sqlite_database.h"

namespace hypertune {

/// Creates what is missing. Throws StorageError, and changes nothing, when the tables are another
/// program's or of a version that cannot be used.
void prepare_sqlite_schema(SqliteDatabase& database, bool durable);

}  // namespace hypertune
