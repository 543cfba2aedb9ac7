// What a terminal can show: size, character set, colors; texts cut to fit it.
#include "cli/terminal.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cwchar>

#include "base/files.h"

namespace hypertune {
namespace {

constexpr std::string_view kHideCursor = "\x1b[?25l";
constexpr std::string_view kShowCursor = "\x1b[?25h";

// A signal handler can reach nothing else: the terminal whose cursor is hidden, or -1.
std::atomic<int> hidden_cursor_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

constexpr char32_t kNoCharacter = 0xFFFFFFFF;

struct Character {
  char32_t code = kNoCharacter;  ///< kNoCharacter: not UTF-8
  std::size_t length = 1;        ///< bytes
};

/// The character that begins at `at`.
Character decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
  if (length == 0 || lead >= 0xF8 || at + length > text.size()) return {};
  char32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = at + 1; i < at + length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  return {code, length};
}

int width_of(char32_t code) {
  if (code < 0x80) return 1;
  const int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : width;
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* name = std::getenv("TERM");
  return name == nullptr || std::string_view(name) == "dumb";
}

}  // namespace

bool is_live_terminal(int fd) { return isatty(fd) == 1 && !is_dumb(); }

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {size.ws_col, size.ws_row == 0 ? TerminalSize{}.rows : size.ws_row};
}

TerminalStyle terminal_style() {
  return {.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8",
          .color = !is_set("NO_COLOR") && !is_dumb()};
}

void hide_cursor(int fd) {
  hidden_cursor_fd = fd;
  write_all(fd, kHideCursor);
}

void show_cursor() {
  const int fd = hidden_cursor_fd.exchange(-1);
  if (fd >= 0) write_all(fd, kShowCursor);
}

void show_cursor_in_handler() {
  const int fd = hidden_cursor_fd.exchange(-1);
  if (fd < 0) return;
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, 0) == 1) [[maybe_unused]]
    const auto written = write(fd, kShowCursor.data(), kShowCursor.size());
}

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character next = decode(text, at);
    width += width_of(next.code == kNoCharacter ? U'?' : next.code);
    at += next.length;
  }
  return width;
}

std::string printable(std::string_view text, bool utf8) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character next = decode(text, at);
    if (next.code == kNoCharacter || is_control(next.code) || (!utf8 && next.code >= 0x80)) {
      out += '?';
    } else {
      out += text.substr(at, next.length);
    }
    at += next.length;
  }
  return out;
}

std::string cut(std::string_view text, int columns) {
  int width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character next = decode(text, at);
    width += width_of(next.code == kNoCharacter ? U'?' : next.code);
    if (width > columns) break;
    at += next.length;
  }
  return std::string(text.substr(0, at));
}

}  // namespace hypertune
