// Where results come from: the machine, the program and the command, stored with the study.
#pragma once

#include <string>

#include "base/json.h"
#include "config/study_file.h"
#include "hypertune/storage.h"

namespace hypertune {

/// cpu, cores, memory_gib, os; what cannot be found out is left out.
Json hardware();

/// hypertune_version, command, workers, sampler, scheduler, hardware.
Json run_facts(const std::string& command_line, const StudyFile& study);

/// Stores the trainer's facts and the run's as the study's provenance, and returns it. What the
/// first run stored stays; of a later one, the run's facts and those of the trainer's that may
/// change
/// (`engine`, `program_files`) are added to the list `resumed`. Throws StudyMismatch when its
/// trials could not be compared with the stored ones.
Json record_run(Storage& storage, StudyId study, const Json& trainer, const Json& run);

/// Throws StudyMismatch when data set, model or options of the trainer are not the stored ones.
/// Facts that were not stored are not compared; a study that was begun before there were backends
/// was trained by LibTorch, and goes on with it alone.
void require_same_trainer(const Json& stored_facts, const Json& trainer, const std::string& study);

/// The options with which a study that has this provenance goes on: of the wanted data sets only
/// the one it began with. Throws StudyMismatch when that is not wanted any more.
TrainerOptions resumed_options(TrainerOptions options, const Json& stored,
                               const std::string& study);

}  // namespace hypertune
