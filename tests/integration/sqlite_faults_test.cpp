// Files that are no study, or cannot be written: a clear error, and nothing changed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "base/sha256.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "storage/sqlite_database.h"
#include "support/child_process.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace testing_support;

StudySpec spec() {
  StudySpec spec;
  spec.name = "study";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space.add("lr", FloatDomain{0, 1});
  return spec;
}

void run_sql(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database) << " in " << sql;
  sqlite3_close(database);
}

template <class Function>
std::string storage_error(Function function) {
  try {
    function();
  } catch (const StorageError& e) {
    return e.what();
  }
  return "no StorageError";
}

std::string error_of_opening(const std::filesystem::path& file, SqliteOptions options = {}) {
  return storage_error([&] { sqlite_storage(file, std::move(options)); });
}

/// A study with a running trial (1) after a complete one (0).
Claim make_study(const std::filesystem::path& file) {
  const auto store = sqlite_storage(file);
  const StudyId study = store->open_study(spec());
  store->enqueue(study, std::vector<TrialPlan>{{.key = "a", .fixed = {{"lr", 0.5}}}, {}});
  const auto first = store->claim(study, {"w"});
  const Storage::ParamValue lr{"lr", FloatDomain{0, 1}, 0.5};
  store->set_params({first->id, first->lease}, std::span(&lr, 1));
  store->add_report({first->id, first->lease}, {1, {{"loss", 2}, {"extra", 1}}});
  store->add_report({first->id, first->lease}, {2, {{"loss", 2}}});
  store->finish({first->id, first->lease}, Outcome::complete({{"loss", 1}, {"extra", 2}}));
  const auto second = store->claim(study, {"w"});
  return {second->id, second->lease};
}

// --- Files of earlier versions ---

TEST(SqliteFaults, AFileFromBeforeTrialsPausedGetsWhatItLacks) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const Claim running = make_study(file);
  run_sql(file,
          "DROP TRIGGER hypertune_forget_checkpoint; DROP TABLE hypertune_paused; "
          "DROP TABLE hypertune_checkpoints");
  const auto store = sqlite_storage(file, {.create = false});
  const StudyId study = store->open_study(spec());
  EXPECT_EQ(store->trials(study).at(0).metrics.at("extra"), 2);
  store->save_checkpoint(running, "half way");
  store->pause(running);
  EXPECT_EQ(store->trials(study).at(1).state, TrialState::Paused);
  // What another program deletes is forgotten, so that the next trial of that id starts clean.
  run_sql(file, "DELETE FROM trials WHERE number = 1");
  store->enqueue(study, std::vector<TrialPlan>(1));
  EXPECT_EQ(store->trials(study).at(1).state, TrialState::Waiting);
  EXPECT_EQ(store->checkpoint(study, 1), std::nullopt);
}

// --- What an examination finds ---

/// `severity: what | mend` of each finding about a study that this SQL spoiled.
std::vector<std::string> findings_after(const std::string& sql) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  make_study(file);
  run_sql(file, sql);
  std::vector<std::string> found;
  for (const Finding& finding : sqlite_storage(file)->examine()) {
    EXPECT_NE(finding.mend, "");
    found.push_back(std::to_string(static_cast<int>(finding.severity)) + ": " + finding.what);
  }
  return found;
}

TEST(SqliteExamination, FindsNothingInASoundStudy) { EXPECT_THAT(findings_after(""), IsEmpty()); }

TEST(SqliteExamination, FindsGapsInTheNumbers) {
  EXPECT_THAT(findings_after("UPDATE trials SET number = 3 WHERE number = 1"),
              testing::ElementsAre(AllOf(testing::StartsWith("2: "), HasSubstr("\"study\""),
                                         HasSubstr("2 trials, numbered 0 to 3"))));
}

TEST(SqliteExamination, FindsCompleteTrialsWithoutValues) {
  EXPECT_THAT(findings_after("DELETE FROM trial_values"),
              testing::ElementsAre(AllOf(testing::StartsWith("2: "), HasSubstr("trial 0"))));
}

