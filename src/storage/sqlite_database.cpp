// The one place that calls SQLite's C interface.
#include "storage/sqlite_database.h"

#include <fmt/format.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// SQLite's own busy timeout naps for up to 100 ms, by which a writer starves next to a busy one.
// Shorter naps than these make writers alternate, each of which then reads what the other changed:
// four of them store two thirds as much.
constexpr std::uint64_t kShortestNapUs = 700;
constexpr std::uint64_t kLongestNapUs = 2000;

// A change of a trial touches a few rows in as many pages, each of which is written to the log as a
// whole: half of SQLite's own size costs a fifth less. It holds for files that are new.
constexpr const char* kPageSize = "PRAGMA page_size = 2048";
// After so many pages of the log (16 MB) they are moved to the file, which takes a sync or two.
// Most are written again and again, and moved once.
constexpr const char* kMoveLogAfter = "PRAGMA wal_autocheckpoint = 8000";

/// What a user can do about an error of SQLite.
std::string remedy(int code, milliseconds lock_timeout) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fmt::format(
          "locked by another program for {} ms; end the program that keeps a transaction open, "
          "then run again",
          lock_timeout.count());
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return "cannot be written; give the file and its folder write permission, or choose another "
             "folder";
    case SQLITE_FULL:
      return "the disk is full; what was stored before is intact: free some space, then run again";
    case SQLITE_IOERR:
      return "the disk cannot be read or written; check its free space and its health, then run "
             "again";
    case SQLITE_NOTADB:
      return "not a SQLite database; choose another file, or move this one away";
    case SQLITE_CORRUPT:
      return "the database is damaged; restore a copy, or rescue what is left with sqlite3's "
             "command .recover";
    default:
      return "the database does not have the expected content; choose another file, or restore a "
             "copy";
  }
}

/// The nearest folder that exists, for a file that may not exist yet.
std::filesystem::path existing_folder(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::absolute(file, ignored).parent_path();
  while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

void refuse_network_file_system(const std::filesystem::path& file) {
  struct statfs info {};
  if (::statfs(existing_folder(file).c_str(), &info) != 0) return;
  const auto kind = network_file_system(static_cast<std::uint64_t>(info.f_type));
  if (!kind) return;
  throw StorageError(
      fmt::format("{}: lies on a network file system ({}), on which SQLite cannot be shared "
                  "safely; put it on a local disk. Sharing a study between machines takes "
                  "PostgreSQL",
                  file.string(), *kind));
}

void create_folder(const std::filesystem::path& file) {
  if (!file.has_parent_path()) return;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) {
    throw StorageError(
        fmt::format("{}: its folder cannot be created ({}); choose another folder, or mend the "
                    "permissions",
                    file.string(), error.message()));
  }
}

void check_path(const std::filesystem::path& file, bool create) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw StorageError(fmt::format("{}: is a folder; name a file in it", file.string()));
  }
  if (!create && !std::filesystem::exists(file, ignored)) {
    throw StorageError(
        fmt::format("{}: no such file; check the path, or run the study first", file.string()));
  }
}

}  // namespace

std::optional<std::string_view> network_file_system(std::uint64_t magic) {
  static constexpr std::array<std::pair<std::uint64_t, std::string_view>, 9> kNames = {{
      {0x6969, "NFS"},
      {0x517B, "SMB"},
      {0xFE534D42, "SMB"},
      {0xFF534D42, "CIFS"},
      {0x5346414F, "AFS"},
      {0x73757245, "Coda"},
      {0x00C36400, "Ceph"},
      {0x0BD00BD0, "Lustre"},
      {0x47504653, "GPFS"},
  }};
  for (const auto& [number, name] : kNames) {
    // Where the field is signed and 32 bits wide, large numbers arrive with their sign extended.
    if (number == (magic & 0xFFFFFFFFU)) return name;
  }
  return std::nullopt;
}

class SqliteDatabase::Statement final : public SqlStatement {
 public:
  Statement(SqliteDatabase& database, sqlite3_stmt* at) : database_(database), at_(at) {}

