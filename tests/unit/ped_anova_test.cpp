// PED-ANOVA: densities and divergences are Optuna's, and say what they should.
#include "math/ped_anova.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "base/files.h"
#include "base/json.h"

namespace hypertune {
namespace {

TEST(PedAnova, DensitiesAndDivergencesAreThoseOfOptuna) {
  // What tests/interop/optuna_ped_anova.py wrote.
  const std::filesystem::path file =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden" / "ped_anova.json";
  for (const Json& given : parse_json(read_file(file)).at("cases")) {
    const auto smoothed = [&](const char* key) {
      const auto counts = given.at(key).get<std::vector<std::size_t>>();
      return given.at("numeric").get<bool>() ? smoothed_cells(counts) : smoothed_categories(counts);
    };
    const auto good = smoothed("good");
    const auto all = smoothed("all");
    const auto expected_good = given.at("good_density").get<std::vector<double>>();
    const auto expected_all = given.at("all_density").get<std::vector<double>>();
    ASSERT_EQ(good.size(), expected_good.size());
    for (std::size_t i = 0; i < good.size(); ++i) {
      EXPECT_NEAR(good[i], expected_good[i], 1e-12) << given.dump();
      EXPECT_NEAR(all[i], expected_all[i], 1e-12) << given.dump();
    }
    const double divergence = given.at("divergence").get<double>();
    EXPECT_NEAR(pearson_divergence(good, all), divergence, 1e-9 * (1 + divergence));
  }
}

TEST(PedAnova, ProbabilitiesSumToOne) {
  const std::vector<std::size_t> counts = {3, 0, 0, 8, 1, 0};
  for (const auto& smoothed : {smoothed_cells(counts), smoothed_categories(counts)}) {
    EXPECT_NEAR(std::accumulate(smoothed.begin(), smoothed.end(), 0.0), 1, 1e-12);
  }
}

TEST(PedAnova, AParameterThatDecidesMattersMoreThanOneThatDoesNot) {
  const std::vector<std::size_t> all = {10, 10, 10, 10, 10};
  const std::vector<std::size_t> left = {8, 2, 0, 0, 0};
  const std::vector<std::size_t> anywhere = {2, 2, 2, 2, 2};
  const auto importance = [&](const std::vector<std::size_t>& good) {
    return pearson_divergence(smoothed_cells(good), smoothed_cells(all));
  };
  EXPECT_GT(importance(left), 20 * importance(anywhere));
  EXPECT_NEAR(importance(all), 0, 1e-12);
}

}  // namespace
}  // namespace hypertune
