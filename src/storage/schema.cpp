// Which tables, and which versions of them, will do.
#include "storage/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array<std::string_view, 12> kOptunaTables = {"studies",
                                                            "study_directions",
                                                            "study_user_attributes",
                                                            "study_system_attributes",
                                                            "trials",
                                                            "trial_user_attributes",
                                                            "trial_system_attributes",
                                                            "trial_params",
                                                            "trial_values",
                                                            "trial_intermediate_values",
                                                            "trial_heartbeats",
                                                            "version_info"};

// 3.0 and 3.1 differ from later versions in one index alone.
constexpr std::array<std::string_view, 2> kRevisions = {"v3.2.0.a", "v3.0.0.d"};

void check_revision(SqlDatabase& database, std::string_view url) {
  Query query = database.query("SELECT version_num FROM alembic_version");
  // Optuna takes no revision for its own one.
  if (!query.next()) return;
  const std::string revision = query.text(0);
  if (std::ranges::find(kRevisions, std::string_view(revision)) != kRevisions.end()) return;
  throw StorageError(fmt::format(
      "{}: has revision {} of Optuna's tables, but {} is needed; run `optuna storage upgrade "
      "--storage {}` if it is older, or use a newer hypertune",
      database.name(), revision, kRevisions.front(), url));
}

}  // namespace

bool has_optuna_tables(const TableNames& names) {
  return std::ranges::any_of(kOptunaTables, [&](auto table) { return names.contains(table); });
}

void check_optuna_tables(SqlDatabase& database, const TableNames& names, std::string_view url) {
  for (const std::string_view table : kOptunaTables) {
    if (names.contains(table)) continue;
    throw StorageError(fmt::format(
        "{}: a database of another program (it has no table \"{}\"); nothing was "
        "changed. Choose another {}",
        database.name(), table, database.dialect() == SqlDialect::Sqlite ? "file" : "database"));
  }
  if (names.contains("alembic_version")) check_revision(database, url);
}

}  // namespace hypertune
