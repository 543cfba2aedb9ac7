// Where a study lies, as one text: a URL, or the path of a SQLite file.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "hypertune/error.h"
#include "hypertune/storage.h"

namespace hypertune {
namespace {

constexpr std::string_view kKnownForms =
    "give the path of a file, sqlite:///relative.db, sqlite:////absolute/path.db or "
    "postgresql://user@host/database";

/// The letters before `://`; nothing for a path.
std::string_view scheme_of(std::string_view url) {
  const std::size_t end = url.find("://");
  return end == std::string_view::npos ? std::string_view() : url.substr(0, end);
}

std::filesystem::path sqlite_path(std::string_view url) {
  const std::string_view rest = url.substr(std::string_view("sqlite://").size());
  if (!rest.starts_with('/') || rest.size() < 2) {
    throw ConfigError(
        fmt::format("storage \"{}\": names no file; a file takes three slashes, as in "
                    "sqlite:///study.db, and one in another folder four, as in "
                    "sqlite:////data/study.db",
                    url));
  }
  if (rest.find('?') != std::string_view::npos) {
    throw ConfigError(fmt::format(
        "storage \"{}\": a SQLite file takes no options after \"?\"; leave them out", url));
  }
  return std::filesystem::path(rest.substr(1));
}

/// Hides what follows each `password=`, up to the next option.
std::string without_password_options(std::string url) {
  constexpr std::string_view kKey = "password=";
  std::string lower = url;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (std::size_t at = lower.rfind(kKey); at != std::string::npos;
       at = at == 0 ? std::string::npos : lower.rfind(kKey, at - 1)) {
    const std::size_t begin = at + kKey.size();
    const std::size_t end = std::min(lower.find_first_of("& ", begin), lower.size());
    url.replace(begin, end - begin, "***");
    lower.replace(begin, end - begin, "***");
  }
  return url;
}

}  // namespace

std::shared_ptr<Storage> open_storage(const std::string& url, SqliteOptions sqlite) {
  if (url.empty()) throw ConfigError(fmt::format("the storage is empty; {}", kKnownForms));
  const std::string_view scheme = scheme_of(url);
  if (scheme.empty()) return sqlite_storage(url, std::move(sqlite));
  if (scheme == "sqlite") return sqlite_storage(sqlite_path(url), std::move(sqlite));
  // Optuna's URLs name the driver of Python too.
  if (scheme == "postgresql" || scheme == "postgres" || scheme.starts_with("postgresql+")) {
    return postgres_storage("postgresql" + url.substr(scheme.size()),
                            {.timeout = sqlite.lock_timeout});
  }
  throw ConfigError(fmt::format("storage \"{}\": \"{}://\" is not known; {}", masked_url(url),
                                scheme, kKnownForms));
}

std::string masked_url(std::string_view url) {
  const std::string_view scheme = scheme_of(url);
  if (scheme.empty()) return without_password_options(std::string(url));
  const std::size_t begin = scheme.size() + 3;
  // The last "@" there is: a password that should have been encoded may hold one. Rather too much
  // is hidden than too little.
  const std::size_t colon = url.find(':', begin);
  const std::size_t at = url.rfind('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at < colon) {
    return without_password_options(std::string(url));
  }
  return without_password_options(fmt::format("{}***{}", url.substr(0, colon + 1), url.substr(at)));
}

}  // namespace hypertune