TEST(SqliteExamination, FindsRunningTrialsWhoseWorkerIsSilentOrUnknown) {
  EXPECT_THAT(findings_after("UPDATE hypertune_leases SET expires_us = 1"),
              testing::ElementsAre(AllOf(testing::StartsWith("1: "), HasSubstr("trial 1"),
                                         HasSubstr("worker w has fallen silent"))));
  EXPECT_THAT(findings_after("DELETE FROM hypertune_leases"),
              testing::ElementsAre(AllOf(testing::StartsWith("0: "), HasSubstr("trial 1"),
                                         HasSubstr("another program"))));
}

TEST(SqliteExamination, FindsRowsThatBelongToNothing) {
  EXPECT_THAT(findings_after("INSERT INTO hypertune_reports VALUES (99, 1, '{}')"),
              testing::ElementsAre(HasSubstr("1 rows of hypertune_reports belong to no trial")));
  EXPECT_THAT(findings_after("PRAGMA foreign_keys = OFF; INSERT INTO trial_params "
                             "(trial_id, param_name, param_value) VALUES (99, 'x', 1)"),
              testing::ElementsAre(AllOf(testing::StartsWith("2: "), HasSubstr("trial_params"))));
}

TEST(SqliteExamination, TellsARevisionThatNewerOptunasRefuse) {
  EXPECT_THAT(findings_after("UPDATE alembic_version SET version_num = 'v3.0.0.d'"),
              testing::ElementsAre(AllOf(testing::StartsWith("0: "), HasSubstr("v3.0.0.d"))));
}

// --- Files that are no study ---

TEST(SqliteFaults, AMissingFileIsAnErrorUnlessItMayBeCreated) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of_opening(folder / "no.db", {.create = false}),
              AllOf(HasSubstr("no.db"), HasSubstr("no such file")));
  EXPECT_FALSE(std::filesystem::exists(folder / "no.db"));
  sqlite_storage(folder.path() / "a" / "b" / "new.db");
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "a" / "b" / "new.db"));
}

TEST(SqliteFaults, AFolderIsNoDatabase) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of_opening(folder.path()), HasSubstr("is a folder"));
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(error_of_opening(folder.path() / "file" / "study.db"), HasSubstr("study.db"));
}

TEST(SqliteFaults, APlaceWithoutAWriteAheadLogIsRefusedAtOnce) {
  try {
    sqlite_storage(":memory:");
    FAIL() << "no exception";
  } catch (const StorageError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("memory_storage()"));
  }
}

TEST(SqliteFaults, GarbageIsNoDatabaseAndStaysAsItIs) {
  const TemporaryFolder folder;
  std::ofstream(folder / "letter.txt") << std::string(5000, 'x');
  const std::string before = sha256(read_file(folder / "letter.txt"));
  EXPECT_THAT(error_of_opening(folder / "letter.txt"),
              AllOf(HasSubstr("letter.txt"), HasSubstr("not a SQLite database")));
  EXPECT_EQ(sha256(read_file(folder / "letter.txt")), before);
}

TEST(SqliteFaults, AnotherProgramsDatabaseStaysAsItIs) {
  for (const std::string mode : {"delete", "wal"}) {
    const TemporaryFolder folder;
    const auto file = folder / "recipes.db";
    run_sql(file, "PRAGMA journal_mode = " + mode +
                      "; CREATE TABLE studies (x); CREATE TABLE cakes (y); "
                      "INSERT INTO cakes VALUES (1)");
    const std::string before = sha256(read_file(file));
    EXPECT_THAT(error_of_opening(file), AllOf(HasSubstr("recipes.db"), HasSubstr("another program"),
                                              HasSubstr("study_directions")));
    EXPECT_EQ(sha256(read_file(file)), before) << mode;
  }
}

TEST(SqliteFaults, AnotherProgramsUnsavedLogStaysAsItIs) {
  const TemporaryFolder folder;
  const auto file = folder / "recipes.db";
  sqlite3* owner = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &owner), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(owner, "PRAGMA journal_mode = wal; CREATE TABLE cakes (y)", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  // As a crash leaves it: a log that was not yet moved into the file.
  const auto copy = folder / "copy.db";
  std::filesystem::copy_file(file, copy);
  std::filesystem::copy_file(file.string() + "-wal", copy.string() + "-wal");
  sqlite3_close(owner);
  const std::string before = sha256(read_file(copy));
  const std::string log_before = sha256(read_file(copy.string() + "-wal"));
  EXPECT_THAT(error_of_opening(copy), HasSubstr("another program"));
  EXPECT_EQ(sha256(read_file(copy)), before);
  EXPECT_EQ(sha256(read_file(copy.string() + "-wal")), log_before);
}

