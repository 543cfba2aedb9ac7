// What PostgreSQL adds: many processes at once, lost connections, servers that crash, other users.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "support/child_process.h"
#include "support/postgres_server.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using namespace testing_support;

StudySpec spec() {
  StudySpec spec{"s", {{"loss", Direction::Minimize}}, {}, 1};
  spec.space.add("x", FloatDomain{0, 1e6});
  return spec;
}

PostgresServer& server() { return PostgresServer::shared(); }

template <class Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

Claim claim_of(const TrialRecord& trial) { return {trial.id, trial.lease}; }

/// Plans `trials` trials, and works until none waits. Returns how many it told.
int work(const std::string& url, int trials) {
  const auto store = postgres_storage(url);
  const StudyId study = store->open_study(spec());
  std::vector<TrialPlan> plans(static_cast<std::size_t>(trials));
  for (int i = 0; i < trials; ++i) plans[static_cast<std::size_t>(i)].key = fmt::format("{}", i);
  store->enqueue(study, plans);
  int told = 0;
  while (const auto trial = store->claim(study, {"worker", seconds(60)})) {
    const Claim claim{trial->id, trial->lease};
    const double x = trial->number;
    const Storage::ParamValue param{"x", FloatDomain{0, 1e6}, x};
    store->set_params(claim, std::span(&param, 1));
    for (int step = 1; step <= 2; ++step) store->add_report(claim, {step, {{"loss", x + step}}});
    store->finish(claim, Outcome::complete({{"loss", x}}));
    ++told;
  }
  return told;
}

TEST(Postgres, SixtyFourProcessesDoEachTrialOfTheirPlanOnce) {
  constexpr int kProcesses = 64;
  constexpr int kTrials = 640;
  const std::string url = server().create_database();
  std::vector<std::unique_ptr<ChildProcess>> processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.push_back(std::make_unique<ChildProcess>(
        [&] { return std::to_string(work(url, kTrials)); }));  // all create the tables, too
  }
  int told = 0;
  for (const auto& process : processes) {
    const std::string answer = process->answer();
    ASSERT_THAT(answer, Not(HasSubstr("threw")));
    told += std::stoi(answer);
  }
  EXPECT_EQ(told, kTrials);
  const auto store = postgres_storage(url);
  const auto trials = store->trials(store->find_study("s").value());
  ASSERT_EQ(trials.size(), static_cast<std::size_t>(kTrials));
  std::set<std::string> keys;
  for (int number = 0; number < kTrials; ++number) {
    const TrialRecord& trial = trials[static_cast<std::size_t>(number)];
    EXPECT_EQ(trial.number, number);
    EXPECT_EQ(trial.state, TrialState::Complete);
    EXPECT_EQ(trial.lease, 1);
    EXPECT_EQ(trial.reports.size(), 2U);
    EXPECT_EQ(trial.metrics.at("loss"), number);
    keys.insert(trial.plan.key);
  }
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kTrials));
  EXPECT_THAT(store->examine(), testing::IsEmpty());
}

TEST(Postgres, GoesOnWhenTheServerEndsTheConnectionOrCrashes) {
  const std::string url = server().create_database();
  const auto store = postgres_storage(url);
  const StudyId study = store->open_study(spec());
  store->enqueue(study, std::vector<TrialPlan>(2));
  server().sql(url,
               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
               "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  const TrialRecord trial = store->claim(study, {"worker", seconds(60)}).value();
  const Storage::ParamValue param{"x", FloatDomain{0, 1e6}, 7.0};
  store->set_params(claim_of(trial), std::span(&param, 1));
  server().crash_and_start();
  store->finish(claim_of(trial), Outcome::complete({{"loss", 1}}));
  EXPECT_EQ(store->trials(study).at(0).params, (Params{{"x", 7.0}}));
  EXPECT_EQ(store->counts(study).complete, 1);
  EXPECT_EQ(store->counts(study).waiting, 1);
}

TEST(Postgres, AClaimThatACrashForgotIsNotHeldBesideALaterOne) {
  const std::string url = server().create_database();
  const auto store = postgres_storage(url);
  const StudyId study = store->open_study(spec());
  store->enqueue(study, std::vector<TrialPlan>(1));
  // A crash is free to leave this, until something was written under the claim.
  const auto forget = [&] {
    server().sql(url,
                 "UPDATE trials SET state = 'WAITING', datetime_start = NULL; "
                 "DELETE FROM hypertune_leases");
  };
  const TrialRecord first = store->claim(study, {"worker", seconds(60)}).value();
  forget();
  const auto other = postgres_storage(url);
  const TrialRecord second = other->claim(study, {"other", seconds(60)}).value();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.lease, first.lease) << "which is why they must be told apart";
  const Storage::ParamValue param{"x", FloatDomain{0, 1e6}, 7.0};
  EXPECT_THROW(store->set_params(claim_of(first), std::span(&param, 1)), LeaseLost);
  EXPECT_THROW(store->add_report(claim_of(first), {1, {{"loss", 1}}}), LeaseLost);
  EXPECT_THROW(store->finish(claim_of(first), Outcome::complete({{"loss", 1}})), LeaseLost);
  const TrialRecord unheld = store->trials(study).at(0);
  EXPECT_TRUE(unheld.params.empty());

  forget();
  const TrialRecord third = other->claim(study, {"other", seconds(60)}).value();
  EXPECT_THROW(other->set_params(claim_of(second), std::span(&param, 1)), LeaseLost);
  other->set_params(claim_of(third), std::span(&param, 1));
  other->finish(claim_of(third), Outcome::complete({{"loss", 1}}));
  EXPECT_EQ(store->counts(study).complete, 1);
}

