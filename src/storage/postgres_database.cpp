// The one place that calls libpq. The connection is always in pipeline mode.
#include "storage/postgres_database.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "hypertune/storage.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kOldestServer = 150000;
constexpr std::size_t kMostSent = 1000;  // statements, so that answers do not pile up
constexpr milliseconds kNapBetweenTries{100};
constexpr std::string_view kDivisionByZero = "22012";  // no statement divides but in a check

/// What a user can do about an error, by its SQLSTATE.
std::string remedy(std::string_view state, milliseconds timeout) {
  if (state == "55P03" || state == "57014") {
    return fmt::format(
        "locked by another program for {} ms; end the program that keeps a transaction open, then "
        "run again",
        timeout.count());
  }
  if (state == "42501") return "the user may not do this; GRANT it CREATE and USAGE on the schema";
  if (state == "25006") return "the server only reads (a standby); name the primary server";
  if (state == "53100") return "the disk of the server is full; free some space, then run again";
  if (state == "22001") return "a name is longer than the 512 characters that Optuna's tables hold";
  if (state == "22003") return "a number is larger than Optuna's tables hold";
  if (state.starts_with("22")) return "a text or number cannot be kept by PostgreSQL";
  if (state == "26000" || state == "42P05") {
    return "prepared statements get lost on the way; let the connection pooler keep sessions apart "
           "(session mode), or leave it out";
  }
  return "the database does not have the expected content; choose another one, or restore a copy";
}

/// What others did meanwhile undid the transaction: a deadlock, or somebody was faster to use a
/// unique key or to create a table.
bool was_undone(std::string_view state) {
  static constexpr std::array<std::string_view, 5> kStates = {"40001", "40P01", "23505", "42P07",
                                                              "42710"};
  return std::ranges::find(kStates, state) != kStates.end();
}

/// The server has ended the connection.
bool is_lost(std::string_view state) {
  return state.starts_with("08") || state.starts_with("57P") || state == "25P03";
}

std::string_view state_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

/// `$1` for `?1`: no constant of ours holds a question mark otherwise.
std::string translated(std::string_view sql) {
  std::string text(sql);
  std::ranges::replace(text, '?', '$');
  return text;
}

/// In the form in which statements are given them; nothing for NULL.
std::optional<std::string> text_of(const SqlValue& value) {
  struct Text {
    std::optional<std::string> operator()(std::nullptr_t) const { return std::nullopt; }
    std::optional<std::string> operator()(std::int64_t number) const {
      return std::to_string(number);
    }
    std::optional<std::string> operator()(double number) const { return format_number(number); }
    std::optional<std::string> operator()(std::string_view text) const { return std::string(text); }
    std::optional<std::string> operator()(Blob blob) const { return std::string(blob.bytes); }
  };
  return std::visit(Text(), value);
}

/// libpq takes what follows an "@" or "/" that was not encoded for a host or a port, and would
/// show it. Its own messages about a malformed URL repeat the URL.
void check_url(const std::string& url) {
  char* ignored = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), &ignored), PQconninfoFree);
  PQfreemem(ignored);
  bool usable = options != nullptr;
  for (const auto* option = options.get(); usable && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view value = option->val;
    if (std::string_view(option->keyword) == "host") {
      usable = value.find('@') == std::string_view::npos;
    } else if (std::string_view(option->keyword) == "port") {
      usable = value.find_first_not_of("0123456789,") == std::string_view::npos;
    }
  }
  if (usable) return;
  throw ConfigError(
      fmt::format("storage \"{}\": not a URL that PostgreSQL understands; write it as "
                  "postgresql://user@host:5432/database, with %40 for @, %2F for / and %3A for : "
                  "in a name or password, or leave the password to PGPASSWORD or ~/.pgpass",
                  masked_url(url)));
}

}  // namespace

/// Its text, and the rows of its last run, which are waited for when the first of them is wanted:
/// so queries that are started together cost one round trip.
class PostgresDatabase::Statement final : public SqlStatement {
 public:
  enum class Known : std::uint8_t { No, Sent, Yes };

  Statement(PostgresDatabase& database, std::string_view text, std::string own_name)
      : sql(translated(text)), name(std::move(own_name)), database_(database) {}

