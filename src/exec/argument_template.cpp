// Placeholders: parsing, values, and what a value must not become.
#include "exec/argument_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::size_t kShown = 60;

bool is_folder(std::string_view name) { return name == "trial_dir" || name == "checkpoint_dir"; }

std::optional<std::string> fact(std::string_view name, const TrialFacts& facts) {
  if (name == "study") return facts.study;
  if (name == "trial") return std::to_string(facts.number);
  if (name == "attempt") return std::to_string(facts.attempt);
  if (name == "seed") return std::to_string(facts.seed);
  if (name == "trial_dir") return facts.trial_dir;
  if (name == "checkpoint_dir") return facts.checkpoint_dir;
  return std::nullopt;
}

bool is_reserved(std::string_view name) {
  return std::ranges::find(reserved_names(), name) != reserved_names().end();
}

}  // namespace

const std::vector<std::string>& reserved_names() {
  static const std::vector<std::string> kNames = {"study", "trial",     "attempt",
                                                  "seed",  "trial_dir", "checkpoint_dir"};
  return kNames;
}

ArgumentTemplate::ArgumentTemplate(const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) {
    throw ConfigError("argv is empty; name the program, such as [\"./train\", \"--lr={rate}\"]");
  }
  for (const std::string& text : argv) arguments_.push_back(parse(text, arguments_.empty()));
}

ArgumentTemplate::Argument ArgumentTemplate::parse(const std::string& text, bool is_program) {
  const auto fail = [&](std::string_view what) {
    throw ConfigError(fmt::format("\"{}\" {}; a brace that is meant is written twice",
                                  shorten(plain_text(text), kShown), what));
  };
  if (text.find('\0') != std::string::npos) fail("holds a NUL character");
  Argument argument{{}, is_program};
  std::string literal;
  const auto end_literal = [&] {
    argument.is_path |= literal.find('/') != std::string::npos;
    if (!literal.empty()) argument.pieces.push_back({false, std::exchange(literal, {})});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool twice = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && twice) {
      literal += c;
      ++i;
    } else if (c == '}') {
      fail("has a } without a {");
    } else if (c != '{') {
      literal += c;
    } else {
      const std::size_t end = text.find('}', i);
      if (end == std::string::npos) fail("has a { without a }");
      end_literal();
      const std::string name = text.substr(i + 1, end - i - 1);
      if (name.empty()) fail("has braces without a name");
      argument.is_path |= is_folder(name);
      argument.pieces.push_back({true, name});
      i = end;
    }
  }
  end_literal();
  return argument;
}

std::vector<ArgumentTemplate::Place> ArgumentTemplate::places() const {
  std::vector<Place> places;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    for (const Piece& piece : arguments_[i].pieces) {
      if (piece.is_place) places.push_back({i, piece.text});
    }
  }
  return places;
}

void ArgumentTemplate::check(const Argument& argument, std::size_t piece, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return;  // a number may be negative
  const std::string& name = argument.pieces[piece].text;
  const auto fail = [&](std::string_view why) {
    throw ConfigError(fmt::format("the value \"{}\" of \"{}\" cannot stand in argv: {}",
                                  shorten(plain_text(*text), kShown), name, why));
  };
  if (text->find('\0') != std::string::npos) fail("no argument can hold a NUL character");
  if (piece == 0 && text->starts_with('-')) {
    fail(
        fmt::format("it would become an option of its own; write the argument as --{0}={{{0}}}, "
                    "or let the program read $HYPERTUNE_PARAMS",
                    name));
  }
  const bool leaves = text->find('/') != std::string::npos || *text == "..";
  if (argument.is_path && leaves) {
    fail(
        "the argument is a path, which it would lead elsewhere; use values without '/', or let the "
        "program read $HYPERTUNE_PARAMS");
  }
}

void ArgumentTemplate::check(std::string_view name, const Value& value) const {
  for (const Argument& argument : arguments_) {
    for (std::size_t i = 0; i < argument.pieces.size(); ++i) {
      if (argument.pieces[i].is_place && argument.pieces[i].text == name) check(argument, i, value);
    }
  }
}

std::vector<std::string> ArgumentTemplate::fill(const Params& params,
                                                const TrialFacts& facts) const {
  std::vector<std::string> filled;
  for (const Argument& argument : arguments_) {
    std::string text;
    bool complete = true;
    for (std::size_t i = 0; i < argument.pieces.size() && complete; ++i) {
      const Piece& piece = argument.pieces[i];
      if (!piece.is_place) {
        text += piece.text;
      } else if (is_reserved(piece.text)) {
        text += *fact(piece.text, facts);
      } else if (const auto value = params.find(piece.text); value != params.end()) {
        check(argument, i, value->second);
        text += to_string(value->second);
      } else {
        complete = false;
      }
    }
    if (complete) filled.push_back(std::move(text));
    if (!complete && filled.empty()) {
      throw ConfigError("argv names the program by a parameter that this trial does not have");
    }
  }
  return filled;
}

}  // namespace hypertune
