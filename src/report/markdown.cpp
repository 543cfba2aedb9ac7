// Documents as Markdown.
#include <fmt/format.h>

#include <cctype>
#include <string_view>

#include "report/document.h"

namespace hypertune {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// One line of text in which no character has a meaning in Markdown or HTML.
std::string escape(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool inside_word =
        i > 0 && i + 1 < text.size() && is_word(text[i - 1]) && is_word(text[i + 1]);
    const bool makes_link =
        i + 1 < text.size() && std::string_view("([:").find(text[i + 1]) != std::string_view::npos;
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (static_cast<unsigned char>(c) < ' ') {
      escaped += ' ';
    } else if (std::string_view("\\`*|~$").find(c) != std::string_view::npos ||
               (c == '_' && !inside_word) || (c == ']' && makes_link)) {
      escaped += {'\\', c};
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// As `escape`, for the beginning of a line, where more characters have a meaning: headings,
/// quotes, lists, boxes to tick, rules.
std::string escape_line(std::string_view text) {
  std::string escaped =
      escape(text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size())));
  std::size_t digits = 0;
  while (digits < escaped.size() &&
         std::isdigit(static_cast<unsigned char>(escaped[digits])) != 0) {
    ++digits;
  }
  const bool numbered =
      digits > 0 && digits < escaped.size() && (escaped[digits] == '.' || escaped[digits] == ')');
  if (numbered) {
    escaped.insert(digits, 1, '\\');
  } else if (!escaped.empty() &&
             std::string_view("#>-+=[").find(escaped.front()) != std::string_view::npos) {
    escaped.insert(0, 1, '\\');
  }
  return escaped;
}

class Writer {
 public:
  void operator()(const Paragraph& paragraph) { text += escape_line(paragraph.text) + "\n"; }

  void operator()(const List& list) {
    for (const std::string& item : list.items) text += "- " + escape_line(item) + "\n";
  }

  void operator()(const Code& code) {
    std::string fence = "```";  // longer than any run of backquotes in the text
    while (code.text.find(fence) != std::string::npos) fence += '`';
    text += fmt::format("{}sh\n{}\n{}\n", fence, code.text, fence);
  }

  void operator()(const Table& table) {
    std::string head = "|";
    std::string rule = "|";
    for (const Table::Column& column : table.columns) {
      head += fmt::format(" {} |", escape(column.title));
      rule += column.align == Align::Right ? " ---: |" : " --- |";
    }
    text += head + "\n" + rule + "\n";
    for (const std::vector<std::string>& row : table.rows) {
      text += "|";
      for (const std::string& cell : row) text += fmt::format(" {} |", escape(cell));
      text += "\n";
    }
  }

  void operator()(const Illustration& figure) {
    const std::string caption = escape(figure.caption);
    text += fmt::format("![{}](figures/{}.svg)\n\n{}\n", caption, figure.name,
                        escape_line(figure.caption));
  }

  std::string text;
};

}  // namespace

std::string to_markdown(const Document& document) {
  Writer writer;
  writer.text = "# " + escape(document.title) + "\n";
  for (const Section& section : document.sections) {
    writer.text += "\n## " + escape(section.title) + "\n";
    for (const Block& block : section.blocks) {
      writer.text += "\n";
      std::visit(writer, block);
    }
  }
  return std::move(writer.text);
}

}  // namespace hypertune
