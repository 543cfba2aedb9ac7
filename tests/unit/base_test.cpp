// Base: JSON, texts, files, checksums, random numbers, names of workers.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/worker_id.h"
#include "hypertune/error.h"
#include "hypertune/rng.h"

namespace hypertune {
namespace {

TEST(Json, ReadsAndWritesNonFiniteNumbersAsPythonDoes) {
  const Json json =
      parse_json(R"({"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \" Infinity"})");
  EXPECT_TRUE(std::isnan(json["a"].get<double>()));
  EXPECT_EQ(json["b"][0].get<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(json["c"], "NaN \" Infinity");
  EXPECT_EQ(dump_json(json),
            R"({"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \" Infinity"})");
}

TEST(Json, RejectsGarbageWithAnError) {
  EXPECT_THROW(parse_json("{"), Error);
  EXPECT_THROW(parse_json("NaNNaN"), Error);
  EXPECT_THROW(value_from_json(Json::array()), Error);
}

TEST(Json, WritesReplacementCharactersForBytesThatAreNotUtf8) {
  const Json json = {{"k\xff", "v\xff"}};
  EXPECT_EQ(parse_json(dump_json(json)), (Json{{"k\uFFFD", "v\uFFFD"}}));
}

TEST(Json, KeepsTheTypeOfEachValue) {
  const Params params = {{"b", true}, {"d", 1.0}, {"i", std::int64_t{1}}, {"s", std::string("x")}};
  EXPECT_EQ(params_from_json(parse_json(dump_json(to_json(params)))), params);
}

TEST(Text, SuggestsTheNearestWordAndOnlyANearOne) {
  const std::vector<std::string> words = {"learning_rate", "batch_size"};
  EXPECT_EQ(nearest("lerning_rate", words), "learning_rate");
  EXPECT_EQ(nearest("xyz", words), std::nullopt);
}

TEST(Text, NeverCutsACharacterInTwo) { EXPECT_EQ(shorten("aaaaéééé", 8), "aaaa..."); }

TEST(Files, ReplacesAFileAsAWholeAndCreatesFolders) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("ht_files_" + std::to_string(::getpid()));
  write_file(folder / "a" / "b.txt", "one");
  write_file(folder / "a" / "b.txt", "two");
  EXPECT_EQ(read_file(folder / "a" / "b.txt"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "a"), {}), 1);
  EXPECT_THROW(write_file(folder / "a" / "b.txt" / "c", "x"), Error);
  EXPECT_THROW(read_file(folder / "missing"), Error);
  EXPECT_THROW(read_file(folder), Error);
  std::filesystem::remove_all(folder);
}

TEST(Sha256, AgreesWithThePublishedVector) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(WorkerId, OfThisProcessIsAlive) { EXPECT_FALSE(worker_is_dead(worker_id(0))); }

TEST(WorkerId, OfAnEndedProcessIsDead) {
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  EXPECT_FALSE(worker_is_dead(worker_id(3)));  // a name that the child must not take over
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string id = worker_id(3);
    if (::write(channel[1], id.data(), id.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  char buffer[512];
  const ssize_t size = ::read(channel[0], buffer, sizeof buffer);
  ASSERT_GT(size, 0);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(worker_is_dead(std::string_view(buffer, static_cast<std::size_t>(size))));
}

TEST(WorkerId, OfAnotherContainerOnThisMachineIsNotKnownToBeDead) {
  // The number of its process may mean nothing, or another process, in this one.
  std::string id = worker_id(0);
  const std::size_t end = id.find(':');
  ASSERT_NE(end, std::string::npos);
  id[end - 2] = id[end - 2] == '7' ? '8' : '7';  // the last digit of the namespace
  id.replace(id.find(':', end + 1), std::string::npos, ":1:0");
  EXPECT_FALSE(worker_is_dead(id));
}

TEST(WorkerId, OfAnotherMachineIsNotKnownToBeDead) {
  EXPECT_FALSE(worker_is_dead(":1:1:0"));
  EXPECT_FALSE(worker_is_dead("elsewhere/00000000:1:1:0"));
  EXPECT_FALSE(worker_is_dead("nonsense"));
}

TEST(Rng, GivesThePublishedPhiloxBlock) {
  // Known answer of Random123 for key 0 and counter 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  Rng rng(0, 0);
  EXPECT_EQ(rng(), 0x6627e8d5e169c58dU);
  EXPECT_EQ(rng(), 0xbc57ac4c9b00dbd8U);
}

TEST(Rng, ForksDoNotDependOnUse) {
  Rng a = Rng::for_trial(1, 2);
  Rng b = Rng::for_trial(1, 2);
  b();
  EXPECT_EQ(a.fork("x")(), b.fork("x")());
  EXPECT_NE(a.fork("x")(), a.fork("y")());
}

TEST(Rng, IsUniformAndNormal) {
  // 100,000 draws: the tolerances are five standard errors.
  Rng rng(7, 7);
  constexpr int kDraws = 100'000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    const double z = rng.normal();
    normal_sum += z;
    normal_squares += z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(normal_sum / kDraws, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
}

TEST(Rng, BelowReachesEveryNumberAndNoOther) {
  Rng rng(1, 1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace hypertune
