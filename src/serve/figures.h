// What the page draws, computed from a table: at most so many points, chosen so that nothing that
// stands out is lost.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"
#include "serve/live_studies.h"

namespace hypertune {

/// Largest number of points of a figure, and what is taken when a request does not say.
inline constexpr int kMostPoints = 20'000;
inline constexpr int kUsualPoints = 2'000;

/// At most `limit` of the trials: those with the extreme values of each column and of each
/// objective, the best trials, and the others evenly. Same arguments, same answer.
std::vector<int> thinned(const TrialTable& table, std::span<const int> numbers,
                         std::span<const TableColumn* const> columns, int limit);

/// The answer to `/api/studies/{id}/figures/{name}` as JSON, for each name of the API but
/// `importance`, which takes too long to be computed while a table is read; the arguments are those
/// of the request. Throws HttpError (400, 404).
std::string figure(std::string_view name, const LiveStudies::Reading& reading,
                   const HttpRequest& request);

}  // namespace hypertune