  void start(std::span<const SqlValue> values) override {
    HT_ASSERT(!is_read_ && !rows_);
    database_.send(*this, values, Sent::What::Reading);
    is_read_ = true;
    row_ = -1;
  }
  bool next() override {
    if (!rows_) database_.receive();
    HT_ASSERT(rows_);
    return ++row_ < PQntuples(rows_.get());
  }
  void end() noexcept override {
    if (is_read_ && !rows_) database_.forget(*this);
    is_read_ = false;
    rows_.reset();
  }
  void take(Result rows) { rows_ = std::move(rows); }

  std::int64_t integer(int column) const override {
    const std::string_view value = field(column);
    if (value == "t" || value == "f") return value == "t" ? 1 : 0;
    return number<std::int64_t>(value, column);
  }
  double real(int column) const override { return number<double>(field(column), column); }
  std::string text(int column) const override { return std::string(field(column)); }
  std::string blob(int column) const override {
    std::size_t size = 0;
    const auto* escaped = reinterpret_cast<const unsigned char*>(field(column).data());
    const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
        PQunescapeBytea(escaped, &size), PQfreemem);
    if (!bytes) throw StorageError(database_.name() + ": no memory is left for a checkpoint");
    return {reinterpret_cast<const char*>(bytes.get()), size};
  }
  bool is_null(int column) const override { return PQgetisnull(rows_.get(), row_, column) != 0; }

  std::string sql;
  std::string name;
  Known known = Known::No;  ///< to the server

 private:
  std::string_view field(int column) const {
    if (is_null(column)) fail_type(column);
    return {PQgetvalue(rows_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(rows_.get(), row_, column))};
  }
  template <class Number>
  Number number(std::string_view value, int column) const {
    Number result{};
    const auto [stop, error] = std::from_chars(value.begin(), value.end(), result);
    if (error != std::errc() || stop != value.end()) fail_type(column);
    return result;
  }
  [[noreturn]] void fail_type(int column) const {
    throw StorageError(
        fmt::format("{}: column \"{}\" holds a value of the wrong type; restore a copy",
                    database_.name(), PQfname(rows_.get(), column)));
  }

  PostgresDatabase& database_;
  Result rows_;
  int row_ = -1;
  bool is_read_ = false;  ///< from its start to its end
};

PostgresDatabase::PostgresDatabase(const std::string& url, milliseconds timeout)
    : url_(url), masked_(masked_url(url)), timeout_(timeout) {
  check_url(url);
  connect();
}

PostgresDatabase::~PostgresDatabase() = default;

// --- The connection ---

/// A server that starts, or that was there before, is waited for.
void PostgresDatabase::connect() {
  const Deadline deadline = steady_clock::now() + timeout_;
  const std::string seconds =
      std::to_string(std::max<std::int64_t>(2, timeout_.count() / milliseconds::period::den));
  const std::string tcp_timeout = std::to_string(timeout_.count());
  // What the URL says itself comes last, and wins.
  const char* const keys[] = {"connect_timeout",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              "client_encoding",
                              "application_name",
                              "dbname",
                              static_cast<const char*>(nullptr)};
  const char* const values[] = {seconds.c_str(), tcp_timeout.c_str(), "30",   "UTF8",
                                "hypertune",     url_.c_str(),        nullptr};
  while (true) {
    connection_.reset(PQconnectdbParams(keys, values, 1));
    if (PQstatus(connection_.get()) == CONNECTION_OK) break;
    const bool starts = PQpingParams(keys, values, 1) == PQPING_REJECT;
    const std::string message(trim(PQerrorMessage(connection_.get())));
    connection_.reset();
    if ((!connected_ && !starts) || steady_clock::now() > deadline) {
      throw StorageError(fmt::format(
          "{}: cannot be reached; check host, port, user and database, that the server runs, and "
          "that PGPASSWORD or ~/.pgpass has the password (PostgreSQL: {})",
          masked_, message));
    }
    std::this_thread::sleep_for(kNapBetweenTries);
  }
  set_session();
  connected_ = true;
}

