// Documents: sections of paragraphs, tables, lists and figures, written as Markdown or HTML.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hypertune {

/// All texts are plain: whatever they hold is escaped for the format that is written.
struct Paragraph {
  std::string text;
};

struct List {
  std::vector<std::string> items;
};

/// Lines to be shown as they are, for a terminal.
struct Code {
  std::string text;
};

enum class Align : std::uint8_t { Left, Right };

/// Every row has as many cells as there are columns.
struct Table {
  struct Column {
    std::string title;
    Align align = Align::Left;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// A figure that stands in the files `name`.svg and `name`.png of the folder figures/.
struct Illustration {
  std::string name;  ///< lower-case letters and hyphens
  std::string caption;
  std::string svg;  ///< the file's content
};

using Block = std::variant<Paragraph, List, Code, Table, Illustration>;

struct Section {
  std::string title;
  std::vector<Block> blocks;
};

struct Document {
  std::string title;
  std::vector<Section> sections;
};

/// CommonMark with GitHub's tables.
std::string to_markdown(const Document& document);

/// One file that needs no other: style sheet and figures are part of it, and it follows the
/// reader's choice of a light or dark page.
std::string to_html(const Document& document);

}  // namespace hypertune
