// Fuzz target: any request of the dashboard has an answer, and none that is stopped lets itself be
// sent elsewhere or breaks into the headers. The first line is the method, the path and the query,
// as HTTP has them; lines until an empty one are headers; the rest is the body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "serve/api.h"
#include "serve/assets.h"
#include "serve/event_stream.h"
#include "serve/gate.h"

namespace {

using namespace hypertune;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

HttpRequest read_request(std::string_view text) {
  HttpRequest request;
  const std::vector<std::string> words = split(take_line(text), ' ');
  request.method = words.front();
  request.path = words.size() > 1 ? words[1] : "/";
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    request.query.emplace(words[i].substr(0, equals),
                          equals == std::string::npos ? "" : words[i].substr(equals + 1));
  }
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    request.headers.emplace(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  request.body = text;
  return request;
}

void check_headers(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    check(value.find_first_of("\r\n") == std::string::npos);
    if (name == "Location") check(value.starts_with("/") && !value.starts_with("//"));
  }
}

/// A store with a study of which some trials have ended.
std::shared_ptr<Storage> small_store() {
  std::shared_ptr<Storage> storage = memory_storage();
  StudySpec spec{.name = "fuzzed", .objectives = {{"loss", Direction::Minimize}}};
  spec.space.add("rate", FloatDomain{.low = 0.001, .high = 1.0, .log = true});
  const StudyId study = storage->open_study(spec);
  storage->enqueue(study, std::vector<TrialPlan>(3));
  return storage;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Gate open_gate({});
  static const Gate locked_gate({.token = "0123456789abcdef"});
  static LiveStudies studies(small_store());
  static Api api(studies, {.allow_control = true});
  const HttpRequest request =
      read_request(std::string_view(reinterpret_cast<const char*>(data), size));
  for (const Gate* gate : {&open_gate, &locked_gate}) {
    if (const auto response = gate->stop(request)) check_headers(*response);
  }
  if (const auto file = page_file(request)) check_headers(*file);
  try {
    event_stream(request, studies.events(), {}).next();
  } catch (const HttpError& error) {
    check(error.status == 400);
  }
  const HttpResponse response = api.answer(request);
  check(response.status >= 200 && response.status < 600 && response.status != 500);
  check_headers(response);
  return 0;
}
