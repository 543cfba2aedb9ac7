// A private PostgreSQL on the loopback device, one for each test program that asks for it.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/temporary_folder.h"

namespace hypertune::testing_support {

/// Starts in the constructor and ends in the destructor, with all it kept. Trusts everybody who
/// reaches it.
class PostgresServer {
 public:
  /// Where its programs are; empty where PostgreSQL is not installed.
  static std::string programs();
  /// The server of this program, started when it is first asked for. Children that are forked may
  /// use it, and leave it running.
  static PostgresServer& shared();

  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// The URL of a new, empty database.
  std::string create_database();
  std::string create_database(const std::string& name);
  int port() const { return port_; }
  /// Of one that was created.
  std::string url(const std::string& database) const;
  /// Ends it at once, as a crash would, and starts it again; connections are lost.
  void crash_and_start();
  /// Runs SQL past the store, as an administrator would; returns the rows, one a line.
  std::string sql(const std::string& url, const std::string& statement);

 private:
  void start();
  void stop(int signal);

  TemporaryFolder folder_;
  int port_ = 0;
  int databases_ = 0;
  pid_t owner_ = -1;
  pid_t server_ = -1;
};

}  // namespace hypertune::testing_support
