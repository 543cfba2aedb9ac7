"""An Optuna process and a process of ours ask and tell on one study at the same time, on SQLite and
on PostgreSQL: nothing is lost or doubled, and both see the same.

usage: optuna_live.py STORAGE_TOOL

Exit status 77, which the test runner counts as skipped, when this Python has no Optuna.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

try:
    import optuna
except ImportError:
    print(f"skipped: {sys.executable} has no module optuna")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import postgres  # noqa: E402

TOOL = sys.argv[1]
TRIALS = 60  # by each side
State = optuna.trial.TrialState


class Live(unittest.TestCase):
    def setUp(self):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")

    def both_work_on(self, url):
        study = optuna.create_study(
            storage=url, study_name="shared", sampler=optuna.samplers.RandomSampler()
        )
        # Both know the study before they begin, so that neither waits for the other.
        ours = subprocess.Popen(
            [TOOL, "work", url, "shared", str(TRIALS)], stderr=subprocess.PIPE, text=True
        )
        watch = threading.Timer(100, ours.kill)
        watch.start()
        told = {}
        for _ in range(TRIALS):
            trial = study.ask()
            x = trial.suggest_float("x", 0, 1e6)
            trial.report(x, 1)
            study.tell(trial, x)
            told[trial.number] = x
        _, error = ours.communicate()
        watch.cancel()
        self.assertEqual(ours.returncode, 0, error)
        # Trials that were waiting when our process ended are Optuna's to take.
        while any(trial.state == State.WAITING for trial in study.trials):
            trial = study.ask()
            x = trial.suggest_float("x", 0, 1e6)
            trial.report(x, 1)
            study.tell(trial, x)
            told[trial.number] = x

        theirs = study.trials
        self.assertEqual([t.number for t in theirs], list(range(len(theirs))))
        self.assertEqual({t.state for t in theirs}, {State.COMPLETE})
        shown = subprocess.run(
            [TOOL, "show", url, "shared"], capture_output=True, text=True, check=True
        )
        seen = json.loads(shown.stdout)["trials"]
        self.assertEqual([t["number"] for t in seen], [t.number for t in theirs])
        self.assertEqual([t["metrics"]["value"] for t in seen], [t.value for t in theirs])
        self.assertEqual([t["params"] for t in seen], [t.params for t in theirs])
        for trial in theirs:
            # Ours tell their number.
            expected = told.get(trial.number, trial.number)
            self.assertEqual(trial.value, expected, trial.number)
            self.assertEqual(trial.intermediate_values, {1: expected})
        # Each plan of ours is there once, whoever ran it.
        keys = [t["key"] for t in seen if t["key"]]
        self.assertEqual(sorted(keys), sorted(f"ours/{i}" for i in range(TRIALS)))

    def test_on_sqlite(self):
        with tempfile.TemporaryDirectory() as folder:
            self.both_work_on(f"sqlite:///{os.path.join(folder, 'study.db')}")

    def test_on_postgresql(self):
        if postgres.missing():
            self.skipTest(postgres.missing())
        try:
            import psycopg2  # noqa: F401
        except ImportError:
            self.skipTest("this Python has no psycopg2")
        server = postgres.PostgresServer()
        self.addCleanup(server.stop)
        # Optuna is told which driver it has; we leave that out.
        url = server.create_database("live").replace("postgresql:", "postgresql+psycopg2:")
        probe = subprocess.run([TOOL, "show", url, "none"], capture_output=True, text=True)
        if "built without PostgreSQL" in probe.stderr:
            self.skipTest("this hypertune was built without PostgreSQL")
        self.both_work_on(url)


if __name__ == "__main__":
    print(f"Optuna {optuna.__version__} in {sys.executable}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
