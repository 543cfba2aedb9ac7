// SQLite files as a whole: copies of those that are in use, and what Optuna of any version opens.
#include "storage/sqlite_files.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>

#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

/// Copying needs no lock that writers hold for long.
constexpr int kLockTimeoutMs = 60'000;

struct CloseConnection {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

[[noreturn]] void fail(const fs::path& file, sqlite3* handle, int code) {
  throw StorageError(fmt::format(
      "{}: {}; nothing was changed. Check the disk and the permissions of the file and "
      "its folder",
      file.string(), handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle)));
}

Connection opened(const fs::path& file, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  Connection connection(handle);
  if (code != SQLITE_OK) fail(file, handle, code);
  sqlite3_busy_timeout(handle, kLockTimeoutMs);
  return connection;
}

void run(const Connection& connection, const fs::path& file, const char* script) {
  const int code = sqlite3_exec(connection.get(), script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(file, connection.get(), code);
}

}  // namespace

void copy_sqlite_file(const fs::path& from, const fs::path& to) {
  const Connection source = opened(from, SQLITE_OPEN_READWRITE);
  const Connection target = opened(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (backup == nullptr) fail(to, target.get(), sqlite3_errcode(target.get()));
  // All pages in one step: one state of the database, which writers do not disturb.
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) fail(code == SQLITE_FULL ? to : from, nullptr, code);
  run(target, to, "PRAGMA journal_mode = DELETE");
}

void make_single_file(const fs::path& file) {
  run(opened(file, SQLITE_OPEN_READWRITE), file, "PRAGMA journal_mode = DELETE");
}

void open_to_every_optuna(const fs::path& file) {
  run(opened(file, SQLITE_OPEN_READWRITE), file,
      "DELETE FROM version_info; DELETE FROM alembic_version; PRAGMA journal_mode = DELETE");
}

}  // namespace hypertune
