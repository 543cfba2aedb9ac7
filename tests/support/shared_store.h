// Stores that several processes share, for tests that run on each of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "hypertune/storage.h"
#ifdef HYPERTUNE_HAS_POSTGRES
#include "support/postgres_server.h"
#endif
#include "support/temporary_folder.h"

namespace hypertune::testing_support {

struct SharedStore {
  std::string name;
  /// What it takes, and a little more, to open it and do two trials.
  std::chrono::microseconds start_takes;
  /// Called once, before other processes are forked.
  std::function<void(const TemporaryFolder&)> prepare;
  /// To be called in each process. The folder is that of the test, empty at first.
  std::function<std::shared_ptr<Storage>(const TemporaryFolder&)> open;
};

inline SharedStore shared_sqlite() {
  return {"Sqlite", std::chrono::milliseconds(10), [](const TemporaryFolder&) {},
          [](const TemporaryFolder& folder) { return sqlite_storage(folder / "s.db"); }};
}

#ifdef HYPERTUNE_HAS_POSTGRES
inline SharedStore shared_postgres() {
  const auto url = [](const TemporaryFolder& folder) {
    return PostgresServer::shared().url(folder.path().filename());
  };
  return {"Postgres", std::chrono::milliseconds(80),
          [](const TemporaryFolder& folder) {
            PostgresServer::shared().create_database(folder.path().filename());
          },
          [url](const TemporaryFolder& folder) { return postgres_storage(url(folder)); }};
}
#endif

}  // namespace hypertune::testing_support
