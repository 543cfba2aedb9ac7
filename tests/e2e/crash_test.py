# The program is killed, stopped, and loses its store in the middle of a study.
import random
import signal
import time

import program
from program import ProgramTest

STUDY = """
[study]
name = "small"
objectives = [{ metric = "val_loss", direction = "minimize" }]
seed = 7

[space]
batch_norm = { grid = [true, false] }
learning_rate = { float = [1e-4, 1e-1], log = true }

[tune]
num_samples = 3
workers = 2
max_attempts = 100

[trainer]
dataset = "fashion-mnist"
max_samples = 300
channels = [4, 8]
dropout = 0.2
schedule = "cosine"
epochs = 6
checkpoint_s = 1e-6
"""
PLANNED = 6
EPOCHS = 6


def result(trial):
    """What must not depend on who ran the trial."""
    return trial["params"], trial["metrics"], trial["reports"]


class CrashTest(ProgramTest):
    def undisturbed(self):
        done = self.run_program("run", self.write_study(STUDY), "--quiet", "--no-figures",
                                "--out", "undisturbed")
        self.assert_succeeds(done)
        return self.trials("undisturbed")

    def disturb(self, signal_number, code, rounds, seed):
        """Sends the signal to so many runs, each after some random event; then lets one end."""
        self.write_study(STUDY)
        moments = random.Random(seed)
        for _ in range(rounds):
            process = self.start_program("run", "study.toml", "--json", "--no-figures")
            left = moments.randrange(1, 6)

            def enough(event):
                nonlocal left
                left -= event["event"] in ("started", "reported")
                return left <= 0 or event["event"] == "summary"
            if self.read_until(process, enough)[-1]["event"] == "summary":
                self.assertEqual(self.finish(process).code, 0)
                break
            time.sleep(moments.uniform(0, 0.01))  # any moment will do
            process.send_signal(signal_number)
            self.assertIn(self.finish(process).code, (code, 0))
        done = self.run_program("run", "study.toml", "--quiet", "--no-figures")
        self.assert_succeeds(done)
        return self.trials("runs/small")

    def assert_as_if_nothing_had_happened(self, trials):
        ended = [t for t in trials if t["state"] != "failed"]
        self.assertEqual(len(ended), PLANNED)
        key = str
        self.assertEqual(sorted(map(result, ended), key=key),
                         sorted(map(result, self.undisturbed()), key=key))

    def test_killed_runs_end_bit_for_bit_as_one_that_was_not(self):
        trials = self.disturb(signal.SIGKILL, -signal.SIGKILL, rounds=12, seed=1)
        self.assertGreater(len(trials), PLANNED)
        self.assert_as_if_nothing_had_happened(trials)

    def test_interrupted_runs_end_bit_for_bit_as_one_that_was_not(self):
        trials = self.disturb(signal.SIGINT, 130, rounds=6, seed=2)
        self.assert_as_if_nothing_had_happened(trials)

    def test_terminated_runs_end_bit_for_bit_as_one_that_was_not(self):
        trials = self.disturb(signal.SIGTERM, 130, rounds=6, seed=3)
        self.assert_as_if_nothing_had_happened(trials)

    def test_a_store_that_is_deleted_ends_the_run_with_a_message(self):
        self.write_study(STUDY.replace("epochs = 6", "epochs = 400"))
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        self.read_until(process, lambda event: event["event"] == "reported")
        (self.work / "runs/small/study.db").unlink()
        ended = self.finish(process)
        self.assertEqual(ended.code, 1, ended.err)
        self.assertIn("study.db: was deleted or moved while it was in use", ended.err)
        self.assertIn("run again", ended.err)

    def test_a_report_is_replaced_as_a_whole(self):
        self.write_study(STUDY.replace("epochs = 6", "epochs = 1"))
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))
        folder = self.work / "runs/small"
        names = ["report.md", "report.html", "trials.csv"]
        whole = {name: (folder / name).read_bytes() for name in names}
        moments = random.Random(4)
        for _ in range(20):
            process = self.start_program("report", "runs/small", "--no-figures")
            time.sleep(moments.uniform(0, 0.03))  # any moment will do
            process.kill()
            self.finish(process)
            for name in names:
                self.assertEqual((folder / name).read_bytes(), whole[name], name)


if __name__ == "__main__":
    program.main()
