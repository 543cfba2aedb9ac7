// One query for each thing that can be wrong; nothing is read into memory but what is found.
#include "storage/examine.h"

#include <fmt/format.h>

#include <array>

#include "hypertune/storage.h"

namespace hypertune {
namespace {

using std::chrono::microseconds;
using Severity = Finding::Severity;

constexpr int kMostOfOneKind = 20;  // findings, so that a ruined store fits on a screen

class Examiner {
 public:
  explicit Examiner(SqlDatabase& database) : database_(database) {}

  std::vector<Finding> take() { return std::move(findings_); }

  void check_file() {
    Query query = database_.query("PRAGMA integrity_check(20)");
    while (query.next()) {
      if (query.text(0) == "ok") continue;
      add(Severity::Damage, "SQLite: " + query.text(0),
          "restore a copy, or rescue what is left with sqlite3's command .recover");
    }
    Query orphans = database_.query(
        "SELECT \"table\", \"parent\", COUNT(*) FROM pragma_foreign_key_check GROUP BY 1, 2");
    while (orphans.next()) {
      add(Severity::Damage,
          fmt::format("{} rows of table {} belong to no row of {}", orphans.integer(2),
                      orphans.text(0), orphans.text(1)),
          "restore a copy, or delete those rows: PRAGMA foreign_key_check lists them");
    }
    Query mode = database_.query("PRAGMA journal_mode");
    if (mode.next() && mode.text(0) != "wal") {
      add(Severity::Warning, "the file has no write-ahead log, so that readers and writers wait",
          "open it once with hypertune while no other program uses it");
    }
  }

  void check_revision() {
    Query query = database_.query("SELECT version_num FROM alembic_version");
    if (!query.next()) {
      add(Severity::Note, "the tables carry no revision of Optuna's",
          "nothing needs to be done: the next Optuna that opens them stamps them with its own");
    } else if (query.text(0) != "v3.2.0.a") {
      add(Severity::Note,
          fmt::format("the tables are of Optuna's revision {}, and Optuna from 3.2 on wants "
                      "v3.2.0.a",
                      query.text(0)),
          "to open them with a newer Optuna, run `optuna storage upgrade --storage URL`");
    }
  }

  void check_trials() {
    each(
        "SELECT s.study_name, COUNT(*), MIN(t.number), MAX(t.number), COUNT(DISTINCT t.number) "
        "FROM trials t JOIN studies s USING (study_id) GROUP BY s.study_id, s.study_name "
        "HAVING MIN(t.number) <> 0 OR MAX(t.number) <> COUNT(*) - 1 "
        "OR COUNT(DISTINCT t.number) <> COUNT(*)",
        [this](const Query& r) {
          add(Severity::Damage,
              fmt::format("study \"{}\" has {} trials, numbered {} to {}, of which {} differ; "
                          "they should be numbered from 0 without gaps",
                          r.text(0), r.integer(1), r.integer(2), r.integer(3), r.integer(4)),
              "restore a copy, or export the study and import it under another name");
        });
    each(
        "SELECT s.study_name, t.number FROM trials t JOIN studies s USING (study_id) "
        "WHERE t.state = 'COMPLETE' AND (SELECT COUNT(*) FROM trial_values v "
        "WHERE v.trial_id = t.trial_id) <> (SELECT COUNT(*) FROM study_directions d "
        "WHERE d.study_id = t.study_id) ORDER BY t.trial_id",
        [this](const Query& r) {
          add(Severity::Damage,
              fmt::format("trial {} of study \"{}\" is complete without a value for each "
                          "objective",
                          r.integer(1), r.text(0)),
              "restore a copy; samplers and reports cannot use the study as it is");
        });
  }

  void check_leases(TimePoint now) {
    const std::int64_t time = std::chrono::floor<microseconds>(now).time_since_epoch().count();
    each(
        "SELECT s.study_name, t.number, l.worker FROM trials t JOIN studies s USING (study_id) "
        "JOIN hypertune_leases l ON l.trial_id = t.trial_id WHERE t.state = 'RUNNING' "
        "AND l.expires_us <= ?1 ORDER BY t.trial_id",
        [this](const Query& r) {
          add(Severity::Warning,
              fmt::format("trial {} of study \"{}\" runs, but its worker {} has fallen silent",
                          r.integer(1), r.text(0), r.text(2)),
              "run the study again: the trial is then failed, and its work is planned anew");
        },
        time);
    each(
        "SELECT s.study_name, t.number FROM trials t JOIN studies s USING (study_id) "
        "WHERE t.state = 'RUNNING' AND NOT EXISTS (SELECT 1 FROM hypertune_leases l "
        "WHERE l.trial_id = t.trial_id) AND NOT EXISTS (SELECT 1 FROM hypertune_paused p "
        "WHERE p.trial_id = t.trial_id) ORDER BY t.trial_id",
        [this](const Query& r) {
          add(Severity::Note,
              fmt::format("trial {} of study \"{}\" is run by another program, such as Optuna",
                          r.integer(1), r.text(0)),
              "if that program has ended, end the trial with Optuna: study.tell(number, "
              "state=TrialState.FAIL)");
        });
  }

  void check_our_tables() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOrphans = {
        {{"hypertune_plans",
          "SELECT COUNT(*) FROM hypertune_plans x WHERE NOT EXISTS (SELECT 1 FROM trials t "
          "WHERE t.trial_id = x.trial_id AND t.study_id = x.study_id)"},
         {"hypertune_reports",
          "SELECT COUNT(*) FROM hypertune_reports x WHERE NOT EXISTS (SELECT 1 FROM trials t "
          "WHERE t.trial_id = x.trial_id)"},
         {"hypertune_leases",
          "SELECT COUNT(*) FROM hypertune_leases x WHERE NOT EXISTS (SELECT 1 FROM trials t "
          "WHERE t.trial_id = x.trial_id)"},
         {"hypertune_paused",
          "SELECT COUNT(*) FROM hypertune_paused x WHERE NOT EXISTS (SELECT 1 FROM trials t "
          "WHERE t.trial_id = x.trial_id)"},
         {"hypertune_checkpoints",
          "SELECT COUNT(*) FROM hypertune_checkpoints x WHERE NOT EXISTS (SELECT 1 FROM trials t "
          "WHERE t.trial_id = x.trial_id)"}}};
    for (const auto& [table, sql] : kOrphans) {
      each(sql, [this, name = table](const Query& r) {
        if (r.integer(0) == 0) return;
        add(Severity::Warning, fmt::format("{} rows of {} belong to no trial", r.integer(0), name),
            fmt::format("delete them: DELETE FROM {} WHERE trial_id NOT IN (SELECT trial_id FROM "
                        "trials)",
                        name));
      });
    }
  }

 private:
  template <class Take, class... Values>
  void each(std::string_view sql, Take take, const Values&... values) {
    Query query = database_.query(sql, values...);
    int found = 0;
    while (query.next()) {
      if (++found <= kMostOfOneKind) take(query);
    }
    if (found > kMostOfOneKind) {
      add(Severity::Note, fmt::format("{} more of the same kind", found - kMostOfOneKind),
          "mend the ones above first");
    }
  }
  void add(Severity severity, std::string what, std::string mend) {
    findings_.push_back({severity, std::move(what), std::move(mend)});
  }

  SqlDatabase& database_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine(SqlDatabase& database, TimePoint now) {
  Examiner examiner(database);
  if (database.dialect() == SqlDialect::Sqlite) examiner.check_file();
  examiner.check_revision();
  examiner.check_trials();
  examiner.check_leases(now);
  examiner.check_our_tables();
  return examiner.take();
}

}  // namespace hypertune
