// The dashboard's server.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

struct ServeOptions {
  std::string bind = "127.0.0.1";       ///< address to listen on
  int port = 0;                         ///< 0: any that is free
  int ports = 1;                        ///< how many from `port` on are tried until one is free
  std::string token = {};               ///< demanded where `bind` is no loopback address
  std::vector<std::string> hosts = {};  ///< further names under which the page may be asked for
  bool allow_control = false;
  std::string version = {};
  std::string shown_storage = {};  ///< for people to read
  std::function<std::optional<std::filesystem::path>(const StudySpec&)> run_folder = {};
};

/// Fewest characters of a token that somebody chose.
inline constexpr std::size_t kShortestToken = 16;

/// Whether only this machine can reach the address.
bool is_loopback(const std::string& address);

/// Listens from its construction to its destruction, on threads of its own.
class Server {
 public:
  /// Throws ConfigError when the address cannot be listened on, or needs a token and has none or a
  /// short one.
  Server(std::shared_ptr<Storage> storage, ServeOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  /// What to open in a browser; with the token, if there is one.
  std::string url() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace hypertune
