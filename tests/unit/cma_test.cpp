// The distribution of CMA-ES: against the package cmaes on given populations, and its eigenvectors.
#include "math/cma.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/rng.h"

namespace hypertune {
namespace {

using Points = std::vector<std::vector<double>>;

/// What tests/interop/cmaes_updates.py wrote.
Json package() {
  const std::filesystem::path file =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden" / "cma.json";
  return parse_json(read_file(file));
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  double scale = 0;
  for (const double x : expected) scale = std::max(scale, std::abs(x));
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-9 * scale) << i;
}

TEST(Cma, TwelveUpdatesAreThoseOfThePackage) {
  for (const Json& given : package().at("cases")) {
    SCOPED_TRACE(given.at("kind").get<std::string>() + " " + given.at("dims").dump());
    const int dims = given.at("dims");
    CmaDistribution cma(
        {std::vector<double>(static_cast<std::size_t>(dims), 0.5), 0.2},
        given.at("population_size"),
        given.at("kind") == "diagonal" ? CovarianceShape::Diagonal : CovarianceShape::Full,
        given.at("kind") == "adapted" ? CmaRate::Adapted : CmaRate::Fixed);
    for (const Json& generation : given.at("generations")) {
      cma.update(generation.at("ranked").get<Points>());
      expect_near(cma.mean(), generation.at("mean"));
      expect_near({cma.sigma()}, {generation.at("sigma")});
      expect_near(cma.covariance(), generation.at("covariance"));
      expect_near({cma.mean_rate()}, {generation.at("rate")});
    }
    EXPECT_FALSE(cma.exhausted());
  }
}

TEST(Cma, AWarmStartIsThatOfThePackage) {
  for (const Json& given : package().at("warm_starts")) {
    const CmaStart start = warm_start(given.at("best").get<Points>(), CovarianceShape::Full);
    expect_near(start.mean, given.at("mean"));
    expect_near({start.sigma}, {given.at("sigma")});
    expect_near(start.covariance, given.at("covariance"));
  }
}

TEST(Cma, AWarmStartWithoutCorrelationsHasTheSameVariances) {
  const Points best = {{0.1, 0.2}, {0.3, 0.25}, {0.5, 0.6}};
  const CmaStart full = warm_start(best, CovarianceShape::Full);
  const CmaStart diagonal = warm_start(best, CovarianceShape::Diagonal);
  EXPECT_EQ(diagonal.mean, full.mean);
  ASSERT_EQ(diagonal.covariance.size(), 2U);
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_NEAR(diagonal.sigma * diagonal.sigma * diagonal.covariance[i],
                full.sigma * full.sigma * full.covariance[i * 3], 1e-12);
  }
  EXPECT_NEAR(diagonal.covariance[0] * diagonal.covariance[1], 1, 1e-12);
}

/// Where the mean is after so many generations on a sphere under noise, as far from its center.
double distance_after(int generations, CmaRate rate, CovarianceShape shape, double noise) {
  CmaDistribution cma({{2, 2, 2, 2}, 1}, 8, shape, rate);
  Rng rng(5);
  for (int g = 0; g < generations; ++g) {
    std::vector<std::pair<double, std::vector<double>>> valued;
    for (int i = 0; i < cma.population_size(); ++i) {
      std::vector<double> z(4);
      for (double& number : z) number = rng.normal();
      const std::vector<double> x = cma.point(z);
      const double value = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
      valued.emplace_back(value + noise * rng.normal(), x);
    }
    std::ranges::sort(valued);
    Points ranked;
    for (auto& [value, x] : valued) ranked.push_back(std::move(x));
    cma.update(ranked);
  }
  double sum = 0;
  for (const double x : cma.mean()) sum += x * x;
  return std::sqrt(sum);
}

TEST(Cma, AnAdaptedRateGetsCloserUnderNoiseAndStillConvergesWithoutIt) {
  for (const CovarianceShape shape : {CovarianceShape::Full, CovarianceShape::Diagonal}) {
    EXPECT_LT(distance_after(1'000, CmaRate::Adapted, shape, 1),
              0.5 * distance_after(1'000, CmaRate::Fixed, shape, 1));
    EXPECT_LT(distance_after(400, CmaRate::Adapted, shape, 0), 1e-3);
  }
}

TEST(Cma, ThePopulationGrowsWithTheLogarithmOfTheDimensions) {
  EXPECT_EQ(CmaDistribution::default_population_size(1), 4);
  EXPECT_EQ(CmaDistribution::default_population_size(10), 10);
  EXPECT_EQ(CmaDistribution::default_population_size(30), 14);
}

TEST(Cma, PointsLieAtTheDistanceOfTheirNumbers) {
  for (const CovarianceShape shape : {CovarianceShape::Full, CovarianceShape::Diagonal}) {
    CmaDistribution cma({{0.1, 0.2, 0.3}, 0.5}, 7, shape);
    Rng rng(1);
    for (int generation = 0; generation < 5; ++generation) {
      Points points(7, std::vector<double>(3));
      for (auto& point : points) {
        for (double& x : point) x = rng.uniform();
      }
      cma.update(points);
    }
    const std::vector<double> z = {1, -2, 0.5};
    EXPECT_NEAR(cma.distance(cma.point(z)), std::sqrt(1 + 4 + 0.25), 1e-9);
    EXPECT_NEAR(cma.distance(cma.mean()), 0, 1e-12);
  }
}

TEST(Cma, AShrunkenDistributionIsExhausted) {
  for (const CovarianceShape shape : {CovarianceShape::Full, CovarianceShape::Diagonal}) {
    CmaDistribution cma({{0.5, 0.5}, 1}, 6, shape);
    const Points same(6, {0.5, 0.5});
    int generations = 0;
    while (!cma.exhausted() && generations < 10'000) {
      cma.update(same);
      ++generations;
    }
    EXPECT_GT(generations, 5);
    EXPECT_LT(generations, 10'000);
  }
}

TEST(SymmetricEigen, VectorsAreOrthonormalAndRebuildTheMatrix) {
  Rng rng(2);
  for (const int n : {1, 2, 3, 7, 20}) {
    const auto size = static_cast<std::size_t>(n);
    std::vector<double> a(size * size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = i; j < size; ++j) {
        a[i * size + j] = a[j * size + i] = rng.normal() * std::pow(10.0, rng.normal());
      }
    }
    const auto [values, vectors] = symmetric_eigen(a, n);
    double scale = 0;
    for (const double x : a) scale = std::max(scale, std::abs(x));
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        double rebuilt = 0;
        double product = 0;
        for (std::size_t k = 0; k < size; ++k) {
          rebuilt += values[k] * vectors[k * size + i] * vectors[k * size + j];
          product += vectors[i * size + k] * vectors[j * size + k];
        }
        EXPECT_NEAR(rebuilt, a[i * size + j], 1e-12 * scale * n);
        EXPECT_NEAR(product, i == j ? 1 : 0, 1e-13 * n);
      }
    }
  }
}

}  // namespace
}  // namespace hypertune