/// Between a store and its server. When it is armed, it keeps back the server's answer to the next
/// COMMIT and cuts the connection.
class CuttingProxy {
 public:
  explicit CuttingProxy(int server_port) : server_port_(server_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, any, &size) != 0) {
      throw std::runtime_error("no proxy");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~CuttingProxy() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  void arm() { armed_ = true; }
  int cuts() const { return cuts_; }

 private:
  static constexpr int kLookAgainMs = 20;

  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }
  /// One connection after the other, as the store makes them.
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, kLookAgainMs) <= 0) continue;
      const int client = ::accept(listener_, nullptr, nullptr);
      const int upstream = ::socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = loopback(server_port_);
      if (::connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        while (!stop.stop_requested() && forward(client, upstream)) continue;
      }
      ::close(client);
      ::close(upstream);
    }
  }
  bool forward(int client, int upstream) {
    std::array<pollfd, 2> ends = {{{client, POLLIN, 0}, {upstream, POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), kLookAgainMs) <= 0) return true;
    std::array<char, 65536> bytes{};
    for (const auto& [from, to] : {std::pair(client, upstream), std::pair(upstream, client)}) {
      if (ends[from == client ? 0 : 1].revents == 0) continue;
      const ssize_t size = ::recv(from, bytes.data(), bytes.size(), 0);
      if (size <= 0) return false;
      const std::string_view text(bytes.data(), static_cast<std::size_t>(size));
      const bool committed = text.find(std::string_view("COMMIT\0", 7)) != std::string_view::npos;
      if (from == upstream && committed && armed_.exchange(false)) {
        ++cuts_;
        return false;
      }
      if (::send(to, text.data(), text.size(), MSG_NOSIGNAL) != size) return false;
    }
    return true;
  }

  int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> armed_ = false;
  std::atomic<int> cuts_ = 0;
  std::jthread thread_;
};

TEST(Postgres, ACommitWhoseAnswerIsLostIsNeitherLostNorRepeated) {
  const std::string direct = server().create_database();
  CuttingProxy proxy(server().port());
  std::string url = direct;
  const std::string port = fmt::format(":{}/", server().port());
  url.replace(url.find(port), port.size(), fmt::format(":{}/", proxy.port()));
  const auto store = postgres_storage(url + "?sslmode=disable");
  const StudyId study = store->open_study(spec());
  proxy.arm();
  EXPECT_EQ(store->enqueue(study, std::vector<TrialPlan>(3)), 3);
  EXPECT_EQ(proxy.cuts(), 1);
  proxy.arm();
  const TrialRecord trial = store->claim(study, {"worker", seconds(60)}).value();
  EXPECT_EQ(trial.number, 0);
  proxy.arm();
  store->finish({trial.id, trial.lease}, Outcome::complete({{"loss", 1}}));
  EXPECT_EQ(proxy.cuts(), 3);
  const TrialCounts counts = store->counts(study);
  EXPECT_EQ(counts.complete, 1);
  EXPECT_EQ(counts.waiting, 2);
  EXPECT_EQ(counts.total(), 3);
}

TEST(Postgres, AWriteInOneTripWhoseAnswerIsLostIsNeitherLostNorRepeated) {
  const std::string direct = server().create_database();
  CuttingProxy proxy(server().port());
  std::string url = direct;
  const std::string port = fmt::format(":{}/", server().port());
  url.replace(url.find(port), port.size(), fmt::format(":{}/", proxy.port()));
  const auto store = postgres_storage(url + "?sslmode=disable");
  const StudyId study = store->open_study(spec());
  constexpr int kTrials = 3;  // of the first ones the name of the parameter is looked up
  store->enqueue(study, std::vector<TrialPlan>(kTrials));
  for (int i = 0; i < kTrials; ++i) {
    const TrialRecord trial = store->claim(study, {"worker", seconds(60)}).value();
    const Storage::ParamValue param{"x", FloatDomain{0, 1e6}, 7.0};
    proxy.arm();
    store->set_params(claim_of(trial), std::span(&param, 1));
    for (int step = 1; step <= 2; ++step) {
      proxy.arm();
      store->add_report(claim_of(trial), {step, {{"loss", step / 2.0}}});
    }
    EXPECT_THROW(store->add_report(claim_of(trial), {2, {{"loss", 3}}}), StorageError);
    store->finish(claim_of(trial), Outcome::complete({{"loss", 1}}));
    EXPECT_THROW(store->add_report(claim_of(trial), {3, {{"loss", 3}}}), TrialFinished);
  }
  EXPECT_EQ(proxy.cuts(), 3 * kTrials);
  for (const TrialRecord& trial : store->trials(study)) {
    EXPECT_EQ(trial.params, (Params{{"x", 7.0}}));
    ASSERT_EQ(trial.reports.size(), 2U);
    EXPECT_EQ(trial.reports[0].metrics, (Metrics{{"loss", 0.5}}));
    EXPECT_EQ(trial.reports[1].metrics, (Metrics{{"loss", 1}}));
  }
}

