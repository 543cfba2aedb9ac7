// The answers that the API is made of, by what they are about.
#pragma once

#include <string>
#include <string_view>

#include "serve/api.h"
#include "serve/arguments.h"
#include "serve/remembered.h"

namespace hypertune {

/// What answers are made from; shared by all requests.
struct ApiContext {
  LiveStudies& studies;
  ApiOptions options;
  Remembered remembered = Remembered();
};

/// Each throws HttpError; what the store throws leaves them too.
HttpResponse session_answer(ApiContext& context);
HttpResponse studies_answer(ApiContext& context);
HttpResponse study_answer(ApiContext& context, StudyId study);
HttpResponse claims_answer(ApiContext& context, StudyId study);
HttpResponse figure_answer(ApiContext& context, StudyId study, std::string_view name,
                           const HttpRequest& request);
HttpResponse importance_answer(ApiContext& context, StudyId study, const HttpRequest& request);

HttpResponse trial_rows_answer(ApiContext& context, StudyId study, const HttpRequest& request);
HttpResponse trials_csv_answer(ApiContext& context, StudyId study, const HttpRequest& request);
HttpResponse trial_answer(ApiContext& context, StudyId study, int number);
HttpResponse output_answer(ApiContext& context, StudyId study, int number);

HttpResponse enqueue_answer(ApiContext& context, StudyId study, const HttpRequest& request);
HttpResponse stop_answer(ApiContext& context, StudyId study, int number);
HttpResponse retry_answer(ApiContext& context, StudyId study, int number);
HttpResponse note_answer(ApiContext& context, StudyId study, std::optional<int> number);
HttpResponse write_note_answer(ApiContext& context, StudyId study, std::optional<int> number,
                               const HttpRequest& request);

/// The trial as it is stored; throws HttpError (404) when there is none.
TrialRecord stored_trial(const ApiContext& context, StudyId study, int number);
/// A body that is an object with these members and no others. Throws HttpError (400).
Json body_of(const HttpRequest& request, std::span<const std::string_view> members);

/// Why the trial cannot be stopped, or planned again, by hand; empty when it can.
std::string why_not_stop(const Storage& storage, StudyId study, const TrialRecord& trial);
std::string why_not_retry(const TrialRecord& trial);

inline std::int64_t in_ms(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace hypertune
