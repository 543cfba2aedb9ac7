// The text of a study file, kept with the study: workers and other commands read it from the store.
#include "cli/study_source.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/secrets.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::string_view kSourceKey = "hypertune:study_file";

}  // namespace

void store_study_file(Storage& storage, StudyId study, const StudyFile& file) {
  std::vector<std::string> overrides;
  for (const std::string& line : file.source.overrides) overrides.push_back(mask_secrets(line));
  // What the command line may have changed, or the file left to the machine; samplers ask for it.
  overrides.push_back(fmt::format("tune.workers={}", file.tune.workers));
  const Json json = {
      {"name", file.source.name}, {"text", file.source.text}, {"overrides", overrides}};
  storage.set_attribute(study, kSourceKey, dump_json(json));
}

bool has_study_file(const Storage& storage, StudyId study) {
  return storage.attributes(study).contains(kSourceKey);
}

StudyFile stored_study_file(const Storage& storage, StudyId study) {
  const auto attributes = storage.attributes(study);
  const auto stored = attributes.find(kSourceKey);
  if (stored == attributes.end()) {
    throw ConfigError(
        fmt::format("study \"{}\" has no study file in this store: it was not begun by hypertune "
                    "run, or by an earlier version; begin it with hypertune run FILE --storage URL",
                    storage.spec(study).name));
  }
  try {
    const Json json = parse_json(stored->second);
    return parse_study_file(json.at("text").get<std::string>(), json.at("name").get<std::string>(),
                            json.at("overrides").get<Overrides>());
  } catch (const Json::exception& error) {
    throw ConfigError(fmt::format("attribute {} of study \"{}\" is damaged: {}", kSourceKey,
                                  storage.spec(study).name, error.what()));
  }
}

}  // namespace hypertune
