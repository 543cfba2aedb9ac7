// What all databases have in common that hold Optuna's tables.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "storage/sql_database.h"

namespace hypertune {

/// Of tables and indices.
using TableNames = std::set<std::string, std::less<>>;

/// Whether one of them is a table of Optuna's.
bool has_optuna_tables(const TableNames& names);

/// Throws StorageError unless all of Optuna's tables are there, in a version that can be used.
/// `url` is what Optuna would be given, without a password.
void check_optuna_tables(SqlDatabase& database, const TableNames& names, std::string_view url);

}  // namespace hypertune
