// The dashboard of a store, served by a command.
#include "cli/dashboard.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr int kMostPort = 65535;
/// How long a store that is locked or away is waited for: people wait, and so does the end.
constexpr std::chrono::milliseconds kStorePatience{3000};

}  // namespace

int parse_port(const std::string& option, const std::string& text) {
  int port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc() || end != text.data() + text.size() || port < 0 || port > kMostPort) {
    throw ConfigError(fmt::format("{} {}: a port is a number from 0 (any that is free) to {}",
                                  option, text, kMostPort));
  }
  return port;
}

std::unique_ptr<Server> serve_store(const FoundStore& store, ServeOptions options) {
  options.version = HYPERTUNE_VERSION;
  options.shown_storage = masked_url(store.url);
  options.run_folder = [store](const StudySpec& study) -> std::optional<fs::path> {
    // Ours are named like folders; what other programs name theirs might lead anywhere.
    const std::string& name = study.name;
    if (name.starts_with('.') || fs::path(name).filename() != name) return std::nullopt;
    fs::path folder = run_folder_of(store, name);
    std::error_code error;
    if (!fs::is_directory(folder, error)) return std::nullopt;
    return folder;
  };
  return std::make_unique<Server>(
      open_storage(store.url, {.create = false, .lock_timeout = kStorePatience}),
      std::move(options));
}

}  // namespace hypertune
