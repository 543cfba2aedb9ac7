"""Checks the SQLite store against a real Optuna, in both directions and side by side.

usage: optuna_roundtrip.py STORAGE_TOOL

Exit status 77, which the test runner counts as skipped, when this Python has no Optuna.
"""

import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

try:
    import optuna
except ImportError:
    print(f"skipped: {sys.executable} has no module optuna")
    sys.exit(77)

TOOL = sys.argv[1]
MAJOR, MINOR = (int(part) for part in optuna.__version__.split(".")[:2])
# Our files carry the schema's last revision, which Optuna has had since 3.2.
CURRENT = (MAJOR, MINOR) >= (3, 2)
INF = float("inf")
State = optuna.trial.TrialState


def tool(*args):
    result = subprocess.run([TOOL, *args], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def show(file, study):
    return json.loads(tool("show", file, study))


def open_storage(file):
    return optuna.storages.RDBStorage(f"sqlite:///{file}", skip_compatibility_check=not CURRENT)


class RoundTrip(unittest.TestCase):
    def setUp(self):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        self.folder = tempfile.TemporaryDirectory()
        self.file = os.path.join(self.folder.name, "study.db")

    def tearDown(self):
        self.folder.cleanup()

    def ours(self):
        tool("write", self.file)
        return optuna.load_study(study_name="ours", storage=open_storage(self.file))

    # --- Our file, read by Optuna ---

    def test_optuna_reads_our_trials(self):
        study = self.ours()
        trials = study.trials
        self.assertEqual([t.number for t in trials], list(range(6)))
        self.assertEqual(
            [t.state for t in trials],
            [
                State.COMPLETE,
                State.COMPLETE,
                State.PRUNED,
                State.FAIL,
                State.RUNNING,
                State.WAITING,
            ],
        )
        self.assertEqual(
            trials[0].params,
            {
                "lr": 0.001,
                "drop": 0.25,
                "width": 64,
                "depth": 5,
                "norm": True,
                "optimizer": "größer",
            },
        )
        self.assertEqual(
            [t.values for t in trials], [[0.9], [-INF], [0.125], None, None, None]
        )
        self.assertEqual(trials[0].user_attrs, {"loss": 0.25, "worst": INF})
        steps = trials[0].intermediate_values
        self.assertEqual((steps[1], steps[2]), (0.5, -INF))
        self.assertTrue(math.isnan(steps[3]))
        self.assertEqual(study.best_trial.number, 0)
        self.assertEqual(study.direction, optuna.study.StudyDirection.MAXIMIZE)
        for trial in trials[:4]:
            trial._validate()

    def test_optuna_reads_our_domains(self):
        d = self.ours().trials[0].distributions
        dist = optuna.distributions
        self.assertEqual(d["lr"], dist.FloatDistribution(1e-4, 1e-1, log=True))
        self.assertEqual(d["drop"], dist.FloatDistribution(0, 0.5, step=0.25))
        self.assertEqual(d["width"], dist.IntDistribution(8, 128, log=True))
        self.assertEqual(d["depth"], dist.IntDistribution(1, 9, step=2))
        self.assertEqual(d["norm"], dist.CategoricalDistribution([True, False]))
        self.assertEqual(d["optimizer"], dist.CategoricalDistribution(["sgd", "größer", 1.5]))

    def test_optuna_reads_our_times_as_utc(self):
        trial = self.ours().trials[0]
        start = datetime.datetime(2026, 11, 23, 12, 0, 0)
        self.assertEqual(trial.datetime_start.replace(tzinfo=None), start)
        self.assertEqual(trial.duration, datetime.timedelta(seconds=1.5))

    def test_optuna_shows_our_metric_names(self):
        study = self.ours()
        if CURRENT:
            self.assertEqual(study.metric_names, ["accuracy"])
        attributes = study._storage.get_study_system_attrs(study._study_id)
        self.assertEqual(attributes["study:metric_names"], ["accuracy"])

    # --- Both on one study ---

    def test_optuna_works_on_our_study_and_we_go_on(self):
        study = self.ours()
        waiting = study.ask()
        self.assertEqual(waiting.number, 5)
        self.assertEqual(waiting.suggest_float("lr", 1e-4, 1e-1, log=True), 0.05)
        self.assertEqual(waiting.suggest_categorical("norm", [True, False]), False)
        waiting.report(0.25, 4)
        study.tell(waiting, 0.95)
        fresh = study.ask()
        fresh.suggest_float("lr", 1e-4, 1e-1, log=True)
        fresh.set_user_attr("speed", 12)
        fresh.set_user_attr("note", "not a number")
        study.tell(fresh, state=State.PRUNED)
        study.enqueue_trial({"lr": 0.02})

        tool("continue", self.file, "ours")
        trials = show(self.file, "ours")["trials"]
        self.assertEqual([t["number"] for t in trials], list(range(9)))
        self.assertEqual(trials[5]["state"], "complete")
        self.assertEqual(trials[5]["metrics"], {"accuracy": 0.95})
        self.assertEqual(trials[5]["params"], {"lr": 0.05, "norm": False})
        self.assertEqual(trials[5]["reports"], [{"step": 4, "metrics": {"accuracy": 0.25}}])
        self.assertEqual((trials[5]["key"], trials[5]["lease"]), ("grid/5", 0))
        self.assertEqual((trials[6]["state"], trials[6]["metrics"]), ("pruned", {"speed": 12}))
        self.assertEqual((trials[7]["state"], trials[7]["params"]["lr"]), ("complete", 0.02))
        self.assertEqual((trials[8]["key"], trials[8]["metrics"]), ("ours", {"accuracy": 0.75}))
        # What we wrote meanwhile is seen by the process that has the study open.
        self.assertEqual(study.trials[8].params["optimizer"], "größer")
        self.assertEqual(study.best_trial.number, 5)

    def test_optuna_samples_from_our_history(self):
        study = self.ours()
        study.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=1)
        for _ in range(3):
            trial = study.ask()
            trial.suggest_float("lr", 1e-4, 1e-1, log=True)
            trial.suggest_categorical("optimizer", ["sgd", "größer", 1.5])
            study.tell(trial, 0.1)
        self.assertEqual(len(show(self.file, "ours")["trials"]), 8)

    def test_a_study_that_optuna_deletes_leaves_nothing_behind(self):
        storage = self.ours()._storage
        optuna.delete_study(study_name="ours", storage=storage)
        # The ids of the old trials are given out again.
        tool("write", self.file)
        trials = show(self.file, "ours")["trials"]
        self.assertEqual([t["lease"] for t in trials], [1, 1, 1, 1, 1, 0])
        self.assertEqual(len(trials[0]["reports"]), 3)

    # --- Optuna's file, read by us ---

    def theirs(self, **options):
        return optuna.create_study(
            storage=f"sqlite:///{self.file}", study_name="theirs", **options
        )

    def test_we_read_a_study_of_optunas(self):
        study = self.theirs(direction="minimize")
        study.enqueue_trial({"lr": 0.01})

        def objective(trial):
            trial.suggest_float("lr", 1e-4, 1e-1, log=True)
            trial.suggest_float("drop", 0, 0.5, step=0.25)
            trial.suggest_int("width", 8, 128, log=True)
            trial.suggest_int("depth", 1, 9, step=2)
            trial.suggest_categorical("schedule", [None, "cosine", True, 1.5])
            trial.report(INF, 0)
            trial.report(float("nan"), 1)
            trial.report(0.5, 2)
            trial.set_user_attr("loss", 3)
            trial.set_user_attr("text", {"a": [1, None]})
            if trial.number == 1:
                raise optuna.TrialPruned()
            if trial.number == 2:
                raise ValueError("broken")
            return [-INF, 0, 0, INF, 2.5][trial.number]

        study.optimize(objective, n_trials=5, catch=(ValueError,))
        study.ask()
        study.enqueue_trial({"schedule": None, "lr": 0.05})

        shown = show(self.file, "theirs")
        self.assertEqual(
            shown["spec"]["objectives"], [{"metric": "value", "direction": "minimize"}]
        )
        trials = shown["trials"]
        self.assertEqual(
            [t["state"] for t in trials],
            ["complete", "pruned", "failed", "complete", "complete", "running", "waiting"],
        )
        self.assertEqual(
            [t["metrics"].get("value") for t in trials], [-INF, 0.5, None, INF, 2.5, None, None]
        )
        for mine, original in zip(trials, study.trials):
            expected = dict(original.params)
            if "schedule" in expected and expected["schedule"] is None:
                expected["schedule"] = "null"
            self.assertEqual(mine["params"], expected)
            self.assertEqual(mine["worker"], "")
        self.assertEqual(trials[0]["metrics"]["loss"], 3)
        self.assertNotIn("text", trials[0]["metrics"])
        self.assertEqual([r["step"] for r in trials[0]["reports"]], [0, 1, 2])
        self.assertEqual(trials[0]["reports"][0]["metrics"], {"value": INF})
        self.assertTrue(math.isnan(trials[0]["reports"][1]["metrics"]["value"]))
        self.assertEqual(trials[6]["fixed"], {"schedule": "null", "lr": 0.05})

    def test_we_go_on_with_a_study_of_optunas(self):
        study = self.theirs(directions=["minimize", "maximize"])
        choices = [None, "cosine", True]

        def objective(trial):
            lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
            trial.suggest_categorical("schedule", choices)
            return lr, 1.0

        study.enqueue_trial({"schedule": None})
        study.optimize(objective, n_trials=2)
        study.enqueue_trial({"lr": 0.07})
        tool("continue", self.file, "theirs")
        trials = study.trials
        self.assertEqual([t.state for t in trials], [State.COMPLETE] * 4)
        self.assertEqual(trials[2].params, {"lr": 0.07, "schedule": None})
        self.assertEqual(trials[2].values, [0.75, 0.75])
        self.assertEqual(trials[3].params, trials[0].params)
        self.assertEqual(trials[3].distributions, trials[0].distributions)
        # And Optuna goes on in its turn, with the same parameters.
        study.optimize(objective, n_trials=1)
        self.assertEqual(len(show(self.file, "theirs")["trials"]), 5)

    def test_optunas_running_trials_are_left_alone(self):
        study = self.theirs()
        study.ask()
        tool("continue", self.file, "theirs")
        self.assertEqual(study.trials[0].state, State.RUNNING)

    def test_optuna_opens_its_own_file_as_before_after_we_opened_it(self):
        self.theirs()
        tool("show", self.file, "theirs")
        # Without skipping any check: the revision is still this Optuna's.
        optuna.load_study(study_name="theirs", storage=f"sqlite:///{self.file}")


if __name__ == "__main__":
    print(f"Optuna {optuna.__version__} in {sys.executable}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
