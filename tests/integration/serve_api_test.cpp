// The HTTP API against real stores: answers, changes, and what is refused.
#include "serve/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hypertune/error.h"
#include "hypertune/tune.h"
#include "support/eventually.h"
#include "support/quadratic.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing_support::eventually;
using testing_support::quadratic;
using testing_support::quadratic_spec;
using testing_support::TemporaryFolder;

struct Served {
  std::shared_ptr<Storage> storage = memory_storage();
  Study study{quadratic_spec(), storage};
  std::unique_ptr<LiveStudies> live;
  std::unique_ptr<Api> api;

  explicit Served(int samples = 6) {
    if (samples > 0) {
      const auto executor = function_executor(quadratic);
      tune(study, *executor, {.num_samples = samples});
    }
  }

  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = "",
                   std::map<std::string, std::string, std::less<>> query = {},
                   ApiOptions options = {.allow_control = true}) {
    if (!api) {
      live = std::make_unique<LiveStudies>(storage);
      api = std::make_unique<Api>(*live, std::move(options));
      live->await_loaded(study.id(), std::chrono::seconds(30));
    }
    return api->answer(
        {.method = method, .path = "/api/studies" + path, .query = query, .body = body});
  }
  Json json(const std::string& path, std::map<std::string, std::string, std::less<>> query = {}) {
    const HttpResponse response = ask("GET", path, "", std::move(query));
    EXPECT_EQ(response.status, 200) << path << response.body;
    return Json::parse(response.body);
  }
  std::string error(const HttpResponse& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    return Json::parse(response.body)["error"]["message"];
  }
  TrialRecord record(int number) { return storage->trials(study.id(), number).front(); }
};

TEST(Api, TellsWhatAStudyIsAndWhatToLookAtFirst) {
  Served served;
  const Json study = served.json("/1");
  EXPECT_EQ(study["summary"]["name"], "quadratic");
  EXPECT_EQ(study["summary"]["counts"]["complete"], 12);
  EXPECT_EQ(study["view"],
            Json({{"x", "params.x"}, {"y", "metrics.loss"}, {"color", "params.shift"}}));
  EXPECT_EQ(study["report_metrics"], Json({"loss"}));
  EXPECT_THAT(study["parameters"], SizeIs(2));
  EXPECT_EQ(served.json("")["studies"][0]["id"], 1);
  EXPECT_THAT(served.json("/1/claims")["claims"], IsEmpty());
}

TEST(Api, RowsArePagedSortedAndFiltered) {
  Served served;
  const Json rows = served.json(
      "/1/trials",
      {{"sort", "-number"}, {"offset", "2"}, {"limit", "3"}, {"columns", "number,state"}});
  EXPECT_EQ(rows["total"], 12);
  EXPECT_EQ(rows["rows"], Json::parse(R"([[9, "Complete"], [8, "Complete"], [7, "Complete"]])"));
  EXPECT_THAT(served.json("/1/trials", {{"offset", "99"}})["rows"], IsEmpty());
  EXPECT_THAT(served.error(served.ask("GET", "/1/trials", "", {{"limit", "1001"}}), 400),
              HasSubstr("from 1 to 1000"));
}

TEST(Api, CsvCellsAreNoFormulas) {
  Served served(0);
  StudySpec spec{.name = "odd", .objectives = {{"loss", Direction::Minimize}}};
  spec.space.grid("=cmd", {std::string("=1+1"), std::string("a,\"b\"")});
  Study odd(spec, served.storage);
  const auto executor = function_executor([](Trial&) {
    return Outcome::complete({{"loss", -1.5}});
  });
  tune(odd, *executor);
  const HttpResponse csv =
      served.ask("GET", "/2/trials.csv", "", {{"columns", "params.=cmd,metrics.loss"}});
  EXPECT_EQ(csv.type, "text/csv; charset=utf-8");
  EXPECT_EQ(csv.body, "params.=cmd,metrics.loss\n'=1+1,-1.5\n\"a,\"\"b\"\"\",-1.5\n");
}

TEST(Api, ImportanceOfTooFewTrialsIsANote) {
  Served few(2);
  const Json answer = few.json("/1/figures/importance");
  EXPECT_THAT(answer["parameters"], IsEmpty());
  EXPECT_THAT(answer["notes"][0].get<std::string>(), HasSubstr("at least 10"));
  Served enough(20);
  for (const char* method : {"fanova", "ped-anova"}) {
    const Json judged = enough.json("/1/figures/importance", {{"method", method}});
    ASSERT_THAT(judged["parameters"], SizeIs(2));
    EXPECT_EQ(judged["parameters"][0]["name"], "x");
    EXPECT_EQ(judged["shown"], 40);
  }
}

