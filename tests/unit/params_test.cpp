// Params: values by name, in order of name; spaces that find their parameters by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/shared_domains.h"
#include "hypertune/space.h"
#include "hypertune/value.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Params, ComeInOrderOfNameHoweverTheyWereAdded) {
  Params params{{"m", true}, {"z", std::int64_t{3}}};
  params["a"] = 1.5;
  params.insert_or_assign("p", std::string("text"));
  EXPECT_THAT(params, ElementsAre(Pair("a", Value(1.5)), Pair("m", Value(true)),
                                  Pair("p", Value(std::string("text"))),
                                  Pair("z", Value(std::int64_t{3}))));
  EXPECT_EQ(to_string(params), "a=1.5, m=true, p=text, z=3");
}

TEST(Params, KeepTheFirstValueOfANameUnlessToldToAssign) {
  Params params{{"a", 1.0}, {"a", 2.0}};
  EXPECT_EQ(params.at("a"), Value(1.0));
  EXPECT_FALSE(params.try_emplace("a", 3.0));
  EXPECT_FALSE(params.insert({"a", 4.0}));
  EXPECT_TRUE(params.try_emplace("b", 5.0));
  params.merge({{"a", 6.0}, {"0", 7.0}});
  EXPECT_EQ(params, (Params{{"0", 7.0}, {"a", 1.0}, {"b", 5.0}}));
  params.insert_or_assign("a", 8.0);
  params.at("b") = 9.0;
  EXPECT_EQ(params, (Params{{"0", 7.0}, {"a", 8.0}, {"b", 9.0}}));
}

TEST(Params, FindAndEraseByName) {
  Params params{{"a", 1.0}, {"c", 2.0}, {"e", 3.0}};
  for (const char* absent : {"", "b", "d", "f", "aa"}) {
    EXPECT_EQ(params.find(absent), params.end()) << absent;
    EXPECT_FALSE(params.erase(absent)) << absent;
  }
  EXPECT_TRUE(params.erase("c"));
  EXPECT_FALSE(params.contains("c"));
  EXPECT_EQ(params.size(), 2U);
  try {
    params.at("gone");
    ADD_FAILURE() << "no exception";
  } catch (const std::out_of_range& e) {
    EXPECT_THAT(e.what(), HasSubstr("\"gone\""));
  }
}

TEST(Params, AreOrderedByNamesAndValues) {
  EXPECT_LT((Params{{"a", 1.0}}), (Params{{"a", 2.0}}));
  EXPECT_LT((Params{{"a", 2.0}}), (Params{{"b", 1.0}}));
  EXPECT_LT((Params{{"a", 1.0}}), (Params{{"a", 1.0}, {"b", 1.0}}));
  EXPECT_FALSE((Params{{"a", 1.0}}) < (Params{{"a", 1.0}}));
}

TEST(SearchSpace, FindsParametersByNameWhateverTheirOrder) {
  SearchSpace space;
  for (const char* name : {"m", "c", "x", "a"}) space.add(name, FloatDomain{0, 1});
  const SearchSpace rest = space.without({{"c", 0.5}});
  std::string names;
  for (const std::size_t place : rest.by_name()) names += rest.parameters()[place].name;
  EXPECT_EQ(names, "amx");
  EXPECT_EQ(rest.parameters().front().name, "m");
  EXPECT_EQ(rest.find("x"), &rest.parameters()[1]);
  for (const char* absent : {"", "b", "c", "z"}) EXPECT_EQ(rest.find(absent), nullptr) << absent;
}

TEST(SharedDomains, FindOnlyWhatIsEqualInAnyOrder) {
  const Domain unit = FloatDomain{0, 1};
  const Domain wide = FloatDomain{0, 2};
  SharedDomains shared;
  const std::vector<NamedDomain> both = {{"a", &unit}, {"b", &wide}};
  EXPECT_FALSE(shared.find({}, both).has_value());
  const Domains made = shared.with({}, both);
  EXPECT_EQ(&shared.with({}, both).map(), &made.map());
  const std::vector<NamedDomain> turned = {{"b", &wide}, {"a", &unit}};
  const std::vector<NamedDomain> swapped = {{"a", &wide}, {"b", &unit}};
  const std::vector<NamedDomain> last = {{"b", &wide}};
  EXPECT_EQ(&shared.find({}, turned)->map(), &made.map());
  EXPECT_EQ(&shared.find({{"a", unit}}, last)->map(), &made.map());
  EXPECT_FALSE(shared.find({}, swapped).has_value());
  EXPECT_FALSE(shared.find({}, last).has_value());
}

}  // namespace
}  // namespace hypertune