TEST(SqliteFaults, AnEmptyFileBecomesAStore) {
  const TemporaryFolder folder;
  std::ofstream(folder / "study.db").flush();
  EXPECT_EQ(sqlite_storage(folder / "study.db")->open_study(spec()), 1);
}

TEST(SqliteFaults, AnUnknownRevisionOfOptunasTablesIsRefused) {
  const TemporaryFolder folder;
  make_study(folder / "study.db");
  run_sql(folder / "study.db", "UPDATE alembic_version SET version_num = 'v2.6.0.a'");
  EXPECT_THAT(error_of_opening(folder / "study.db"),
              AllOf(HasSubstr("v2.6.0.a"), HasSubstr("optuna storage upgrade")));
}

TEST(SqliteFaults, ATruncatedDatabaseIsAnErrorAndNeverACrash) {
  const TemporaryFolder folder;
  make_study(folder / "whole.db");
  const std::string whole = read_file(folder / "whole.db");
  for (const double share : {0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99}) {
    const auto file = folder / "part.db";
    std::filesystem::remove_all(file.string() + "-wal");
    std::ofstream(file, std::ios::binary | std::ios::trunc)
        << whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size())));
    try {
      const auto store = sqlite_storage(file);
      const StudyId study = store->open_study(spec());
      store->trials(study);
      store->enqueue(study, std::vector<TrialPlan>(1));
    } catch (const StorageError& e) {
      EXPECT_THAT(e.what(), HasSubstr("part.db"));
    }
  }
}

// --- Rows that make no sense ---

struct Damage {
  const char* sql;
  const char* complaint;
};

/// A copy of the folder's whole.db, damaged.
std::shared_ptr<Storage> damaged_store(const TemporaryFolder& folder, const Damage& damage) {
  const auto file = folder / "study.db";
  std::filesystem::copy_file(folder / "whole.db", file,
                             std::filesystem::copy_options::overwrite_existing);
  run_sql(file, damage.sql);
  return sqlite_storage(file);
}

TEST(SqliteFaults, DamagedRowsAreNamedByTheirTrial) {
  const std::vector<Damage> all = {
      {"UPDATE trial_system_attributes SET value_json = '{' WHERE \"key\" = 'fixed_params'",
       "trial 0"},
      {"UPDATE trial_system_attributes SET value_json = '[1]'", "trial 0"},
      {"UPDATE trial_system_attributes SET value_json = '{\"lr\": [1]}'", "trial 0"},
      {"INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) "
       "VALUES (2, 'hypertune:plan', '{\"draw\": \"x\"}')",
       "trial 1"},
      {"INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) "
       "VALUES (1, 'hypertune:reason', '{\"reason\": 1}')",
       "trial 0"},
      {"INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) "
       "VALUES (1, 'hypertune:reason', '{\"reason\": \"\", \"failure\": \"love\"}')",
       "love"},
      {"UPDATE trial_user_attributes SET value_json = 'nonsense'", "trial 0"},
      {"UPDATE trial_user_attributes SET value_json = NULL", "trial 0"},
      {"UPDATE trial_params SET distribution_json = '{}'", "trial 0"},
      {"UPDATE trial_params SET distribution_json = '{\"name\": \"X\", \"attributes\": {}}'", "X"},
      {"UPDATE trial_params SET param_value = 'much'", "param_value"},
      {"UPDATE trial_params SET param_value = 7, distribution_json = "
       "'{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [1]}}'",
       "no choice 7"},
      {"UPDATE trial_params SET param_value = 1e300, distribution_json = '{\"name\": "
       "\"IntDistribution\", \"attributes\": {\"low\":0,\"high\":1,\"log\":false,\"step\":1}}'",
       "whole number"},
      {"UPDATE trial_values SET objective = 9", "no objective 9"},
      {"UPDATE trial_values SET value_type = 'HUGE'", "HUGE"},
      {"UPDATE trial_values SET value = NULL", "trial 0"},
      {"UPDATE hypertune_reports SET metrics_json = '3'", "trial 0"},
      {"UPDATE trial_intermediate_values SET intermediate_value_type = 'VAST'", "VAST"},
      {"UPDATE trials SET state = 'DREAMING'", "DREAMING"},
      {"UPDATE trials SET datetime_start = 'yesterday'", "yesterday"},
      {"UPDATE trials SET datetime_start = '2026-13-01 00:00:00'", "2026-13-01"},
      {"UPDATE trials SET datetime_start = '2262-05-01 00:00:00'", "2262-05-01"},
      {"UPDATE trials SET datetime_complete = '9999-12-31 23:59:59.999999'", "9999-12-31"},
      {"UPDATE hypertune_leases SET lease = 'long'", "lease"}};
  const TemporaryFolder folder;
  make_study(folder / "whole.db");
  for (const Damage& damage : all) {
    const auto store = damaged_store(folder, damage);
    const StudyId study = store->open_study(spec());
    EXPECT_THAT(storage_error([&] { store->trials(study); }),
                AllOf(HasSubstr("study.db"), HasSubstr("trial"), HasSubstr(damage.complaint)))
        << damage.sql;
  }
}

