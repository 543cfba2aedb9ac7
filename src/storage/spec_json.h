// Specifications of studies as JSON, and what differs between two specifications.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "hypertune/storage.h"
#include "space/domain_json.h"

namespace hypertune {

Json to_json(const StudySpec& spec);
/// Throws Error for anything that `to_json` would not give.
StudySpec spec_from_json(const Json& json);

/// One sentence for each thing in which `asked` is not what is `stored`; empty when they agree.
std::vector<std::string> spec_differences(const StudySpec& stored, const StudySpec& asked);
/// The same for the objectives alone.
std::vector<std::string> objective_differences(const std::vector<Objective>& stored,
                                               const std::vector<Objective>& asked);

}  // namespace hypertune
