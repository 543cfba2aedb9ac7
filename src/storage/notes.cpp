// Where notes are kept. The layout is that of optuna-dashboard (_note.py).
#include "storage/notes.h"

#include <fmt/format.h>

#include "base/json.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"

namespace hypertune {
namespace {

constexpr std::size_t kPieceCharacters = 2045;

std::string key_of(std::optional<TrialId> trial, std::string_view what) {
  return trial ? fmt::format("dashboard:{}:{}", *trial, what) : fmt::format("dashboard:{}", what);
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

std::string note_version_key(std::optional<TrialId> trial) { return key_of(trial, "note_ver"); }

std::string note_piece_key(std::optional<TrialId> trial, std::size_t piece) {
  return key_of(trial, fmt::format("note_str:{}", piece));
}

std::vector<std::string> note_pieces(std::string_view text) {
  if (text.size() > kMaxNoteBytes) {
    throw Error(
        fmt::format("the note has {} bytes, and may have {}; shorten it, or keep it in a "
                    "file and name that here",
                    text.size(), kMaxNoteBytes));
  }
  std::vector<std::string> pieces;
  try {
    while (!text.empty()) {
      std::size_t end = 0;
      for (std::size_t characters = 0; end < text.size(); ++end) {
        if (begins_character(text[end]) && characters++ == kPieceCharacters) break;
      }
      pieces.push_back(dump_json(std::string(text.substr(0, end))));
      text.remove_prefix(end);
    }
  } catch (const Json::exception&) {
    throw Error("the note is not UTF-8; convert it first");
  }
  return pieces;
}

int note_version(std::string_view json) {
  const Json version = parse_json(json);
  if (!version.is_number_integer()) throw Error("the version of a note is no whole number");
  return version.get<int>();
}

std::string note_piece(std::string_view json) {
  const Json piece = parse_json(json);
  if (!piece.is_string()) throw Error("a piece of a note is no text");
  return piece.get<std::string>();
}

}  // namespace hypertune