void PostgresDatabase::set_session() {
  const int version = PQserverVersion(connection_.get());
  if (version < kOldestServer) {
    connection_.reset();
    throw StorageError(fmt::format("{}: PostgreSQL {} is too old; 15 is the oldest that will do",
                                   masked_, version / 10000));
  }
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  // A process that is stopped within a transaction must not keep the others waiting for ever.
  const std::string settings = fmt::format(
      "SET lock_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; "
      "SET statement_timeout = {1}; SET DateStyle = ISO; SET TimeZone = 'UTC'; "
      "SET extra_float_digits = 1; SET bytea_output = 'hex'",
      timeout_.count(), 2 * timeout_.count());
  const Result result(PQexec(connection_.get(), settings.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(result.get());
  PQenterPipelineMode(connection_.get());
}

void PostgresDatabase::drop_connection() {
  connection_.reset();
  sent_.clear();
  for (auto& [text, statement] : statements_) statement->known = Statement::Known::No;
}

void PostgresDatabase::fail_lost() {
  const std::string message(trim(PQerrorMessage(connection_.get())));
  drop_connection();
  throw TransactionUndone(
      fmt::format("{}: the connection was lost; check the network and the server, then run again "
                  "(PostgreSQL: {})",
                  masked_, message));
}

void PostgresDatabase::fail(const PGresult* result) {
  const std::string state(state_of(result));
  if (is_lost(state)) fail_lost();
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message =
      fmt::format("{}: {} (PostgreSQL: {})", masked_, remedy(state, timeout_),
                  primary == nullptr ? PQresultErrorMessage(result) : primary);
  if (was_undone(state)) throw TransactionUndone(message);
  if (state == kDivisionByZero) throw CheckFailed(message);
  throw StorageError(message);
}

// --- Statements ---

PostgresDatabase::Statement& PostgresDatabase::statement(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    auto added = std::make_unique<Statement>(*this, sql, fmt::format("h{}", statements_.size()));
    found = statements_.emplace(sql, std::move(added)).first;
  }
  return *found->second;
}

SqlStatement& PostgresDatabase::prepared(std::string_view sql) { return statement(sql); }

void PostgresDatabase::run_later(SqlStatement& statement, std::span<const SqlValue> values) {
  send(static_cast<Statement&>(statement), values);
  if (sent_.size() >= kMostSent) receive();
}

void PostgresDatabase::send(Statement& statement, std::span<const SqlValue> values,
                            Sent::What what) {
  PGconn* connection = connection_.get();
  HT_ASSERT(connection != nullptr);
  if (statement.known == Statement::Known::No) {
    if (PQsendPrepare(connection, statement.name.c_str(), statement.sql.c_str(), 0, nullptr) == 0) {
      fail_lost();
    }
    statement.known = Statement::Known::Sent;
    sent_.push_back({&statement, Sent::What::Preparing});
  }
  std::vector<std::optional<std::string>> texts;
  std::vector<const char*> bytes;
  std::vector<int> lengths;
  std::vector<int> binary;
  texts.reserve(values.size());
  for (const SqlValue& value : values) {
    const auto& text = texts.emplace_back(text_of(value));
    const bool is_blob = std::holds_alternative<Blob>(value);
    if (text && !is_blob && text->find('\0') != std::string::npos) {
      throw StorageError(fmt::format(
          "{}: a text holds a zero byte, which PostgreSQL cannot keep; leave it out", masked_));
    }
    bytes.push_back(text ? text->c_str() : nullptr);
    lengths.push_back(text ? static_cast<int>(text->size()) : 0);
    binary.push_back(is_blob ? 1 : 0);
  }
  if (PQsendQueryPrepared(connection, statement.name.c_str(), static_cast<int>(values.size()),
                          bytes.data(), lengths.data(), binary.data(), 0) == 0) {
    fail_lost();
  }
  sent_.push_back({&statement, what});
}

void PostgresDatabase::forget(const Statement& statement) noexcept {
  for (Sent& sent : sent_) {
    const bool is_read = sent.statement == &statement && sent.what == Sent::What::Reading;
    if (is_read) sent.what = Sent::What::Running;
  }
}

PostgresDatabase::Result PostgresDatabase::next_result(Deadline deadline) {
  PGconn* connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    pollfd socket{PQsocket(connection), POLLIN, 0};
    const int ready = left > 0 ? ::poll(&socket, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || PQconsumeInput(connection) == 0) fail_lost();
  }
  Result result(PQgetResult(connection));
  if (PQstatus(connection) == CONNECTION_BAD && state_of(result.get()).empty()) fail_lost();
  return result;
}

