// Fuzz target: any bytes end in a study or in a ConfigError. The first line of the input, when it
// begins with `#--set `, is an override.
#include <cstdint>
#include <string>
#include <string_view>

#include "config/study_file.h"
#include "hypertune/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kOverride = "#--set ";
  hypertune::Overrides overrides;
  if (text.starts_with(kOverride)) {
    overrides.emplace_back(text.substr(kOverride.size(), text.find('\n') - kOverride.size()));
  }
  try {
    hypertune::parse_study_file(text, "study.toml", overrides);
  } catch (const hypertune::ConfigError&) {
    // What bad input is meant to end in.
  }
  return 0;
}
