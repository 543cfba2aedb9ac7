// What the store needs of a SQL database: statements with values, rows, transactions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "hypertune/error.h"
#include "hypertune/trial.h"

namespace hypertune {

/// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

/// What a statement is given for `?1`, `?2`, ... Its bytes must outlive the start of the statement.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;

inline SqlValue sql_value(std::nullptr_t) { return nullptr; }
inline SqlValue sql_value(std::int64_t value) { return value; }
inline SqlValue sql_value(int value) { return std::int64_t{value}; }
inline SqlValue sql_value(double value) { return value; }
inline SqlValue sql_value(std::string_view value) { return value; }
inline SqlValue sql_value(const std::string& value) { return std::string_view(value); }
inline SqlValue sql_value(const char* value) { return std::string_view(value); }
inline SqlValue sql_value(Blob value) { return value; }
template <class T>
SqlValue sql_value(const std::optional<T>& value) {
  return value ? sql_value(*value) : SqlValue(nullptr);
}

/// A prepared statement, which its database keeps. Every member but `end` throws StorageError.
class SqlStatement {
 public:
  virtual ~SqlStatement() = default;
  virtual void start(std::span<const SqlValue> values) = 0;
  /// Steps to the next row; false when there is none.
  virtual bool next() = 0;
  /// Forgets the rows; it can be started again.
  virtual void end() noexcept = 0;

  /// Columns of the present row, from 0. A column of another type is damage.
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string text(int column) const = 0;
  virtual std::string blob(int column) const = 0;
  virtual bool is_null(int column) const = 0;
};

/// A statement that runs, until the Query is gone. Rows are read one after the other. What goes
/// wrong may be thrown as late as by `next`. Queries that are made before the first of them is read
/// are asked together, which spares a server's client most of the waiting.
class Query {
 public:
  Query(SqlStatement& statement, std::span<const SqlValue> values) : at_(&statement) {
    try {
      at_->start(values);
    } catch (...) {
      at_->end();
      throw;
    }
  }
  Query(Query&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query() {
    if (at_ != nullptr) at_->end();
  }
  bool next() { return at_->next(); }
  std::int64_t integer(int column) const { return at_->integer(column); }
  double real(int column) const { return at_->real(column); }
  std::string text(int column) const { return at_->text(column); }
  std::string blob(int column) const { return at_->blob(column); }
  bool is_null(int column) const { return at_->is_null(column); }

 private:
  SqlStatement* at_;
};

/// The transaction was undone, wholly and through no fault of its own: it may be tried again.
struct TransactionUndone : StorageError {
  using StorageError::StorageError;
};

/// A statement of a check found that what it checks does not hold; see `SqlDatabase::check`.
struct CheckFailed : StorageError {
  using StorageError::StorageError;
};

enum class SqlDialect : std::uint8_t { Sqlite, Postgres };

/// One connection. Not thread-safe: its owner guards it. Every member throws StorageError that
/// names the database.
class SqlDatabase {
 public:
  enum class Kind : std::uint8_t {
    Read,   ///< sees one state of the database, and never waits
    Write,  ///< kept through a power cut, as far as the options say so
    /// As Write, but a power cut may undo it until the next Write is committed: for what happens
    /// on the way to a result.
    WriteOnTheWay,
  };

  virtual ~SqlDatabase() = default;

  /// `sql` is a constant of the program, in what both dialects have in common.
  template <class... Values>
  Query query(std::string_view sql, const Values&... values) {
    const std::array<SqlValue, sizeof...(Values)> all = {sql_value(values)...};
    return {prepared(sql), all};
  }
  /// Runs a statement whose rows, if it gives any, nobody needs. What goes wrong may be thrown as
  /// late as by the next query, or by the end of the transaction.
  template <class... Values>
  void run(std::string_view sql, const Values&... values) {
    const std::array<SqlValue, sizeof...(Values)> all = {sql_value(values)...};
    run_later(prepared(sql), all);
  }

  virtual void begin(Kind kind) = 0;
  /// Where the connection is lost meanwhile, finds out whether the transaction took effect.
  virtual void commit() = 0;
  /// The same with all that was not answered yet, in one trip to a server. Does not find out:
  /// TransactionUndone then says that the transaction was undone or took effect.
  virtual void commit_at_once() { commit(); }
  virtual void roll_back() noexcept = 0;

  /// The time of the database's own clock in the present transaction; nothing where it has none.
  virtual std::optional<TimePoint> time() { return std::nullopt; }
  /// See Storage::revision. In a transaction.
  virtual std::string revision() = 0;
  virtual std::string name() const = 0;
  /// On SQLite a transaction that writes is alone; on PostgreSQL it must lock what others write.
  virtual SqlDialect dialect() const = 0;

 protected:
  virtual SqlStatement& prepared(std::string_view sql) = 0;
  virtual void run_later(SqlStatement& statement, std::span<const SqlValue> values) = 0;
};

/// Runs `work()` in a transaction, again where that was undone.
template <class Work>
auto transact(SqlDatabase& database, SqlDatabase::Kind kind, Work work) {
  constexpr int kMostTries = 20;
  for (int tries = 1;; ++tries) {
    try {
      database.begin(kind);
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        database.commit();
        return;
      } else {
        auto result = work();
        database.commit();
        return result;
      }
    } catch (const TransactionUndone&) {
      database.roll_back();
      if (tries == kMostTries) throw;
    } catch (...) {
      database.roll_back();
      throw;
    }
  }
}

/// Finds statements by their text without a copy of it.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace hypertune