void PostgresDatabase::receive() {
  if (PQpipelineSync(connection_.get()) == 0) fail_lost();
  // The server itself gives up before.
  const Deadline deadline = steady_clock::now() + 3 * timeout_;
  Result failure;
  while (!sent_.empty()) {
    const Sent next = sent_.front();
    Result result = next_result(deadline);
    const ExecStatusType status = PQresultStatus(result.get());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (next.what == Sent::What::Preparing) {
      next.statement->known = good ? Statement::Known::Yes : Statement::Known::No;
    } else if (good && next.what == Sent::What::Stamping) {
      take_stamp(result.get());
    }
    if (!good && status != PGRES_PIPELINE_ABORTED && !failure) {
      failure = std::move(result);
    } else if (good && next.what == Sent::What::Reading) {
      next.statement->take(std::move(result));
    }
    while (next_result(deadline)) continue;
    sent_.pop_front();
  }
  next_result(deadline);  // PGRES_PIPELINE_SYNC
  if (failure) fail(failure.get());
}

// --- Transactions ---

void PostgresDatabase::take_stamp(const PGresult* row) {
  transaction_id_ = PQgetvalue(row, 0, 0);
  time_ = TimePoint(std::chrono::microseconds(std::stoll(PQgetvalue(row, 0, 1))));
}

void PostgresDatabase::begin(Kind kind) {
  if (!connection_) connect();
  HT_ASSERT(sent_.empty());
  in_transaction_ = true;
  stamped_ = kind != Kind::Read;
  transaction_id_.clear();
  time_.reset();
  if (kind == Kind::Read) {
    send(statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), {});
    return;
  }
  // What is read after a lock was waited for is what the others left.
  send(statement("BEGIN ISOLATION LEVEL READ COMMITTED"), {});
  if (kind == Kind::WriteOnTheWay) send(statement("SET LOCAL synchronous_commit TO OFF"), {});
  send(statement("SELECT pg_current_xact_id(), "
                 "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"),
       {}, Sent::What::Stamping);
}

std::optional<TimePoint> PostgresDatabase::time() {
  if (!time_ && stamped_) receive();
  if (!time_) {
    Query row = query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    row.next();
    time_ = TimePoint(std::chrono::microseconds(row.integer(0)));
  }
  return time_;
}

void PostgresDatabase::commit() {
  // By its id one can ask later what became of it.
  if (stamped_ && transaction_id_.empty()) receive();
  try {
    send(statement("COMMIT"), {});
    receive();
  } catch (const TransactionUndone&) {
    const bool lost = !connection_;
    if (!lost || !stamped_ || !took_effect()) throw;
  }
  in_transaction_ = false;
}

std::string PostgresDatabase::revision() {
  // Of the transactions that write, the next one's id and those that have not ended.
  Query row = query("SELECT pg_current_snapshot()::text");
  row.next();
  return row.text(0);
}

void PostgresDatabase::commit_at_once() {
  send(statement("COMMIT"), {});
  receive();
  in_transaction_ = false;
}

void PostgresDatabase::roll_back() noexcept {
  try {
    if (connection_ && in_transaction_) {
      try {
        if (!sent_.empty()) receive();
      } catch (const StorageError&) {
        // Its transaction is given up anyway.
      }
      if (connection_) {
        send(statement("ROLLBACK"), {});
        receive();
      }
    }
  } catch (...) {
    drop_connection();
  }
  in_transaction_ = false;
}

/// A server that crashed gives the ids of transactions that it forgot out again: then this one has
/// ours, or a lower one. (Should another transaction have it, a claim or a result is taken for
/// stored that is not: the lease then runs out, and the trial is done again.)
bool PostgresDatabase::took_effect() {
  const Deadline deadline = steady_clock::now() + timeout_;
  while (true) {
    try {
      if (!connection_) connect();
      Query row = query(
          "SELECT CASE WHEN ?1 ::xid8 >= pg_current_xact_id() THEN 'aborted' "
          "ELSE pg_xact_status(?1 ::xid8) END",
          transaction_id_);
      row.next();
      const std::string status = row.is_null(0) ? "forgotten" : row.text(0);
      if (status == "committed") return true;
      if (status == "aborted") return false;
    } catch (const TransactionUndone&) {
      // The connection was lost once more.
    }
    if (steady_clock::now() > deadline) {
      throw StorageError(fmt::format(
          "{}: the connection was lost while a change was stored, and the server does not say "
          "whether it was; look at the study before you go on",
          masked_));
    }
    std::this_thread::sleep_for(kNapBetweenTries);
  }
}

}  // namespace hypertune
