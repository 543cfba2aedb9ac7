// Fuzz target: any bytes end in a study that a store takes, or in a ConfigError.
#include <cstdint>
#include <string_view>

#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "report/trials_csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const hypertune::StudySpec spec{
      "imported", {{"val_loss", hypertune::Direction::Minimize}}, {}, 0};
  hypertune::StudyCopy copy;
  try {
    copy = hypertune::study_from_csv(text, "trials.csv", spec);
  } catch (const hypertune::ConfigError&) {
    return 0;  // what bad input is meant to end in
  }
  hypertune::put_to_rest(copy);
  hypertune::store_copy(*hypertune::memory_storage(), copy);
  return 0;
}
