// Filters, orders and what is remembered.
#include "serve/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/arguments.h"
#include "serve/json_text.h"
#include "serve/remembered.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kInf = std::numeric_limits<double>::infinity();

/// Five trials: x is 0 to 4, every second one uses "adam", number 3 failed without a loss.
TrialTable table_of_five() {
  StudySpec spec{.name = "s", .objectives = {{"loss", Direction::Minimize}}};
  spec.space.add("x", FloatDomain{0, 10})
      .grid("optimizer", {std::string("sgd"), std::string("adam")});
  TrialTable table(spec);
  for (int number = 0; number < 5; ++number) {
    TrialRecord trial;
    trial.number = number;
    trial.state = number == 3 ? TrialState::Failed : TrialState::Complete;
    trial.params["x"] = static_cast<double>(number);
    trial.params["optimizer"] = std::string(number % 2 == 0 ? "adam" : "sgd");
    trial.domains.set("x", FloatDomain{0, 10});
    trial.domains.set("optimizer", CategoricalDomain{{std::string("sgd"), std::string("adam")}});
    if (number != 3) trial.metrics["loss"] = number == 4 ? kInf : 10.0 - number;
    table.put(trial);
  }
  return table;
}

std::vector<int> matching(std::string_view filter) {
  return filtered(table_of_five(), parse_filter(filter));
}

std::vector<int> sorted(std::string_view order) {
  std::vector<int> numbers = {0, 1, 2, 3, 4};
  sort_trials(numbers, table_of_five(), order);
  return numbers;
}

std::string refusal(std::string_view filter) {
  try {
    matching(filter);
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 400);
    return e.message;
  }
  return "(accepted)";
}

TEST(Filter, EndsOfARangeAreIncludedAndBothMayBeLeftOut) {
  EXPECT_THAT(matching(R"([{"column": "params.x", "low": 1, "high": 3}])"), ElementsAre(1, 2, 3));
  EXPECT_THAT(matching(R"([{"column": "params.x", "low": 3}])"), ElementsAre(3, 4));
  EXPECT_THAT(matching(""), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(matching("[]"), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Filter, EveryTermHasToHold) {
  EXPECT_THAT(matching(R"([{"column": "params.optimizer", "values": ["adam"]},
                           {"column": "params.x", "values": [1, 2, 4]}])"),
              ElementsAre(2, 4));
  EXPECT_THAT(matching(R"([{"column": "state", "values": ["Failed"]}])"), ElementsAre(3));
}

TEST(Filter, ATrialWithoutAValueSatisfiesNoTermAboutIt) {
  EXPECT_THAT(matching(R"([{"column": "metrics.loss", "low": 0}])"), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(matching(R"([{"column": "metrics.loss", "low": -Infinity, "high": 9}])"),
              ElementsAre(1, 2));
}

TEST(Filter, WhatMakesNoSenseIsRefusedWithTheReason) {
  EXPECT_THAT(refusal(R"([{"column": "params.xx", "low": 1}])"),
              HasSubstr("did you mean \"params.x\""));
  EXPECT_THAT(refusal("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{}"), HasSubstr("list of terms"));
  EXPECT_THAT(refusal(R"([{"column": "params.x"}])"), HasSubstr("says nothing"));
  EXPECT_THAT(refusal(R"([{"column": "params.x", "low": "1"}])"), HasSubstr("low is a number"));
  EXPECT_THAT(refusal(R"([{"column": "params.x", "low": NaN}])"), HasSubstr("low is a number"));
  EXPECT_THAT(refusal(R"([{"column": "params.x", "values": [null]}])"), HasSubstr("values are"));
  EXPECT_THAT(refusal(R"([{"column": "params.x", "lo": 1}])"), HasSubstr("\"lo\""));
  EXPECT_THAT(refusal(R"([{"low": 1}])"), HasSubstr("lacks its column"));
  EXPECT_THAT(refusal(std::string(5000, '[')), HasSubstr("deep"));
  EXPECT_THAT(refusal(std::string(100'000, ' ') + "1"), HasSubstr("longer than"));
}

TEST(Sort, TrialsWithoutAValueComeLastInBothDirections) {
  EXPECT_THAT(sorted("metrics.loss"), ElementsAre(2, 1, 0, 4, 3));
  EXPECT_THAT(sorted("-metrics.loss"), ElementsAre(4, 0, 1, 2, 3));
}

TEST(Sort, TheNextColumnDecidesBetweenEquals) {
  EXPECT_THAT(sorted("params.optimizer,-number"), ElementsAre(3, 1, 4, 2, 0));
  EXPECT_THAT(sorted(R"(["-params.optimizer", "number"])"), ElementsAre(0, 2, 4, 1, 3));
}

TEST(Sort, AnUnknownColumnIsRefused) {
  EXPECT_THROW(sorted("colour"), HttpError);
  EXPECT_THROW(sorted("number,number,number,number,number,number,number,number,number"), HttpError);
}

TEST(JsonText, WritesWhatAParserReadsBack) {
  JsonText out;
  out.open('{').key("a \"b\"").number(0.1).key("f").number(0.1F).key("n").number(kInf);
  out.key("list").open('[').whole(-3).text("\xff\n").null().close(']');
  const std::vector<Value> values = {true, std::int64_t{7}, kInf, std::string("x")};
  out.key("values").values(values).close('}');
  const Json json = Json::parse(out.take());
  EXPECT_EQ(json["a \"b\""], 0.1);
  EXPECT_EQ(json["f"], 0.1);
  EXPECT_TRUE(json["n"].is_null());
  EXPECT_EQ(json["list"], Json::parse(R"([-3, "\ufffd\n", null])"));
  EXPECT_EQ(json["values"], Json::parse(R"([true, 7, "inf", "x"])"));
}

TEST(Remembered, AnAnswerIsComputedOnceForARevision) {
  Remembered remembered;
  int computed = 0;
  const auto compute = [&] { return std::to_string(++computed); };
  EXPECT_EQ(remembered.get("a", 1, compute), "1");
  EXPECT_EQ(remembered.get("a", 1, compute), "1");
  EXPECT_EQ(remembered.get("b", 1, compute), "2");
}

TEST(Remembered, AnOlderAnswerServesAsLongAsItIsYoungForWhatItCost) {
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  Remembered remembered([&] { return now; });
  int computed = 0;
  const auto compute = [&] {
    now += std::chrono::seconds(1);
    return std::to_string(++computed);
  };
  EXPECT_EQ(remembered.get("a", 1, compute), "1");
  now += std::chrono::seconds(3);
  EXPECT_EQ(remembered.get("a", 2, compute), "1");
  now += std::chrono::seconds(2);
  EXPECT_EQ(remembered.get("a", 2, compute), "2");
}

TEST(Remembered, WhatFailsIsTriedAgain) {
  Remembered remembered;
  EXPECT_THROW(remembered.get("a", 1,
                              []() -> std::string {
                                throw HttpError{400, "no"};
                              }),
               HttpError);
  EXPECT_EQ(remembered.get("a", 1, [] { return "yes"; }), "yes");
}

}  // namespace
}  // namespace hypertune
