# Copies, exports, imports, backups, and the doctor.
import json
import sqlite3
import subprocess
import threading
import unittest

import program
from program import ProgramTest, SOURCE

ASKED = """
[study]
name = "asked"
objectives = [{ metric = "loss", direction = "minimize" }]
seed = 5

[space]
x = { float = [-5, 5] }
layers = { int = [1, 4] }
kind = { choice = ["a", "b,\\"c\\""] }

[sampler]
name = "random"

[tune]
num_samples = 6

[ask]
"""

# Debian's Optuna and the current one, where the tests have them.
def pythons_with_optuna():
    found = []
    for python in "/usr/bin/python3", str(SOURCE / ".venv/bin/python"):
        try:
            subprocess.run([python, "-c", "import optuna"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        found.append(python)
    return found


class ExchangeTest(ProgramTest):
    def begin(self):
        """runs/asked: complete, complete with reports, pruned, failed, running, waiting."""
        self.write_study(ASKED)
        for number, arguments in enumerate([
                (["loss=1.5", "extra=nan"],),
                (["--step", "1", "loss=3"], ["--step", "4", "loss=inf", "other=2"], ["loss=-inf"]),
                (["--step", "1", "loss=3"], ["--pruned", "--reason", "bad"]),
                (["--failed", "it broke"],),
                ()]):
            self.assert_succeeds(self.run_program("ask", "study.toml"))
            for words in arguments:
                self.assert_succeeds(self.run_program("tell", "study.toml", number, *words))
        return "runs/asked"

    def do(self, *arguments):
        result = self.run_program(*arguments)
        self.assert_succeeds(result)
        return result.out

    def rest(self, rows):
        """As a copy has them: what had not ended waits."""
        for row in rows:
            if row["state"] == "running":
                row.update(state="waiting", params={}, reports=[])
                row.pop("duration_s", None)
        return rows

    def test_a_copy_has_all_that_the_study_has(self):
        where = self.begin()
        out = self.do("copy", where, "copies/all.db")
        self.assertIn("6 trials, of which 1 had not ended", out)
        self.assertEqual(self.trials("copies/all.db"), self.rest(self.trials(where)))
        # The one that ran begins anew with its parameters.
        before = self.trials(where)[4]["params"]
        asked = json.loads(self.do("ask", "copies/all.db", "--json"))
        self.assertEqual((asked["trial"], asked["params"]), (4, before))

    def test_a_copy_never_changes_a_study_of_the_same_name(self):
        where = self.begin()
        self.do("copy", where, "all.db")
        before = self.trials("all.db")
        self.assert_refused(self.run_program("copy", where, "all.db"), "--as", "there already")
        self.assertEqual(self.trials("all.db"), before)
        self.do("copy", where, "all.db", "--as", "second")
        result = self.run_program("trials", "all.db", "--study", "second", "--json")
        self.assertEqual(result.events(), before)

    def test_json_lines_lose_nothing(self):
        where = self.begin()
        lines = self.do("export", where, "--format", "jsonl")
        (self.work / "a.jsonl").write_text(lines)
        self.assertIn("of which 1 had not ended", self.do("import", "a.jsonl", "--out", "again"))
        once = self.do("export", "again", "--format", "jsonl")
        (self.work / "b.jsonl").write_text(once)
        self.do("import", "b.jsonl", "--storage", "third.db")
        self.assertEqual(self.do("export", "third.db", "--format", "jsonl"), once)
        ended = [line for line in lines.splitlines() if '"state": "running"' not in line]
        self.assertEqual([line for line in once.splitlines() if line in ended], ended)
        self.assertEqual(self.trials("again"), self.rest(self.trials(where)))

    def test_hostile_lines_are_refused_with_their_place_and_leave_nothing(self):
        where = self.begin()
        good = self.do("export", where, "--format", "jsonl").splitlines()
        second = json.loads(good[1])
        def changed(**members):
            return json.dumps({**second, **members})
        for text, *words in [
            ("", "empty"),
            ("{}", "x.jsonl:1:"),
            ("[[[", "x.jsonl:1:"),
            ("[" * 100000, "x.jsonl:1:", "nested"),
            ('{"format":"hypertune-study","version":2}', "newer"),
            (good[0] + "\n" + good[2], "x.jsonl:2:", "trial 1", "trial 0"),
            (good[0] + "\n" + changed(state="done"), "x.jsonl:2:", "done"),
            (good[0] + "\n" + changed(params={"x": 99}), "x.jsonl:2:", '"x"'),
            (good[0] + "\n" + changed(params={"y": 1}), "x.jsonl:2:", '"y"'),
            (good[0] + "\n" + changed(params=3), "x.jsonl:2:", "params"),
            (good[0] + "\n" + changed(metrics={}), "x.jsonl:2:", '"loss"'),
            (good[0] + "\n" + changed(metrics={"loss": "low"}), "x.jsonl:2:", '"loss"'),
            (good[0] + "\n" + changed(number=2 ** 40), "x.jsonl:2:", "number"),
            (good[0] + "\n" + changed(started_us=2 ** 62), "x.jsonl:2:", "started_us"),
            (good[0] + "\n" + changed(plan={"attempt": 0}), "x.jsonl:2:", "attempt"),
            (good[0] + "\n" + changed(reports=[{"step": 2, "metrics": {}},
                                               {"step": 2, "metrics": {}}]), "x.jsonl:2:", "step"),
            (good[0] + "\n" + changed(domains={"x": {"name": "no"}}), "x.jsonl:2:"),
        ]:
            (self.work / "x.jsonl").write_text(text)
            self.assert_refused(self.run_program("import", "x.jsonl", "--out", "new"), *words)
            self.assertFalse((self.work / "new" / "study.db").exists())

    def test_a_table_is_read_back_with_its_values(self):
        where = self.begin()
        self.do("export", where, "--format", "csv", "-o", "trials.csv")
        self.assertEqual((self.work / "trials.csv").read_text(), self.do("trials", where, "--csv"))
        self.do("import", "trials.csv", "--as", "table", "--objective", "loss:minimize", "--storage",
                "table.db")
        before, after = self.trials(where), self.rest(self.trials("table.db"))
        for row, other in zip(before, after):
            if row["state"] not in ("running", "waiting"):
                self.assertEqual((row["state"], row["params"], row["metrics"]),
                                 (other["state"], other["params"], other["metrics"]))
        self.assertEqual(after[4]["state"], "waiting")
        # It has a space: more can be asked for.
        self.do("ask", "table.db")

    def test_hostile_tables_are_refused_with_their_place(self):
        for text, *words in [
            ("", "empty"),
            ("a,b,c\n1,2,3\n", "x.csv:1:", "number and state"),
            ("number,state,x\n", "x.csv:1:", '"loss"'),
            ("number,state,loss,loss\n", "x.csv:1:", "two columns"),
            ("number,state,x,loss\n0,complete,1\n", "x.csv:2:", "3 fields"),
            ("number,state,x,loss\n0,complete,1,low\n", "x.csv:2:", "low"),
            ("number,state,x,loss\n0,complete,1,\n", "x.csv:2:", '"loss"'),
            ("number,state,x,loss\n0,done,1,1\n", "x.csv:2:", "done"),
            ("number,state,x,loss\n1,complete,1,1\n", "x.csv:2:", "trial 1"),
            ('number,state,x,loss\n0,complete,"1,1\n', "x.csv:2:", "quotes"),
            ("number,state,x,loss\n" + "0,complete,1,1\n" * 2, "x.csv:3:", "trial 0"),
        ]:
            (self.work / "x.csv").write_text(text)
            self.assert_refused(self.run_program("import", "x.csv", "--objective", "loss:minimize",
                                                 "--storage", "x.db"), *words)
            self.assertFalse((self.work / "x.db").exists())
        self.assert_refused(self.run_program("import", "x.csv"), "--objective")
        self.assert_refused(self.run_program("import", "x.csv", "--objective", "loss"),
                            "METRIC:minimize")
        self.assert_refused(self.run_program("import", "none.jsonl"), "no such file")

    def test_a_database_is_imported_without_being_changed(self):
        where = self.begin()
        self.do("export", where, "--format", "optuna", "-o", "optuna.db")
        before = (self.work / "optuna.db").read_bytes()
        self.do("import", "optuna.db", "--as", "back", "--out", "back")
        self.assertEqual((self.work / "optuna.db").read_bytes(), before)
        self.assertEqual(self.trials("back"), self.rest(self.trials(where)))
        (self.work / "bad.db").write_bytes(before[:5000] + b"\0" * 3000)
        self.assert_refused(self.run_program("import", "bad.db", "--out", "bad"), "bad.db")
        self.assertFalse((self.work / "bad" / "study.db").exists())

    def test_an_export_for_optuna_is_one_file_without_versions(self):
        where = self.begin()
        self.do("export", where, "--format", "optuna", "-o", "optuna.db")
        self.assertEqual(list(self.work.glob("optuna.db?*")), [])
        with sqlite3.connect(self.work / "optuna.db") as database:
            for table in "version_info", "alembic_version":
                self.assertEqual(database.execute(f"SELECT count(*) FROM {table}").fetchone(), (0,))
            states = [row[0] for row in database.execute("SELECT state FROM trials ORDER BY number")]
        database.close()
        self.assertEqual(states, ["COMPLETE", "COMPLETE", "PRUNED", "FAIL", "WAITING", "WAITING"])
        self.assert_refused(self.run_program("export", where, "--format", "optuna"), "-o FILE")
        self.assert_refused(
            self.run_program("export", where, "--format", "csv", "-o", "optuna.db"), "--force")

    def test_optuna_opens_an_export_and_what_it_adds_is_imported(self):
        pythons = pythons_with_optuna()
        if not pythons:
            self.skipTest("no Optuna")
        where = self.begin()
        script = """
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name="asked", storage="sqlite:///" + sys.argv[1])
assert study.best_value == float("-inf"), study.best_value
assert len(study.trials) == 6
study.optimize(lambda t: t.suggest_float("x", -5, 5) ** 2, n_trials=3)
"""
        for number, python in enumerate(pythons):
            file = f"optuna{number}.db"
            self.do("export", where, "--format", "optuna", "-o", file)
            done = subprocess.run([python, "-c", script, file], cwd=self.work, env=self.environment,
                                  capture_output=True, text=True, timeout=program.TIME_LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.do("import", file, "--out", f"back{number}")
            states = [row["state"] for row in self.trials(f"back{number}")]
            self.assertEqual(states.count("complete"), 5, states)

    def test_a_backup_is_made_while_the_store_is_written_to(self):
        where = self.begin()
        stop = threading.Event()
        def write():
            with sqlite3.connect(self.work / where / "study.db", timeout=60) as database:
                for i in range(100000):
                    if stop.is_set():
                        break
                    database.execute("INSERT INTO study_user_attributes (study_id, \"key\", value_json)"
                                     " VALUES (1, ?, '1')", (f"k{i}",))
                    database.commit()
            database.close()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for i in range(5):
                self.do("backup", where, f"backup{i}.db")
        finally:
            stop.set()
            writer.join()
        for i in range(5):
            self.assertEqual(self.trials(f"backup{i}.db"), self.trials(where))
            with sqlite3.connect(self.work / f"backup{i}.db") as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            database.close()
        self.assertEqual(list(self.work.glob("*.tmp*")), [])

    def test_a_backup_replaces_a_file_only_by_force(self):
        where = self.begin()
        (self.work / "kept.txt").write_text("kept")
        self.assert_refused(self.run_program("backup", where, "kept.txt"), "--force")
        self.assertEqual((self.work / "kept.txt").read_text(), "kept")
        self.do("backup", where, "kept.txt", "--force")
        self.assertEqual(len(self.trials("kept.txt")), 6)
        self.assert_refused(self.run_program("backup", where, "runs"), "folder")

    def diagnosis(self, where, code, *options):
        result = self.run_program("doctor", where, "--json", *options)
        self.assertEqual(result.code, code, result.err + result.out)
        found = json.loads(result.out)
        self.assertEqual(found["healthy"], code == 0)
        return found

    def test_the_doctor_finds_a_healthy_store_healthy(self):
        where = self.begin()
        found = self.diagnosis(where, 0)
        self.assertTrue(any("1 trial failed (error): 3" in f["what"] for f in found["findings"]))
        self.assertIn("healthy", self.do("doctor", where))

    def test_the_doctor_finds_lost_trials_and_mends_them(self):
        where = self.begin()
        with sqlite3.connect(self.work / where / "study.db") as database:
            worker = database.execute("SELECT worker FROM hypertune_leases").fetchall()
            database.execute("UPDATE hypertune_leases SET expires_us = 1 WHERE worker LIKE 'ask:%'")
        database.close()
        self.assertTrue(worker)
        found = self.diagnosis(where, 1)
        self.assertTrue(all(f["mend"] for f in found["findings"]))
        mended = self.diagnosis(where, 0, "--mend")
        self.assertIn("1 trial of lost workers given up, 1 planned again", mended["mended"])
        self.assertEqual([r["state"] for r in self.trials(where)][4:], ["failed", "waiting", "waiting"])

    def test_the_doctor_finds_times_of_the_future(self):
        where = self.begin()
        with sqlite3.connect(self.work / where / "study.db") as database:
            database.execute("UPDATE trials SET datetime_complete = '2199-01-01 00:00:00.000000' "
                             "WHERE number = 1")
        database.close()
        found = self.diagnosis(where, 1)
        self.assertTrue(any("ahead of this machine's clock" in f["what"] for f in found["findings"]))

    def test_the_doctor_says_what_is_wrong_with_a_damaged_store(self):
        where = self.begin()
        self.do("backup", where, "damaged.db")
        file = self.work / "damaged.db"
        content = bytearray(file.read_bytes())
        content[4096 + 100:len(content)] = b"\x55" * (len(content) - 4196)
        file.write_bytes(content)
        found = self.diagnosis("damaged.db", 1)
        self.assertEqual(found["findings"][0]["severity"], "damage")


if __name__ == "__main__":
    program.main()
