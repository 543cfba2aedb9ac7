// How a section of a study file chooses an algorithm and sets its options.
#include "config/algorithm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/registry.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

enum class Sequence : std::uint8_t { Sobol, Halton };

struct NetOptions {
  Sequence sequence = Sequence::Sobol;
  bool scramble = true;
  int skip = 0;
  double share = 0.25;
  std::optional<int> size = {};
  std::string metric = {};
  std::vector<std::string> limits = {};
  bool operator==(const NetOptions&) const = default;
};

struct SwarmOptions {
  int population = 50;
};

/// What it was made with.
struct Net : Sampler {
  explicit Net(NetOptions o) : options(std::move(o)) {}
  Params sample(const SearchSpace&, const History&, const Rng&) const override { return {}; }
  NetOptions options;
};

std::unique_ptr<Sampler> net_sampler(NetOptions options) {
  if (options.skip == 13) throw ConfigError("13 points cannot be skipped; skip 12 or 14");
  return std::make_unique<Net>(options);
}
std::unique_ptr<Sampler> swarm_sampler(const SwarmOptions&) { return random_sampler(); }

const std::vector<Algorithm<Sampler>>& table() {
  static const std::vector<Algorithm<Sampler>> rows = {
      algorithm("random", random_sampler),
      algorithm(
          "net", net_sampler,
          {option("sequence", &NetOptions::sequence,
                  {{"sobol", Sequence::Sobol}, {"halton", Sequence::Halton}}),
           option("scramble", &NetOptions::scramble), option("skip", &NetOptions::skip, {.low = 0}),
           option("share", &NetOptions::share, {.low = 0, .high = 1, .open = Range::Open::Low}),
           option("size", &NetOptions::size, {.low = 1, .high = 100}),
           metric_option("metric", &NetOptions::metric),
           metric_list_option("limits", &NetOptions::limits)}),
      algorithm("swarm", swarm_sampler,
                {option("population", &SwarmOptions::population, {.low = 2})})};
  return rows;
}

Choice<Sampler> choose(const std::string& section) {
  const TomlDocument document("[sampler]\n" + section, "s.toml", {});
  return read_choice(*document.root().find("sampler"), std::span(table()));
}

NetOptions made(const Choice<Sampler>& choice) {
  const auto sampler = choice.make();
  return static_cast<const Net&>(*sampler).options;
}

