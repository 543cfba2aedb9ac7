// Forks initdb and the server, as a user who may run them.
#include "support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

#include "support/eventually.h"

namespace hypertune::testing_support {
namespace {

/// Root may not run the server: Debian's package has a user for it.
const passwd* server_user() { return ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr; }

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket, any, size) != 0 || ::getsockname(socket, any, &size) != 0) {
    throw std::runtime_error("there is no free port");
  }
  ::close(socket);
  return ntohs(address.sin_port);
}

pid_t spawn(const std::vector<std::string>& command, const std::string& output) {
  const passwd* user = server_user();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int file = ::open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  bool ready = ::setsid() > 0 && ::chdir("/") == 0;
  if (user != nullptr) {
    ready = ready && ::setgroups(0, nullptr) == 0 && ::setgid(user->pw_gid) == 0 &&
            ::setuid(user->pw_uid) == 0;
  }
  // Should the test be killed, its server ends too.
  ready = ready && ::prctl(PR_SET_PDEATHSIG, SIGQUIT) == 0 && ::getppid() == parent;
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  if (ready) ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

}  // namespace

std::string PostgresServer::programs() {
  if (::geteuid() == 0 && server_user() == nullptr) return "";
  std::string newest;
  int version = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const int found = std::atoi(entry.path().filename().c_str());
    if (found <= version || !std::filesystem::exists(entry.path() / "bin" / "postgres")) continue;
    version = found;
    newest = entry.path() / "bin";
  }
  return newest;
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : port_(free_port()), owner_(::getpid()) {
  if (programs().empty()) {
    throw std::runtime_error("PostgreSQL is not installed: run scripts/setup.sh test");
  }
  const passwd* user = server_user();
  if (user != nullptr && ::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("the folder cannot be given to the user of PostgreSQL");
  }
  const pid_t init = spawn({programs() + "/initdb", "-D", folder_ / "data", "-A", "trust", "-U",
                            "hypertune", "-E", "UTF8", "--locale=C.UTF-8", "-N"},
                           folder_ / "log");
  int status = 0;
  if (::waitpid(init, &status, 0) != init || status != 0) {
    throw std::runtime_error("initdb failed; see " + (folder_ / "log").string());
  }
  start();
}

PostgresServer::~PostgresServer() {
  if (::getpid() == owner_) stop(SIGQUIT);
}

void PostgresServer::start() {
  server_ = spawn(
      {programs() + "/postgres", "-D", folder_ / "data", "-p", std::to_string(port_), "-c",
       "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + folder_.path().string(),
       "-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200"},
      folder_ / "log");
  bool ended = false;
  const bool ready = eventually([&] {
    ended = ::waitpid(server_, nullptr, WNOHANG) != 0;
    return ended || PQping(url("postgres").c_str()) == PQPING_OK;
  });
  if (ended || !ready) throw std::runtime_error("PostgreSQL does not start");
}

void PostgresServer::stop(int signal) {
  if (server_ <= 0) return;
  ::kill(server_, signal);
  ::waitpid(server_, nullptr, 0);
  server_ = -1;
}

void PostgresServer::crash_and_start() {
  stop(SIGQUIT);
  start();
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://hypertune:sesame@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresServer::create_database() {
  return create_database("test" + std::to_string(++databases_));
}

std::string PostgresServer::create_database(const std::string& name) {
  sql(url("postgres"), "CREATE DATABASE \"" + name + "\"");
  return url(name);
}

std::string PostgresServer::sql(const std::string& url, const std::string& statement) {
  const Connection connection(PQconnectdb(url.c_str()), PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), statement.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(statement + ": " + PQerrorMessage(connection.get()));
  }
  std::string rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    rows.append(PQgetvalue(result.get(), row, 0)).append("\n");
  }
  return rows;
}

}  // namespace hypertune::testing_support
