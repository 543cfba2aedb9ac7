// The HTTP API: what each path answers. See docs/reference/http-api.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "serve/http.h"
#include "serve/live_studies.h"

namespace hypertune {

struct ApiOptions {
  bool allow_control = false;  ///< whether requests may change studies
  /// The folder of a study's run, where the output of its programs is; nothing when it is not here.
  std::function<std::optional<std::filesystem::path>(const StudySpec&)> run_folder = {};
  std::string version = {};
  std::string storage = {};     ///< for people to read, without a password
  std::string csrf_token = {};  ///< the Gate's, which the page asks for
};

/// Thread-safe; remembers what is dear to compute (verdicts, importances) until the study changes.
class Api {
 public:
  Api(LiveStudies& studies, ApiOptions options);
  ~Api();

  /// Answers every request below /api/ but the event stream. Requests have passed the Gate. Never
  /// throws: what goes wrong is an answer.
  HttpResponse answer(const HttpRequest& request);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace hypertune
