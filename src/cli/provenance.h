// Where results come from: the machine, the program and the command, stored with the study.
#pragma once

#include <string>

#include "base/json.h"
#include "hypertune/storage.h"

namespace hypertune {

/// The study's attribute that holds the provenance.
constexpr const char* kProvenanceKey = "hypertune:provenance";

/// cpu, cores, memory_gib, os; what cannot be found out is left out.
Json hardware();

/// hypertune_version, command, workers, hardware.
Json run_facts(const std::string& command_line, int workers);

/// Stores the trainer's facts and the run's as the study's provenance. What the first run stored
/// stays; of a later one, the run's facts are added to the list `resumed`.
void record_provenance(Storage& storage, StudyId study, const Json& trainer, const Json& run);

}  // namespace hypertune