TEST(Api, WhatDoesNotExistIsNotFound) {
  Served served;
  for (const char* path :
       {"/7", "/0", "/-1", "/1x", "/99999999999999", "/1/nothing", "/1/trials/99", "/1/trials/-1",
        "/1/trials/1/nothing", "/1/figures/nothing", "/1/figures", "/1/trials/1/output", "//",
        "/1/trials/1/output/../../2"}) {
    served.error(served.ask("GET", path), 404);
  }
  served.error(served.ask("DELETE", "/1"), 405);
  served.error(served.ask("PUT", "/1/trials"), 405);
}

TEST(Api, NothingIsChangedWithoutLeaveToControl) {
  Served served;
  const auto refused = served.ask("POST", "/1/trials", R"({"params": {}})", {}, {});
  EXPECT_THAT(served.error(refused, 403), HasSubstr("--allow-control"));
  for (const char* path : {"/1/trials/0/stop", "/1/trials/0/retry"}) {
    served.error(served.ask("POST", path, "{}"), 403);
  }
  served.error(served.ask("PUT", "/1/note", R"({"text": "x", "version": 0})"), 403);
  EXPECT_EQ(served.storage->counts(1).total(), 12);
  EXPECT_EQ(served.storage->note(1).text, "");
  EXPECT_FALSE(served.json("/1/trials/0")["can_retry"]);
}

TEST(Api, EnqueuedValuesAreCheckedAndTakenInTheirDomain) {
  Served served;
  const Json planned = Json::parse(served.ask("POST", "/1/trials", R"({"params": {"x": 3}})").body);
  EXPECT_EQ(planned["number"], 12);
  EXPECT_EQ(served.record(12).plan.fixed, (Params{{"x", 3.0}}));
  EXPECT_TRUE(eventually([&] { return served.json("/1/trials")["total"] == 13; }));
  const auto refusal = [&](const char* body) {
    return served.error(served.ask("POST", "/1/trials", body), 400);
  };
  EXPECT_THAT(refusal(R"({"params": {"x": 11}})"),
              HasSubstr("x: 11 does not lie in its domain, float [-10, 10]"));
  EXPECT_THAT(refusal(R"({"params": {"X": 1}})"), HasSubstr("no parameter \"X\""));
  EXPECT_THAT(refusal(R"({"params": {"x": null}})"), HasSubstr("x: a value is"));
  EXPECT_THAT(refusal(R"({"params": {"x": "1"}})"), HasSubstr("does not lie"));
  EXPECT_THAT(refusal(R"({"params": []})"), HasSubstr("object"));
  EXPECT_THAT(refusal(R"({"parms": {}})"), HasSubstr("parms"));
  EXPECT_THAT(refusal("[]"), HasSubstr("object"));
  EXPECT_THAT(refusal(""), HasSubstr("not valid JSON"));
  EXPECT_EQ(served.storage->counts(1).waiting, 1);
}

TEST(Api, ARetryIsPlannedOnceUntilItHasEnded) {
  Served served;
  const auto retry = [&] {
    return Json::parse(served.ask("POST", "/1/trials/4/retry", "{}").body)["number"];
  };
  EXPECT_EQ(retry(), 12);
  EXPECT_EQ(retry(), 12);
  const TrialRecord twin = served.record(12);
  EXPECT_EQ(twin.plan.fixed, served.record(4).params);
  EXPECT_EQ(twin.plan.draw, served.record(4).draw());
  EXPECT_EQ(twin.plan.retry_of, 4);
  EXPECT_EQ(twin.plan.attempt, 2);
  EXPECT_THAT(served.error(served.ask("POST", "/1/trials/12/retry", "{}"), 409),
              HasSubstr("not ended"));
  const auto executor = function_executor(quadratic);
  tune(served.study, *executor, {.num_samples = 6});
  EXPECT_EQ(retry(), 13);
  EXPECT_TRUE(eventually([&] { return served.json("/1/trials")["total"] == 14; }));
  const Json trial = served.json("/1/trials/4");
  EXPECT_EQ(trial["children"], Json({12, 13}));
  EXPECT_EQ(trial["attempts"], Json({4, 12, 13}));
}

TEST(Api, AStoppedTrialIsPrunedAndItsWorkerFindsOut) {
  Served served(0);
  Trial trial = served.study.ask();
  trial.report(1, {{"loss", 0.5}});
  EXPECT_TRUE(served.json("/1/trials/0")["can_stop"]);
  EXPECT_EQ(served.ask("POST", "/1/trials/0/stop", "{}").status, 200);
  EXPECT_EQ(served.record(0).state, TrialState::Pruned);
  EXPECT_EQ(served.record(0).reason, "stopped by hand");
  EXPECT_EQ(served.record(0).metrics, (Metrics{{"loss", 0.5}}));
  EXPECT_THROW(trial.report(2, {{"loss", 0.4}}), TrialFinished);
  EXPECT_THAT(served.error(served.ask("POST", "/1/trials/0/stop", "{}"), 409),
              HasSubstr("has ended"));
}

