// Fuzz target: any bytes end in a study that a store takes, or in a ConfigError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "report/study_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  hypertune::StudyCopy copy;
  try {
    copy = hypertune::study_from_lines(text, "study.jsonl");
  } catch (const hypertune::ConfigError&) {
    return 0;  // what bad input is meant to end in
  }
  // What was read is what is written.
  const std::string lines = hypertune::study_lines(copy);
  if (hypertune::study_lines(hypertune::study_from_lines(lines, "again")) != lines) std::abort();
  hypertune::put_to_rest(copy);
  hypertune::store_copy(*hypertune::memory_storage(), copy);
  return 0;
}
