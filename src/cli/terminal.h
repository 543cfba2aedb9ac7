// What a terminal can show: size, character set, colors; texts cut to fit it.
#pragma once

#include <string>
#include <string_view>

namespace hypertune {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

/// How lines may be drawn.
struct TerminalStyle {
  bool utf8 = false;   ///< the locale's character set is UTF-8
  bool color = false;  ///< escape sequences for colors are wanted (NO_COLOR is not set)
};

/// Whether a block on this file can be redrawn in place: a terminal, and not a dumb one.
bool is_live_terminal(int fd);

/// The present size; 80 x 24 when it is not known.
TerminalSize terminal_size(int fd);

/// Style for a terminal under the present locale and environment.
TerminalStyle terminal_style();

/// Hides the cursor of the terminal. At most one terminal has it hidden at a time.
void hide_cursor(int fd);
/// Shows it again if it is hidden. Thread-safe.
void show_cursor();
/// The same for a signal handler: a terminal that takes nothing now is not waited for.
void show_cursor_in_handler();

/// Columns that the text takes on a terminal. Requires printable UTF-8 text.
int display_width(std::string_view text);

/// The text without control characters and, unless `utf8`, without characters outside ASCII
/// (`?` stands for each), so that no name can move the cursor.
std::string printable(std::string_view text, bool utf8);

/// As much of the printable text as fits into `columns`.
std::string cut(std::string_view text, int columns);

}  // namespace hypertune
