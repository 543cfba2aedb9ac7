// The text of a study file, kept with the study: workers and other commands read it from the store.
#pragma once

#include "config/study_file.h"
#include "hypertune/storage.h"

namespace hypertune {

/// Keeps the text that the file was read from, and its overrides, as attribute
/// `hypertune:study_file`.
void store_study_file(Storage& storage, StudyId study, const StudyFile& file);

/// Whether a text is kept.
bool has_study_file(const Storage& storage, StudyId study);

/// What `store_study_file` kept. Throws ConfigError when nothing is kept: the study was made by
/// another program or with the library.
StudyFile stored_study_file(const Storage& storage, StudyId study);

}  // namespace hypertune
