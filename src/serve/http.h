// Requests and answers of the HTTP API, apart from the library that carries them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace hypertune {

/// What came in, decoded. Nothing in it is trusted.
struct HttpRequest {
  std::string method;  ///< GET, HEAD, POST, PUT
  std::string path;    ///< `/api/studies/1`, percent-decoded, without the query
  std::map<std::string, std::string, std::less<>> query = {};
  std::map<std::string, std::string, std::less<>> headers = {};  ///< names in lower case
  std::string body = {};

  /// Empty when there is none.
  std::string_view header(std::string_view name) const;
  std::optional<std::string_view> argument(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< besides Content-Type
};

/// A request that cannot be answered. Its text says what is wrong and how to mend it.
struct HttpError {
  int status;
  std::string message;
};

HttpResponse json_response(const Json& json, int status = 200);
/// `{"error": {"message": ...}}`
HttpResponse error_response(const HttpError& error);

}  // namespace hypertune
