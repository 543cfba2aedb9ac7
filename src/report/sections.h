// The sections of a study's report.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hypertune/claim.h"
#include "report/document.h"
#include "report/study_view.h"

namespace hypertune {

/// Names the data set, and says so when it stands in for another one.
std::string report_title(const StudyView& study);

Section hypothesis_section(const StudyView& study);
Section methodology_section(const StudyView& study);
/// `warning` says why there are no figures, if there are none.
Section results_section(const StudyView& study, std::vector<Illustration> figures,
                        const std::string& warning);
/// One judgement for each stated claim, in their order.
Section conclusion_section(const StudyView& study, std::span<const Judgement> judgements);
Section limits_section(const StudyView& study);
Section reproduction_section(const StudyView& study);

/// The stored fact as text, whatever its type; empty when there is none.
std::string fact(const StudyView& study, std::string_view key);

/// Whether values were drawn, as far as is known, by what has learned from earlier trials.
bool draws_what_it_has_learned(const StudyView& study);

/// What computes, in words, from the trainer's fact "engine": "hypertune's engine (AVX-512)",
/// "LibTorch 1.13.1".
std::string describe_engine(const Json& engine);

/// The data set that was wanted when another one was used; empty otherwise.
std::string replaced_dataset(const StudyView& study);

}  // namespace hypertune
