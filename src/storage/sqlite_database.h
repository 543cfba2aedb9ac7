// A SQLite file: connection, cached statements, transactions, and errors that say how to mend them.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hypertune/rng.h"
#include "storage/sql_database.h"

namespace hypertune {

/// One connection. Not thread-safe: its owner guards it. Every member throws StorageError that
/// names the file.
class SqliteDatabase final : public SqlDatabase {
 public:
  /// Opens the file, or creates it together with missing folders when `create`. Refuses network
  /// file systems, folders and files that may not be written. Nothing is read or written yet.
  SqliteDatabase(const std::filesystem::path& file, bool create,
                 std::chrono::milliseconds lock_timeout);
  ~SqliteDatabase() override;
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  void begin(Kind kind) override;
  void commit() override;
  void roll_back() noexcept override;
  std::string revision() override;
  std::string name() const override { return file_.string(); }
  SqlDialect dialect() const override { return SqlDialect::Sqlite; }

  /// Runs several statements without values.
  void run_script(const std::string& sql);

  /// Readers and one writer work side by side from here on. `durable`: see SqliteOptions.
  void use_write_ahead_log(bool durable);

 private:
  class Statement;
  struct CloseConnection {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };

  SqlStatement& prepared(std::string_view sql) override;
  void run_later(SqlStatement& statement, std::span<const SqlValue> values) override;
  [[noreturn]] void fail(int code) const;
  static int on_busy(void* database, int tries);
  /// Throws unless the file is still where it was opened: what is written to one that was deleted
  /// is seen by nobody.
  void require_in_place() const;
  void relax(bool relaxed);

  std::filesystem::path file_;
  std::chrono::milliseconds lock_timeout_;
  std::chrono::steady_clock::time_point busy_since_;
  Rng rng_;  // for the length of naps
  bool durable_ = false;
  bool relaxed_ = false;  ///< durable, but for the present transaction
  std::unique_ptr<sqlite3, CloseConnection> handle_;
  std::unordered_map<std::string, std::unique_ptr<Statement>, TextHash, std::equal_to<>>
      statements_;
};

/// The name of the network file system that has this `statfs` number; nothing for a local one.
std::optional<std::string_view> network_file_system(std::uint64_t magic);

}  // namespace hypertune
