// Documents as one self-contained HTML file.
#include <fmt/format.h>

#include <string_view>

#include "report/document.h"

namespace hypertune {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d5dae0;
  --paper: #ffffff; --band: #f4f6f8; --mark: #0b6b4f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #a0a9b4; --line: #3a424c; --paper: #14181d; --band: #1d232a;
    --mark: #4cc79f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 58rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 "DejaVu Sans", Verdana, system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1.5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); color: var(--mark); }
p, li { overflow-wrap: anywhere; }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; min-width: 60%; }
th, td { padding: .4rem .75rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { border-bottom: 2px solid var(--soft); font-weight: 600; }
tbody tr:nth-child(even) { background: var(--band); }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { padding: .75rem 1rem; overflow-x: auto; background: var(--band);
  border: 1px solid var(--line); border-radius: 4px; font-size: .875rem; }
figure { margin: 1.75rem 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 46rem; margin: 0 auto; }
@media (prefers-color-scheme: dark) { figure svg { filter: brightness(1.35); } }
figcaption { max-width: 46rem; margin: .5rem auto 0; color: var(--soft); font-size: .875rem; }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
)";

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < ' ' && c != '\n' ? ' ' : c;
    }
  }
  return escaped;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// The <svg> element of gnuplot's file: it takes the page's color of ink instead of black on white,
/// and its names get a prefix, because those in one page must differ.
std::string inline_svg(const Illustration& figure) {
  std::string svg = figure.svg;
  svg.erase(0, std::min(svg.find("<svg"), svg.size()));
  replace_all(svg, R"(fill="#ffffff"/>)", R"(fill="none"/>)");
  replace_all(svg, R"( color="black")", "");
  replace_all(svg, "stroke='black'", "stroke='currentColor'");
  replace_all(svg, R"(stroke="black")", R"(stroke="currentColor")");
  replace_all(svg, R"(fill="black")", R"(fill="currentColor")");
  replace_all(svg, "flood-color='#FFFFFF'", "style='flood-color: var(--paper)'");
  for (const std::string_view name : {"gpDot", "gpPt", "textbox", "greybox"}) {
    replace_all(svg, fmt::format("id='{}", name), fmt::format("id='{}-{}", figure.name, name));
    replace_all(svg, fmt::format("'#{}", name), fmt::format("'#{}-{}", figure.name, name));
    replace_all(svg, fmt::format("url(#{}", name), fmt::format("url(#{}-{}", figure.name, name));
  }
  replace_all(svg, R"(id="gnuplot_canvas")", fmt::format(R"(id="{}-canvas")", figure.name));
  svg.replace(0, 4, fmt::format("<svg role=\"img\" aria-label=\"{}\"", escape(figure.caption)));
  return svg;
}

class Writer {
 public:
  void operator()(const Paragraph& paragraph) {
    text += fmt::format("<p>{}</p>\n", escape(paragraph.text));
  }

  void operator()(const List& list) {
    text += "<ul>\n";
    for (const std::string& item : list.items) text += fmt::format("<li>{}</li>\n", escape(item));
    text += "</ul>\n";
  }

  void operator()(const Code& code) {
    text += fmt::format("<pre><code>{}</code></pre>\n", escape(code.text));
  }

  void operator()(const Table& table) {
    const auto row = [&](std::string_view tag, auto&& cell) {
      text += "<tr>";
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const bool right = table.columns[i].align == Align::Right;
        text += fmt::format("<{}{}>{}</{}>", tag, right ? " class=\"right\"" : "", escape(cell(i)),
                            tag);
      }
      text += "</tr>\n";
    };
    text += "<div class=\"table\"><table>\n<thead>";
    row("th", [&](std::size_t i) { return table.columns[i].title; });
    text += "</thead>\n<tbody>\n";
    for (const std::vector<std::string>& cells : table.rows) {
      row("td", [&](std::size_t i) { return cells.at(i); });
    }
    text += "</tbody>\n</table></div>\n";
  }

  void operator()(const Illustration& figure) {
    text += fmt::format("<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n", inline_svg(figure),
                        escape(figure.caption));
  }

  std::string text;
};

}  // namespace

std::string to_html(const Document& document) {
  Writer writer;
  writer.text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
      escape(document.title), kStyle);
  for (const Section& section : document.sections) {
    writer.text += fmt::format("<section>\n<h2>{}</h2>\n", escape(section.title));
    for (const Block& block : section.blocks) std::visit(writer, block);
    writer.text += "</section>\n";
  }
  writer.text += "</body>\n</html>\n";
  return std::move(writer.text);
}

}  // namespace hypertune
