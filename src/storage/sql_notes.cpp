// Notes in a SQL database.
#include <fmt/format.h>

#include "hypertune/error.h"
#include "storage/notes.h"
#include "storage/sql_storage.h"

namespace hypertune {

std::optional<TrialId> SqlStorage::noted_trial(StudyId study, std::optional<int> number) const {
  if (!number) {
    study_name(study);  // throws when there is none
    return std::nullopt;
  }
  Query row = database_->query("SELECT trial_id FROM trials WHERE study_id = ?1 AND number = ?2",
                               study, *number);
  if (!row.next()) fail(fmt::format("study {} has no trial {}", study, *number));
  return row.integer(0);
}

Note SqlStorage::stored_note(StudyId study, std::optional<TrialId> trial) const {
  const auto version = attribute(study, note_version_key(trial));
  if (!version) return {};
  try {
    Note note{.version = note_version(*version)};
    for (std::size_t i = 0; const auto piece = attribute(study, note_piece_key(trial, i)); ++i) {
      note.text += note_piece(*piece);
    }
    return note;
  } catch (const StorageError&) {
    throw;
  } catch (const Error& e) {
    fail_damaged(study_name(study), e.what());
  }
}

Note SqlStorage::note(StudyId study, std::optional<int> number) const {
  return transact(Kind::Read,
                  [&]() -> Note { return stored_note(study, noted_trial(study, number)); });
}

bool SqlStorage::set_note(StudyId study, std::optional<int> number, std::string_view text,
                          int expected_version) {
  const std::vector<std::string> pieces = note_pieces(text);
  return transact(Kind::Write, [&]() -> bool {
    lock_study(study);
    const auto trial = noted_trial(study, number);
    if (stored_note(study, trial).version != expected_version) return false;
    put_study_attribute(study, note_version_key(trial), std::to_string(expected_version + 1));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      put_study_attribute(study, note_piece_key(trial, i), pieces[i]);
    }
    // Where the old text was longer, its end would be read with the new one.
    for (std::size_t i = pieces.size(); attribute(study, note_piece_key(trial, i)); ++i) {
      database_->run("DELETE FROM study_system_attributes WHERE study_id = ?1 AND \"key\" = ?2",
                     study, note_piece_key(trial, i));
    }
    return true;
  });
}

}  // namespace hypertune
