// Reads what the documentation shows: links, headings, code blocks, study files, command lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hypertune::testing {

/// A fenced block of code; `line` is the number of its first line of content, from 1.
struct CodeBlock {
  std::string language;
  int line = 0;
  std::string text;
};
std::vector<CodeBlock> code_blocks(std::string_view page);

/// Targets of the links outside code, web addresses left out: `guide/x.md`, `#anchor`.
std::vector<std::string> local_links(std::string_view page);

/// What a link may name after `#`: one for each heading.
std::vector<std::string> anchors(std::string_view page);

/// The arguments of every `hypertune ...` command line in the block, up to a pipe or a comment.
std::vector<std::vector<std::string>> hypertune_commands(std::string_view block);

/// Completes a part of a study file: its sections replace those of `whole`. A new [space] drops
/// the [experiment] of `whole`, whose claims are about the old one.
std::string complete_study_file(std::string_view part, std::string_view whole);

/// Whether `part` is a run of lines of `whole`, indentation and blank ends left aside.
bool is_excerpt(std::string_view part, std::string_view whole);

}  // namespace hypertune::testing