  void start(std::span<const SqlValue> values) override {
    HT_ASSERT(sqlite3_stmt_busy(at_.get()) == 0);
    int index = 0;
    for (const SqlValue& value : values) {
      const int code = std::visit(Bind{at_.get(), ++index}, value);
      if (code != SQLITE_OK) database_.fail(code);
    }
  }
  bool next() override {
    const int code = sqlite3_step(at_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    database_.fail(code);
  }
  void end() noexcept override {
    sqlite3_reset(at_.get());  // repeats the error of the last step, which was thrown there
    sqlite3_clear_bindings(at_.get());
  }

  std::int64_t integer(int column) const override {
    require(type(column) == SQLITE_INTEGER, column);
    return sqlite3_column_int64(at_.get(), column);
  }
  double real(int column) const override {
    require(type(column) == SQLITE_FLOAT || type(column) == SQLITE_INTEGER, column);
    return sqlite3_column_double(at_.get(), column);
  }
  std::string text(int column) const override {
    require(type(column) == SQLITE_TEXT, column);
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(at_.get(), column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(at_.get(), column))};
  }
  std::string blob(int column) const override {
    require(type(column) == SQLITE_BLOB, column);
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(at_.get(), column));
    return {bytes, bytes + sqlite3_column_bytes(at_.get(), column)};
  }
  bool is_null(int column) const override { return type(column) == SQLITE_NULL; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Bind {
    sqlite3_stmt* at;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(at, index); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(at, index, value); }
    int operator()(double value) const { return sqlite3_bind_double(at, index, value); }
    int operator()(std::string_view text) const {
      // An empty view may have no address, which SQLite would take for NULL.
      const char* bytes = text.data() == nullptr ? "" : text.data();
      return sqlite3_bind_text64(at, index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    int operator()(Blob blob) const {
      const char* bytes = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
      return sqlite3_bind_blob64(at, index, bytes, blob.bytes.size(), SQLITE_TRANSIENT);
    }
  };

  int type(int column) const { return sqlite3_column_type(at_.get(), column); }
  void require(bool right_type, int column) const {
    if (right_type) return;
    throw StorageError(
        fmt::format("{}: column \"{}\" holds a value of the wrong type; restore a copy",
                    database_.name(), sqlite3_column_name(at_.get(), column)));
  }

  SqliteDatabase& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> at_;
};

SqliteDatabase::SqliteDatabase(const std::filesystem::path& file, bool create,
                               milliseconds lock_timeout)
    : file_(file),
      lock_timeout_(lock_timeout),
      rng_(static_cast<std::uint64_t>(::getpid()), reinterpret_cast<std::uintptr_t>(this)) {
  check_path(file, create);
  refuse_network_file_system(file);
  if (create) create_folder(file);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code);
  if (sqlite3_db_readonly(handle, "main") == 1) fail(SQLITE_READONLY);
  sqlite3_busy_handler(handle, &SqliteDatabase::on_busy, this);
  // A file that turns out to be another program's must stay as it is: no tidying at the end.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

SqliteDatabase::~SqliteDatabase() = default;

int SqliteDatabase::on_busy(void* database, int tries) {
  auto& self = *static_cast<SqliteDatabase*>(database);
  const auto now = steady_clock::now();
  if (tries == 0) self.busy_since_ = now;
  if (now - self.busy_since_ >= self.lock_timeout_) return 0;
  const std::uint64_t nap = kShortestNapUs + self.rng_.below(kLongestNapUs - kShortestNapUs + 1);
  std::this_thread::sleep_for(std::chrono::microseconds(nap));
  return 1;
}

void SqliteDatabase::fail(int code) const {
  const char* detail = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  throw StorageError(
      fmt::format("{}: {} (SQLite: {})", name(), remedy(code, lock_timeout_), detail));
}

SqlStatement& SqliteDatabase::prepared(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* at = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &at, nullptr);
    if (code != SQLITE_OK) fail(code);
    found = statements_.emplace(sql, std::make_unique<Statement>(*this, at)).first;
  }
  return *found->second;
}

void SqliteDatabase::run_later(SqlStatement& statement, std::span<const SqlValue> values) {
  Query query(statement, values);
  while (query.next()) continue;
}

void SqliteDatabase::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void SqliteDatabase::use_write_ahead_log(bool durable) {
  const auto mode = [this](std::string_view pragma) {
    Query query = this->query(pragma);
    return query.next() ? query.text(0) : std::string();
  };
  run_script(kPageSize);
  run_script(kMoveLogAfter);
  // The change needs the file for a moment alone, and SQLite does not call the busy handler for it.
  for (int tries = 0; mode("PRAGMA journal_mode") != "wal"; ++tries) {
    try {
      if (mode("PRAGMA journal_mode = WAL") == "wal") break;
      throw StorageError(
          fmt::format("{}: this place cannot hold a write-ahead log; keep the study in a file on a "
                      "local disk, or in memory with memory_storage()",
                      name()));
    } catch (const StorageError&) {
      constexpr int kPrimaryCode = 0xff;
      const int code = sqlite3_errcode(handle_.get()) & kPrimaryCode;
      if (code != SQLITE_BUSY && code != SQLITE_LOCKED) throw;
    }
    if (on_busy(this, tries) == 0) fail(SQLITE_BUSY);
  }
  durable_ = durable;
  run_script(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

void SqliteDatabase::require_in_place() const {
  int has_moved = 0;
  sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  if (has_moved == 0) return;
  throw StorageError(
      fmt::format("{}: was deleted or moved while it was in use; what is stored from now on would "
                  "be lost: put the file back, or restore a copy, then run again",
                  name()));
}

void SqliteDatabase::relax(bool relaxed) {
  if (!durable_ || relaxed_ == relaxed) return;
  run_script(relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
  relaxed_ = relaxed;
}

void SqliteDatabase::begin(Kind kind) {
  if (kind != Kind::Read) {
    require_in_place();
    relax(kind == Kind::WriteOnTheWay);
  }
  run(kind == Kind::Read ? "BEGIN" : "BEGIN IMMEDIATE");
}

void SqliteDatabase::commit() { run("COMMIT"); }

std::string SqliteDatabase::revision() {
  require_in_place();
  // The first counts what others committed, the second the rows that were changed here.
  Query row = query("PRAGMA data_version");
  const std::int64_t others = row.next() ? row.integer(0) : 0;
  return fmt::format("{}-{}", others, sqlite3_total_changes64(handle_.get()));
}

void SqliteDatabase::roll_back() noexcept {
  // After some errors SQLite has rolled back already.
  if (sqlite3_get_autocommit(handle_.get()) != 0) return;
  sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace hypertune