TEST(Api, AWaitingTrialIsStoppedWhenItIsTheNextOne) {
  Served served(0);
  served.study.enqueue({{"x", 1.0}});
  served.study.enqueue({{"x", 2.0}});
  EXPECT_THAT(served.error(served.ask("POST", "/1/trials/1/stop", "{}"), 409),
              HasSubstr("behind trial 0"));
  EXPECT_EQ(served.ask("POST", "/1/trials/0/stop", "{}").status, 200);
  EXPECT_EQ(served.record(0).state, TrialState::Pruned);
  EXPECT_EQ(served.record(1).state, TrialState::Waiting);
}

TEST(Api, ARunGoesOnWithTheNextTrialWhenOneIsStoppedByHand) {
  Served served(0);
  served.ask("GET", "/1");
  const auto executor = function_executor([&](Trial& trial) {
    if (trial.number() == 1) {
      EXPECT_EQ(served.ask("POST", "/1/trials/1/stop", "{}").status, 200);
    }
    return quadratic(trial);
  });
  const TuneSummary summary = tune(served.study, *executor, {.num_samples = 2});
  EXPECT_EQ(summary.complete, 3);
  EXPECT_EQ(summary.pruned, 1);
  EXPECT_EQ(summary.failed, 0);
  EXPECT_EQ(served.record(1).reason, "stopped by hand");
}

TEST(Api, ANoteOfAnotherVersionIsNotOverwritten) {
  Served served;
  const Json written = Json::parse(
      served.ask("PUT", "/1/trials/3/note", R"({"text": "**good**", "version": 0})").body);
  EXPECT_EQ(written["text"], "**good**");
  EXPECT_EQ(served.json("/1/trials/3/note"), written);
  EXPECT_EQ(served.json("/1/trials/3")["note_version"], written["version"]);
  served.error(served.ask("PUT", "/1/trials/3/note", R"({"text": "x", "version": 0})"), 409);
  EXPECT_EQ(served.json("/1/trials/3/note"), written);
  EXPECT_EQ(served.json("/1/note")["version"], 0);
}

TEST(Api, OutputComesFromTheTrialsFolderAloneAndNotThroughLinks) {
  const TemporaryFolder folder;
  Served served(1);
  const auto trials = folder.path() / "trials";
  std::filesystem::create_directories(trials / "0");
  std::filesystem::create_directories(trials / "1");
  std::ofstream(trials / "0" / "stdout.txt")
      << std::string(100'000, 'x') << "\n\x1b[31mred\x1b[0m\n";
  std::ofstream(folder.path() / "secret") << "secret";
  std::filesystem::create_symlink(folder.path() / "secret", trials / "1" / "stdout.txt");
  const ApiOptions options{.run_folder = [&](const StudySpec&) { return folder.path(); }};
  const HttpResponse output = served.ask("GET", "/1/trials/0/output", "", {}, options);
  EXPECT_EQ(output.status, 200);
  EXPECT_THAT(output.body, testing::EndsWith("x\nred\n"));
  EXPECT_LE(output.body.size(), 65536U);
  EXPECT_TRUE(served.json("/1/trials/0")["has_output"]);
  EXPECT_FALSE(served.json("/1/trials/1")["has_output"]);
  served.error(served.ask("GET", "/1/trials/1/output"), 404);
}

TEST(Api, EveryAnswerIsJsonAlsoForValuesThatAreNotFinite) {
  Served served(0);
  const auto executor = function_executor([](Trial& trial) {
    trial.report(1, {{"loss", std::numeric_limits<double>::infinity()}});
    return Outcome::complete({{"loss", std::numeric_limits<double>::infinity()},
                              {"odd", std::numeric_limits<double>::quiet_NaN()}});
  });
  tune(served.study, *executor, {.num_samples = 6});
  for (const char* path : {"", "/1", "/1/claims", "/1/trials", "/1/trials/0", "/1/figures/points",
                           "/1/figures/history", "/1/figures/contour?", "/1/figures/curves",
                           "/1/figures/timeline", "/1/figures/front", "/1/figures/importance"}) {
    const HttpResponse response = served.ask("GET", path);
    EXPECT_NO_THROW(Json::parse(response.body)) << path;
    EXPECT_THAT(response.body, Not(HasSubstr("Infinity"))) << path;
  }
}

}  // namespace
}  // namespace hypertune
