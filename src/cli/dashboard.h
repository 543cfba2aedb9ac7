// The dashboard of a store, served by a command.
#pragma once

#include <memory>
#include <string>

#include "cli/stored_study.h"
#include "serve/server.h"

namespace hypertune {

/// The port that the dashboard has when no other is asked for; where it is taken, one of those that
/// follow.
constexpr int kDashboardPort = 8080;
constexpr int kPortsToTry = 20;

/// A port as a user gives it, 0 to 65535. Throws ConfigError that names the option.
int parse_port(const std::string& option, const std::string& text);

/// Serves the store, over a connection of its own, until the server is destroyed. `options` lack
/// only what follows from the store. Throws StorageError or ConfigError when that cannot be.
std::unique_ptr<Server> serve_store(const FoundStore& store, ServeOptions options);

}  // namespace hypertune
