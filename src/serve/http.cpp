// Requests and answers of the HTTP API.
#include "serve/http.h"

namespace hypertune {

std::string_view HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::optional<std::string_view> HttpRequest::argument(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end()) return std::nullopt;
  return found->second;
}

HttpResponse json_response(const Json& json, int status) {
  // As JSON has it: what is not finite becomes null, what is not UTF-8 a replacement character.
  return {.status = status, .body = json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpResponse error_response(const HttpError& error) {
  return json_response({{"error", {{"message", error.message}}}}, error.status);
}

}  // namespace hypertune
