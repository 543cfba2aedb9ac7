// The HTTP API: which request gets which answer.
#include "serve/api.h"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <span>

#include "base/text.h"
#include "hypertune/error.h"
#include "serve/api_parts.h"

namespace hypertune {
namespace {

enum class Method : std::uint8_t { Get, Post, Put };

/// Whether the request only asks.
bool reads(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

[[noreturn]] void no_such_path(const HttpRequest& request) {
  refuse(fmt::format("there is no {}; docs/reference/http-api.md lists what there is",
                     shorten(plain_text(request.path), 200)),
         404);
}

void require(const HttpRequest& request, Method method) {
  const bool fits = method == Method::Get    ? reads(request)
                    : method == Method::Post ? request.method == "POST"
                                             : request.method == "PUT";
  if (fits) return;
  refuse(fmt::format("{} does not take {}", shorten(plain_text(request.path), 200),
                     shorten(plain_text(request.method), 20)),
         405);
}

void require_control(const ApiContext& context) {
  if (context.options.allow_control) return;
  refuse("this server changes nothing; start it with --allow-control to allow changes", 403);
}

/// A change is seen at once, not when the store is looked at the next time.
HttpResponse changed(ApiContext& context, HttpResponse answer) {
  context.studies.hasten();
  return answer;
}

HttpResponse note_request(ApiContext& context, StudyId study, std::optional<int> number,
                          const HttpRequest& request) {
  if (reads(request)) return note_answer(context, study, number);
  require(request, Method::Put);
  require_control(context);
  return changed(context, write_note_answer(context, study, number, request));
}

/// `parts`: what follows `/api/studies/{id}/trials/{number}`.
HttpResponse trial_request(ApiContext& context, StudyId study, int number,
                           std::span<const std::string> parts, const HttpRequest& request) {
  if (parts.empty()) {
    require(request, Method::Get);
    return trial_answer(context, study, number);
  }
  if (parts.size() > 1) no_such_path(request);
  if (parts[0] == "note") return note_request(context, study, number, request);
  if (parts[0] == "output") {
    require(request, Method::Get);
    return output_answer(context, study, number);
  }
  if (parts[0] != "stop" && parts[0] != "retry") no_such_path(request);
  require(request, Method::Post);
  require_control(context);
  body_of(request, {});
  return changed(context,
                 (parts[0] == "stop" ? stop_answer : retry_answer)(context, study, number));
}

HttpResponse trials_request(ApiContext& context, StudyId study, const HttpRequest& request) {
  if (reads(request)) return trial_rows_answer(context, study, request);
  require(request, Method::Post);
  require_control(context);
  return changed(context, enqueue_answer(context, study, request));
}

/// `parts`: what follows `/api/studies/{id}`.
HttpResponse study_request(ApiContext& context, StudyId study, std::span<const std::string> parts,
                           const HttpRequest& request) {
  if (parts.size() >= 2 && parts[0] == "trials") {
    const auto number = number_from(parts[1]);
    if (!number) no_such_path(request);
    return trial_request(context, study, *number, parts.subspan(2), request);
  }
  if (parts.size() == 1 && parts[0] == "trials") return trials_request(context, study, request);
  if (parts.size() == 1 && parts[0] == "note") {
    return note_request(context, study, std::nullopt, request);
  }
  require(request, Method::Get);
  if (parts.empty()) return study_answer(context, study);
  if (parts.size() == 2 && parts[0] == "figures") {
    if (parts[1] == "importance") return importance_answer(context, study, request);
    return figure_answer(context, study, parts[1], request);
  }
  if (parts.size() == 1 && parts[0] == "claims") return claims_answer(context, study);
  if (parts.size() == 1 && parts[0] == "trials.csv") {
    return trials_csv_answer(context, study, request);
  }
  no_such_path(request);
}

HttpResponse routed(ApiContext& context, const HttpRequest& request) {
  const std::vector<std::string> parts = split(request.path, '/');
  if (parts.size() < 3 || !parts[0].empty() || parts[1] != "api") no_such_path(request);
  const auto rest = std::span(parts).subspan(2);
  if (rest.size() == 1 && rest[0] == "session") {
    require(request, Method::Get);
    return session_answer(context);
  }
  if (rest[0] != "studies") no_such_path(request);
  if (rest.size() == 1) {
    require(request, Method::Get);
    return studies_answer(context);
  }
  const auto study = number_from(rest[1]);
  if (!study) no_such_path(request);
  if (!context.studies.has(*study)) {
    refuse(fmt::format("there is no study {}; GET /api/studies lists them", *study), 404);
  }
  return study_request(context, *study, rest.subspan(2), request);
}

HttpResponse failed(int status, std::string_view what) {
  return error_response({status, plain_text(what)});
}

}  // namespace

struct Api::Inside {
  Inside(LiveStudies& studies, ApiOptions options) : context{studies, std::move(options)} {}
  ApiContext context;
};

Api::Api(LiveStudies& studies, ApiOptions options)
    : inside_(std::make_unique<Inside>(studies, std::move(options))) {}

Api::~Api() = default;

HttpResponse Api::answer(const HttpRequest& request) {
  try {
    return routed(inside_->context, request);
  } catch (const HttpError& e) {
    return error_response(e);
  } catch (const TrialFinished& e) {
    return failed(409, e.what());
  } catch (const LeaseLost& e) {
    return failed(409, e.what());
  } catch (const StorageError& e) {
    return failed(503, fmt::format("the store cannot be used now: {}", e.what()));
  } catch (const Error& e) {
    return failed(400, e.what());
  } catch (const std::bad_alloc&) {
    return failed(503, "the server has no memory left for this; ask for less");
  } catch (const std::exception& e) {
    return failed(500, fmt::format("the server failed: {}", e.what()));
  }
}

}  // namespace hypertune
