// Reports: what a study found, with figures and computed conclusions.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/claim.h"
#include "hypertune/storage.h"

namespace hypertune {

/// Texts that frame a study; stored with it before its first trial.
struct Experiment {
  std::string title = {};
  std::string hypothesis = {};
  std::vector<ClaimStatement> claims = {};
  std::string study_file = {};         ///< name of the study file, without folders; may be empty
  std::string study_file_sha256 = {};  ///< of the file as it was read
};

/// Stores the experiment before the first trial. Called again with other texts, the first ones stay
/// what was stated before; claims that are new are kept too, marked with the number of trials that
/// had begun by then. A changed hash of the study file is noted.
void state_experiment(Storage& storage, StudyId study, const Experiment& experiment);

/// Stores what the trials run on, a JSON object such as `TrainerExecutor::provenance` gives, before
/// the first trial; reports tell it. The first one stays. Throws Error when it is no JSON object.
void record_provenance(Storage& storage, StudyId study, std::string_view json);

struct ReportOptions {
  bool figures = true;  ///< gnuplot is needed for them; without it the report says so
};

/// What `write_report` did.
struct ReportSummary {
  std::vector<Judgement> judgements;
  std::vector<std::filesystem::path> files;
  std::string warning;  ///< empty, or why figures are missing (gnuplot has a time limit)
};

/// Writes report.md, report.html, trials.csv and figures/ into `folder`, each replaced as a whole,
/// from what is stored alone. Figures of an earlier report that this one lacks are removed.
ReportSummary write_report(const Storage& storage, StudyId study,
                           const std::filesystem::path& folder, const ReportOptions& options = {});

}  // namespace hypertune
