// The tables of a PostgreSQL database: Optuna's, and ours beside them.
#pragma once

#include "storage/sql_database.h"

namespace hypertune {

/// Creates what is missing, in the first schema of the user's search path; any number of processes
/// may do so at once. Tables of other programs are left alone. Throws StorageError, and changes
/// nothing, when tables with Optuna's names are not Optuna's or of a version that cannot be used.
void prepare_postgres_schema(SqlDatabase& database);

}  // namespace hypertune
