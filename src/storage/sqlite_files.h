// SQLite files as a whole: copies of those that are in use, and what Optuna of any version opens.
#pragma once

#include <filesystem>

namespace hypertune {

/// Copies a database as it is at one moment, while others go on writing to it. The copy is one
/// file, which must not exist yet. Throws StorageError that names the file and the reason.
void copy_sqlite_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Takes into the file what its write-ahead log holds, so that it can be moved. Nobody has it open.
/// Throws StorageError.
void make_single_file(const std::filesystem::path& file);

/// Makes the file, which nobody has open, one that every Optuna from 3.0 on opens: the first to do
/// so stamps it with its own version. Throws StorageError.
void open_to_every_optuna(const std::filesystem::path& file);

}  // namespace hypertune