TEST(SqliteFaults, DamagedStudiesAreNamed) {
  const std::vector<Damage> all = {
      {"UPDATE study_system_attributes SET value_json = '{' WHERE \"key\" = 'hypertune:spec'",
       "study"},
      {"UPDATE study_system_attributes SET value_json = '{\"name\": 3}' "
       "WHERE \"key\" = 'hypertune:spec'",
       "specification"},
      {"UPDATE study_system_attributes SET value_json = replace(value_json, 'sampled', 'dreamt') "
       "WHERE \"key\" = 'hypertune:spec'",
       "dreamt"},
      {"UPDATE study_system_attributes SET value_json = '[\"a\", \"b\"]' "
       "WHERE \"key\" = 'study:metric_names'; "
       "DELETE FROM study_system_attributes WHERE \"key\" = 'hypertune:spec'",
       "metric names"},
      {"DELETE FROM study_directions; "
       "DELETE FROM study_system_attributes WHERE \"key\" = 'hypertune:spec'",
       "objective"}};
  const TemporaryFolder folder;
  make_study(folder / "whole.db");
  for (const Damage& damage : all) {
    const auto store = damaged_store(folder, damage);
    EXPECT_THAT(storage_error([&] { store->open_study(spec()); }),
                AllOf(HasSubstr("study.db"), HasSubstr("study \"study\" is damaged"),
                      HasSubstr(damage.complaint)))
        << damage.sql;
  }
}

TEST(SqliteFaults, AMissingTableIsAnErrorWhereItIsNeeded) {
  const TemporaryFolder folder;
  make_study(folder / "study.db");
  run_sql(folder / "study.db", "DROP TABLE hypertune_reports");
  const auto store = sqlite_storage(folder / "study.db");
  EXPECT_THAT(storage_error([&] { store->trials(1); }), HasSubstr("hypertune_reports"));
}

// --- Places that cannot be written ---

/// Gives up the rights of root, for which no permission binds. Runs in a forked process.
void become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) {
    throw Error("cannot give up root's rights");
  }
}

TEST(SqliteFaults, AReadOnlyFolderIsAnErrorThatSaysSo) {
  const TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 0555);
  ChildProcess child([&] {
    become_nobody();
    return error_of_opening(folder / "study.db") + "\n" +
           error_of_opening(folder.path() / "deeper" / "study.db");
  });
  const std::string answer = child.answer();
  ::chmod(folder.path().c_str(), 0755);
  EXPECT_THAT(answer, AllOf(HasSubstr("write permission"), HasSubstr("cannot be created")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SqliteFaults, AReadOnlyFileIsAnErrorThatSaysSo) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  make_study(file);
  const std::string before = sha256(read_file(file));
  ::chmod(file.c_str(), 0444);
  ::chmod(folder.path().c_str(), 0755);
  ChildProcess child([&] {
    become_nobody();
    return error_of_opening(file);
  });
  EXPECT_THAT(child.answer(), AllOf(HasSubstr("study.db"), HasSubstr("write permission")));
  EXPECT_EQ(sha256(read_file(file)), before);
}

