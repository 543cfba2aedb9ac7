// A SQLite file: connection, cached statements, transactions, and errors that say how to mend them.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "hypertune/rng.h"

namespace hypertune {

class Database;

/// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

/// A statement that was given its values. Rows are read one after the other; the statement can be
/// asked for again when the Query is gone. Every member throws StorageError.
class Query {
 public:
  Query(Query&& other) noexcept
      : database_(other.database_), at_(std::exchange(other.at_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  /// Steps to the next row; false when there is none.
  bool next();

  /// Columns of the present row, from 0. A column of another type is damage.
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  Query(Database& database, sqlite3_stmt* statement) : database_(database), at_(statement) {}

  void bind(int index, std::nullptr_t);
  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, Blob value);
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, nullptr);
  }
  void check(int code) const;
  void require(bool right_type, int column) const;

  Database& database_;
  sqlite3_stmt* at_;
};

/// One connection. Not thread-safe: its owner guards it. Every member throws StorageError that
/// names the file.
class Database {
 public:
  /// Opens the file, or creates it together with missing folders when `create`. Refuses network
  /// file systems, folders and files that may not be written. Nothing is read or written yet.
  Database(const std::filesystem::path& file, bool create, std::chrono::milliseconds lock_timeout);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// A statement with `?1`, `?2`, ... given these values. `sql` is a constant of the program.
  template <class... Values>
  Query query(std::string_view sql, const Values&... values) {
    Query result(*this, prepared(sql));
    int index = 0;
    (result.bind(++index, values), ...);
    return result;
  }

  /// Runs a statement to its end. Returns how many rows it changed.
  template <class... Values>
  int run(std::string_view sql, const Values&... values) {
    Query statement = query(sql, values...);
    while (statement.next()) continue;
    return sqlite3_changes(handle_.get());
  }

  /// Runs several statements without values.
  void run_script(const std::string& sql);

  /// Readers and one writer work side by side from here on. `durable`: see SqliteOptions.
  void use_write_ahead_log(bool durable);

  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  std::string name() const { return file_.string(); }

 private:
  friend class Query;
  friend class Transaction;
  struct CloseConnection {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  sqlite3_stmt* prepared(std::string_view sql);
  [[noreturn]] void fail(int code) const;
  static int on_busy(void* database, int tries);
  void relax(bool relaxed);

  std::filesystem::path file_;
  std::chrono::milliseconds lock_timeout_;
  std::chrono::steady_clock::time_point busy_since_;
  Rng rng_;  // for the length of naps
  bool durable_ = false;
  bool relaxed_ = false;  ///< durable, but for the present transaction
  std::unique_ptr<sqlite3, CloseConnection> handle_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>> statements_;
};

/// Undoes what happened since its construction, unless it was committed.
class Transaction {
 public:
  enum class Kind : std::uint8_t {
    Read,   ///< sees one state of the database, and never waits
    Write,  ///< the only writer until it ends
    /// As Write, but a power cut may undo it until the next Write is committed: for what happens
    /// on the way to a result.
    WriteOnTheWay,
  };
  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

/// The name of the network file system that has this `statfs` number; nothing for a local one.
std::optional<std::string_view> network_file_system(std::uint64_t magic);

}  // namespace hypertune
