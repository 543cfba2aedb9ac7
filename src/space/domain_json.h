// Domains as JSON.
#pragma once

#include "base/json.h"
#include "hypertune/domain.h"

namespace hypertune {

/// In the form that Optuna gives its distributions: {"name": ..., "attributes": {...}}.
Json to_json(const Domain& domain);
/// Throws Error for anything that is not a well-formed domain.
Domain domain_from_json(const Json& json);

}  // namespace hypertune