/// Mounts a file system of `kibibytes` on the folder, for this process alone. False when this
/// machine does not allow it.
bool mount_small_disk(const std::filesystem::path& folder, int kibibytes) {
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string size = "size=" + std::to_string(kibibytes) + "k";
  return ::mount("none", folder.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

/// Fills a small disk with a study, then frees space and goes on. Returns what went wrong.
std::string fill_the_disk(const TemporaryFolder& folder) {
  constexpr int kKibibytes = 1024;
  if (!mount_small_disk(folder.path(), kKibibytes)) return "skip";
  const auto ballast = folder / "ballast";
  std::ofstream(ballast) << std::string(300 * 1024, 'x');
  const auto store = sqlite_storage(folder / "study.db");
  const StudyId study = store->open_study(spec());
  std::size_t stored = 0;
  const std::string error = storage_error([&] {
    constexpr int kMoreThanFits = 1000;
    for (int i = 0; i < kMoreThanFits; ++i) {
      store->enqueue(study,
                     std::vector<TrialPlan>(10, {.fixed = {{"note", std::string(1000, 'x')}}}));
      stored += 10;
    }
  });
  if (error.find("free") == std::string::npos) return "unexpected: " + error;
  if (store->trials(study).size() != stored) return "part of a transaction is there";
  std::filesystem::remove(ballast);
  store->enqueue(study, std::vector<TrialPlan>(1));
  const auto again = sqlite_storage(folder / "study.db");
  if (again->trials(study).size() != stored + 1) return "a trial is missing";
  // A disk on which not even an empty store has room.
  std::ofstream(ballast) << std::string(2 * kKibibytes * 1024, 'x');
  const std::string refused = error_of_opening(folder / "second.db");
  if (refused.find("second.db") == std::string::npos) return "unexpected: " + refused;
  return "fine";
}

TEST(SqliteFaults, AFullDiskLosesNothingThatWasStored) {
  const TemporaryFolder folder;
  ChildProcess child([&] { return fill_the_disk(folder); });
  const std::string answer = child.answer();
  if (answer == "skip") GTEST_SKIP() << "this machine does not let the test mount a small disk";
  EXPECT_EQ(answer, "fine");
}

/// 2: a commit waits until it is on the disk; 1: it does not.
std::int64_t synchronous_within(SqliteDatabase& database, SqlDatabase::Kind kind) {
  return transact(database, kind, [&] {
    Query query = database.query("PRAGMA synchronous");
    query.next();
    return query.integer(0);
  });
}

TEST(SqliteFaults, APowerCutCostsADurableStoreNothingButWhatIsOnTheWayToAResult) {
  const TemporaryFolder folder;
  for (const bool durable : {true, false}) {
    SqliteDatabase database(folder.path() / (durable ? "durable" : "fast"), true, seconds(1));
    database.use_write_ahead_log(durable);
    const std::int64_t of_results = durable ? 2 : 1;
    using enum SqlDatabase::Kind;
    EXPECT_EQ(synchronous_within(database, Write), of_results);
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(synchronous_within(database, WriteOnTheWay), 1);
      EXPECT_EQ(synchronous_within(database, WriteOnTheWay), 1);
      EXPECT_EQ(synchronous_within(database, Write), of_results);
      EXPECT_EQ(synchronous_within(database, Read), of_results);
    }
  }
}

TEST(SqliteFaults, NetworkFileSystemsAreKnownByTheirNumbers) {
  constexpr std::uint64_t kNfs = 0x6969;
  constexpr std::uint64_t kCifsWithItsSignExtended = 0xFFFFFFFFFF534D42;
  constexpr std::uint64_t kExt4 = 0xEF53;
  EXPECT_EQ(network_file_system(kNfs), "NFS");
  EXPECT_EQ(network_file_system(kCifsWithItsSignExtended), "CIFS");
  EXPECT_EQ(network_file_system(kExt4), std::nullopt);
}

}  // namespace
}  // namespace hypertune