std::string fault_of(const std::string& section) {
  try {
    choose(section);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(AlgorithmChoice, WithoutOptionsHasTheDefaultsOfTheStruct) {
  const Choice<Sampler> choice = choose("name = \"net\"\n");
  EXPECT_EQ(made(choice), NetOptions());
  EXPECT_THAT(choice.changed, IsEmpty());
  EXPECT_EQ(to_string(choice), "net");
}

TEST(AlgorithmChoice, ReadsOptionsOfEveryType) {
  const Choice<Sampler> choice = choose(
      "sequence = \"halton\"\nscramble = false\nskip = 7\nshare = 1\nsize = 4\n"
      "metric = \"val_loss\"\nlimits = [\"epochs\", \"diverged\"]\nname = \"net\"\n");
  EXPECT_EQ(made(choice),
            (NetOptions{Sequence::Halton, false, 7, 1.0, 4, "val_loss", {"epochs", "diverged"}}));
  EXPECT_EQ(to_string(choice),
            "net (sequence = \"halton\", scramble = false, skip = 7, share = 1, size = 4, metric = "
            "\"val_loss\", limits = [\"epochs\", \"diverged\"])");
}

TEST(AlgorithmChoice, NamesOnlyTheOptionsThatDifferFromTheirDefaults) {
  EXPECT_THAT(choose("name = \"net\"\nscramble = true\nskip = 3\n").changed,
              ElementsAre("skip = 3"));
}

TEST(AlgorithmChoice, KeepsItsOptionsForEverySamplerItMakes) {
  const Choice<Sampler> choice = choose("name = \"net\"\nskip = 3\n");
  EXPECT_EQ(made(choice).skip, 3);
  EXPECT_EQ(made(choice).skip, 3);
}

struct Fault {
  const char* title;  ///< completes "refuses ..."
  const char* section;
  const char* place;
  std::vector<std::string> words;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.title; }

class AlgorithmFaults : public testing::TestWithParam<Fault> {};

TEST_P(AlgorithmFaults, AreRefusedWithPlaceReasonAndRemedy) {
  const std::string message = fault_of(GetParam().section);
  EXPECT_THAT(message, StartsWith(std::string("s.toml:") + GetParam().place + ": "));
  for (const std::string& word : GetParam().words) EXPECT_THAT(message, HasSubstr(word));
}

const Fault kFaults[] = {
    {"NoName", "skip = 3\n", "1:1", {"sampler has no \"name\"", "name = \"random\""}},
    {"AnUnknownName", "name = \"nett\"\n", "2:8", {"no sampler \"nett\"", "\"net\"?", "swarm"}},
    {"AMistypedKey",
     "name = \"net\"\nscrambel = true\n",
     "3:1",
     {"\"scrambel\" in sampler \"net\"", "did you mean \"scramble\"?"}},
    {"AKeyLikeNoOther",
     "name = \"net\"\nxyzzy = 1\n",
     "3:1",
     {"\"xyzzy\"", "must be one of sequence, scramble, skip"}},
    {"AKeyOfAnotherAlgorithm",
     "name = \"net\"\npopulation = 9\n",
     "3:1",
     {"\"population\" is an option of swarm, not of net", "sampler.name = \"swarm\""}},
    {"AMistypedKeyOfAnotherAlgorithm",
     "name = \"net\"\npopulatoin = 9\n",
     "3:1",
     {"\"population\", an option of swarm?"}},
    {"AnyKeyWhereThereAreNone",
     "name = \"random\"\nxyzzy = 1\n",
     "3:1",
     {"random takes no options"}},
    {"AWholeNumberOutOfRange",
     "name = \"net\"\nsize = 101\n",
     "3:8",
     {"sampler.size is 101", "a whole number, 1 or more, at most 100"}},
    {"AWholeNumberTooLargeForItsType",
     "name = \"net\"\nskip = 4294967296\n",
     "3:8",
     {"4294967296", "0 or more, at most 2147483647"}},
    {"AFractionForAWholeNumber", "name = \"net\"\nskip = 1.5\n", "3:8", {"a whole number"}},
    {"ANumberAtAnOpenEnd",
     "name = \"net\"\nshare = 0\n",
     "3:9",
     {"sampler.share is 0", "a number above 0, at most 1"}},
    {"ANumberThatIsNone", "name = \"net\"\nshare = nan\n", "3:9", {"nan", "a number above 0"}},
    {"AnUnknownWord",
     "name = \"net\"\nsequence = \"sobel\"\n",
     "3:12",
     {"sampler.sequence cannot be \"sobel\"", "\"sobol\"?"}},
    {"AnUnknownMetric", "name = \"net\"\nmetric = \"val_los\"\n", "3:10", {"\"val_loss\"?"}},
    {"AnUnknownMetricInAList",
     "name = \"net\"\nlimits = [\"epochs\", \"x\"]\n",
     "3:21",
     {"no metric \"x\""}},
    {"TextForATruthValue",
     "name = \"net\"\nscramble = \"no\"\n",
     "3:12",
     {"sampler.scramble is the text \"no\"", "true or false"}},
    {"WhatTheAlgorithmItselfRefuses",
     "name = \"net\"\nskip = 13\n",
     "1:1",
     {"13 points cannot be skipped; skip 12 or 14"}},
};

INSTANTIATE_TEST_SUITE_P(All, AlgorithmFaults, testing::ValuesIn(kFaults),
                         [](const auto& row) { return std::string(row.param.title); });

/// Options without which some algorithms are refused.
const std::map<std::string_view, std::string> kRequired = {{"threshold", "upper = 1\n"}};

template <typename T>
void expect_makes_itself(const Algorithm<T>& row, const std::string& section) {
  SCOPED_TRACE(row.name);
  const auto required = kRequired.find(row.name);
  const TomlDocument document(fmt::format("[{}]\nname = \"{}\"\n{}", section, row.name,
                                          required == kRequired.end() ? "" : required->second),
                              "t", {});
  const Choice<T> choice = row.read(*document.root().find(section), StudyFile());
  EXPECT_NE(choice.make(), nullptr);
  EXPECT_EQ(choice.name, row.name);
  std::vector<std::string> changed;
  if (required != kRequired.end()) changed = {"upper = 1"};
  // From the trainer's options.
  if (std::ranges::find(row.options, "max_resource", &OptionDefault::key) != row.options.end()) {
    changed = {"max_resource = 10"};
  }
  EXPECT_EQ(choice.changed, changed);
}

TEST(NameTable, MakesEveryAlgorithmWithItsDefaults) {
  for (const auto& row : samplers()) expect_makes_itself(row, "sampler");
  for (const auto& row : schedulers()) expect_makes_itself(row, "scheduler");
}

}  // namespace
}  // namespace hypertune