TEST(Postgres, ACommitThatFailsWithTheConnectionIsDoneAgain) {
  const std::string url = server().create_database();
  const auto store = postgres_storage(url);
  const StudyId study = store->open_study(spec());
  // The first commit of a new trial ends its own connection; the table tells it by a sequence,
  // which does not roll back.
  server().sql(url,
               "CREATE SEQUENCE tries; CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
               "'BEGIN IF nextval(''tries'') = 1 THEN PERFORM "
               "pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END'; "
               "CREATE CONSTRAINT TRIGGER cutting AFTER INSERT ON trials DEFERRABLE INITIALLY "
               "DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()");
  EXPECT_EQ(store->enqueue(study, std::vector<TrialPlan>(1)), 1);
  EXPECT_EQ(server().sql(url, "SELECT last_value FROM tries"), "2\n");
  EXPECT_EQ(store->counts(study).total(), 1);
}

TEST(Postgres, SaysWhatIsWrongWithoutThePassword) {
  const auto refusal = [](const std::string& url) {
    return message_of([&] { postgres_storage(url, {.timeout = seconds(2)}); });
  };
  const std::string good = server().create_database();
  const std::string missing = refusal(good + "x");
  EXPECT_THAT(missing, HasSubstr("does not exist"));
  EXPECT_THAT(missing, Not(HasSubstr("sesame")));
  for (const std::string url :
       {"postgresql://user:secret@part@host/db", "postgresql://user:secret/part@host/db",
        "postgresql://user:secret%zz@host/db", "postgresql://user:secret@host/db?what=1"}) {
    EXPECT_THAT(refusal(url), HasSubstr("%40")) << url;
    EXPECT_THAT(refusal(url), Not(HasSubstr("secret"))) << url;
    EXPECT_THAT(refusal(url), Not(HasSubstr("part"))) << url;
  }
  EXPECT_THAT(refusal("postgresql://user:secret@127.0.0.1:1/db"), HasSubstr("cannot be reached"));
}

TEST(Postgres, NamesALockThatAnotherProgramKeeps) {
  const std::string url = server().create_database();
  const auto store = postgres_storage(url, {.timeout = std::chrono::milliseconds(200)});
  const StudyId study = store->open_study(spec());
  const std::unique_ptr<PGconn, decltype(&PQfinish)> other(PQconnectdb(url.c_str()), PQfinish);
  PQclear(PQexec(other.get(), "BEGIN; SELECT * FROM studies FOR UPDATE"));
  const std::vector<TrialPlan> plans(1);
  EXPECT_THAT(message_of([&] { store->enqueue(study, plans); }), HasSubstr("locked by another"));
  PQclear(PQexec(other.get(), "ROLLBACK"));
  EXPECT_EQ(store->enqueue(study, plans), 1);
}

TEST(Postgres, LivesBesideTablesOfOtherProgramsButNotAmongThem) {
  const std::string url = server().create_database();
  server().sql(url, "CREATE TABLE bills (id INTEGER)");
  postgres_storage(url)->open_study(spec());
  EXPECT_EQ(server().sql(url, "SELECT COUNT(*) FROM bills"), "0\n");

  const std::string taken = server().create_database();
  server().sql(taken, "CREATE TABLE trials (id INTEGER)");
  EXPECT_THAT(message_of([&] { postgres_storage(taken); }), HasSubstr("another program"));
  EXPECT_EQ(server().sql(taken, "SELECT to_regclass('studies') IS NULL"), "t\n");
}

TEST(Postgres, RefusesARevisionOfOptunasTablesThatItDoesNotKnow) {
  const std::string url = server().create_database();
  postgres_storage(url);
  server().sql(url, "UPDATE alembic_version SET version_num = 'v9.9.9'");
  EXPECT_THAT(message_of([&] { postgres_storage(url); }), HasSubstr("optuna storage upgrade"));
}

TEST(Postgres, RefusesATextThatItCannotKeep) {
  const auto store = postgres_storage(server().create_database());
  StudySpec odd = spec();
  odd.name = std::string("a\0b", 3);
  EXPECT_THAT(message_of([&] { store->open_study(odd); }), HasSubstr("zero byte"));
  odd.name = "\xff\xfe";
  EXPECT_THROW(store->open_study(odd), Error);
  EXPECT_THAT(store->study_names(), testing::IsEmpty());
}

}  // namespace
}  // namespace hypertune
