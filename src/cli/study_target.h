// Where a command puts a whole study.
#pragma once

#include <filesystem>
#include <string>

#include "cli/new_file.h"
#include "report/study_copy.h"

namespace hypertune {

/// A store as a user names it: a URL, a database, or a folder, in which the database is `study.db`.
std::string store_named(const std::string& where);

/// Writes a SQLite database that holds nothing but the study, as one file.
void write_database(const StudyCopy& copy, const std::filesystem::path& file);

/// Puts the study in the store, wholly or not at all; creates the store where it is missing. Throws
/// StudyMismatch when the store has trials of a study of that name.
void put_study(const StudyCopy& copy, const std::string& store);

/// `12 trials`, and how many of them wait because they had not ended.
std::string trials_text(const StudyCopy& copy, int rested);

}  // namespace hypertune
