// A PostgreSQL database: connection, prepared statements, transactions, and errors that say how to
// mend them.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "storage/sql_database.h"

namespace hypertune {

/// Statements are sent without waiting for their answers, which come when the first row of one of
/// them is wanted, or with the commit. A lost connection is made again by the next transaction. Not
/// thread-safe.
class PostgresDatabase final : public SqlDatabase {
 public:
  /// Connects. Refuses servers older than 15. Throws StorageError, which never shows the password.
  PostgresDatabase(const std::string& url, std::chrono::milliseconds timeout);
  ~PostgresDatabase() override;

  void begin(Kind kind) override;
  void commit() override;
  void commit_at_once() override;
  void roll_back() noexcept override;
  std::optional<TimePoint> time() override;
  std::string revision() override;
  std::string name() const override { return masked_; }
  SqlDialect dialect() const override { return SqlDialect::Postgres; }

 private:
  class Statement;
  struct CloseConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, ClearResult>;
  using Deadline = std::chrono::steady_clock::time_point;

  /// What was sent, and is answered in its turn.
  struct Sent {
    Statement* statement;
    enum class What : std::uint8_t { Preparing, Running, Reading, Stamping } what;
  };

  SqlStatement& prepared(std::string_view sql) override;
  Statement& statement(std::string_view sql);
  void run_later(SqlStatement& statement, std::span<const SqlValue> values) override;

  void connect();
  void set_session();
  void send(Statement& statement, std::span<const SqlValue> values,
            Sent::What what = Sent::What::Running);
  /// Nobody will read the answer that is still to come.
  void forget(const Statement& statement) noexcept;
  /// Waits for the answers to all that was sent.
  void receive();
  /// The next result; nothing where an answer ends.
  Result next_result(Deadline deadline);
  void take_stamp(const PGresult* row);
  /// Whether the transaction whose commit was not answered took effect.
  bool took_effect();
  void drop_connection();
  [[noreturn]] void fail(const PGresult* result);
  [[noreturn]] void fail_lost();

  std::string url_;
  std::string masked_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<PGconn, CloseConnection> connection_;
  std::unordered_map<std::string, std::unique_ptr<Statement>, TextHash, std::equal_to<>>
      statements_;
  std::deque<Sent> sent_;   ///< and not answered yet
  bool connected_ = false;  ///< at some time
  bool in_transaction_ = false;
  bool stamped_ = false;        ///< it writes, and asked for its id and the time
  std::string transaction_id_;  ///< once it is known
  std::optional<TimePoint> time_;
};

}  // namespace hypertune
