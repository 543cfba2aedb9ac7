// Passwords in URLs of stores: kept out of what is shown, stored and listed.
#include "cli/secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hypertune/storage.h"

namespace hypertune {
namespace {

constexpr std::string_view kAfterScheme = "://";
constexpr std::string_view kEndsUrl = " \t\r\n\"'<>";

bool in_scheme(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

}  // namespace

std::string mask_secrets(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find(kAfterScheme); at != std::string_view::npos;
       at = text.find(kAfterScheme, std::max(done, at + kAfterScheme.size()))) {
    std::size_t begin = at;
    while (begin > done && in_scheme(text[begin - 1])) --begin;
    const std::size_t end = std::min(text.find_first_of(kEndsUrl, at), text.size());
    out += text.substr(done, begin - done);
    out += masked_url(text.substr(begin, end - begin));
    done = end;
  }
  return out.append(text.substr(done));
}

std::string without_password(std::string_view url) {
  std::string out(url);
  const std::size_t scheme = out.find(kAfterScheme);
  if (scheme == std::string::npos) return out;
  const std::size_t begin = scheme + kAfterScheme.size();
  const std::size_t at = out.substr(0, out.find_first_of("/?#", begin)).rfind('@');
  if (at != std::string::npos && at >= begin) {
    const std::size_t colon = out.find(':', begin);
    if (colon < at) out.erase(colon, at - colon);
  }
  for (std::size_t key = out.find("password="); key != std::string::npos;
       key = out.find("password=", key)) {
    std::size_t first = out.find_last_of("?&", key);
    if (first == std::string::npos) break;
    const std::size_t last = out.find('&', key);
    // The first parameter keeps its question mark for those that follow.
    out.erase(first + 1, last == std::string::npos ? last : last - first);
    if (last == std::string::npos) out.pop_back();
    key = first;
  }
  return out;
}

void hide_arguments(int argc, char** argv) {
  constexpr std::string_view kToken = "--token";
  bool is_token = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_token = word.starts_with(kToken) && word.substr(kToken.size()).starts_with('=');
    std::string masked = mask_secrets(word);
    if (is_token) masked = "***";
    if (has_token) masked = fmt::format("{}=***", kToken);
    is_token = word == kToken;
    const std::size_t size = std::strlen(argv[i]);
    if (masked == argv[i]) continue;
    // In place: the kernel shows these bytes. What is left of a longer argument becomes blank.
    for (std::size_t at = 0; at < size; ++at) argv[i][at] = at < masked.size() ? masked[at] : ' ';
  }
}

}  // namespace hypertune
