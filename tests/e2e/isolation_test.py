# The built-in trainer in processes of its own: the same results, and a crash costs one trial.
import os
import pathlib
import signal

import program
from program import ProgramTest, Terminal

STUDY = """
[study]
name = "small"
objectives = [{ metric = "val_loss", direction = "minimize" }]
seed = 7

[space]
learning_rate = { float = [1e-4, 1e-1], log = true }
weight_decay = { float = [1e-6, 1e-2], log = true }

[tune]
num_samples = 6
workers = 1

[trainer]
isolation = "process"
dataset = "fashion-mnist"
max_samples = 200
channels = [4]
dropout = 0.2
epochs = 8
checkpoint_s = 1e-6
"""
PBT = STUDY + '[scheduler]\nname = "pbt"\ninterval = 1\n'
PROMOTE = STUDY + '[scheduler]\nname = "asha"\nmode = "promote"\nreduction_factor = 2\n'
MEDIAN = STUDY + '[scheduler]\nname = "median"\n'
# Long enough that a process is found and killed in the middle of a trial.
LONG = (STUDY.replace("max_samples = 200", "max_samples = 2000")
        .replace("channels = [4]", "channels = [16, 32]")
        .replace("num_samples = 6", "num_samples = 2"))


def result(trial):
    """What must not depend on where the trial ran."""
    return trial["params"], trial.get("metrics"), trial["reports"]


def children(parent):
    """The processes that train for this one."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended
        if stat[0] != "Z" and int(stat[1]) == parent and "train-worker" in words:
            found.append(int(entry.name))
    return found


def is_report(event):
    return event["event"] == "reported"


class IsolationTest(ProgramTest):
    def run_both(self, text):
        """The trials with isolation by process and by thread."""
        runs = []
        for isolation in ["process", "thread"]:
            done = self.run_program("run", self.write_study(text), "--quiet", "--no-figures",
                                    "--set", f"trainer.isolation={isolation}", "--out", isolation)
            self.assert_succeeds(done)
            self.assertEqual(done.err, "")
            runs.append(self.trials(isolation))
        return runs

    def assert_same_table(self):
        times = ["duration_s", "started", "ended", "worker"]
        process, thread = [
            [{key: value for key, value in row.items() if key not in times}
             for row in self.table(folder)] for folder in ["process", "thread"]]
        self.assertTrue(process)
        self.assertEqual(process, thread)

    def assert_as_undisturbed(self, text, trials):
        """Leaving out what failed and was repeated."""
        done = self.run_program("run", self.write_study(text), "--quiet", "--no-figures",
                                "--set", "trainer.isolation=thread", "--out", "undisturbed")
        self.assert_succeeds(done)
        ended = [trial for trial in trials if trial["state"] != "failed"]
        self.assertEqual(sorted(map(result, ended), key=str),
                         sorted(map(result, self.trials("undisturbed")), key=str))

    def test_results_are_those_of_threads_bit_for_bit(self):
        process, thread = self.run_both(STUDY)
        self.assertEqual([result(t) for t in process], [result(t) for t in thread])
        self.assert_same_table()

    def test_stopped_trials_are_those_of_threads_bit_for_bit(self):
        process, thread = self.run_both(MEDIAN)
        self.assertIn("pruned", [t["state"] for t in thread])
        self.assertEqual([result(t) for t in process], [result(t) for t in thread])
        self.assert_same_table()

    def test_paused_trials_go_on_as_with_threads_bit_for_bit(self):
        process, thread = self.run_both(PROMOTE)
        self.assertIn("pruned", [t["state"] for t in thread])
        self.assertEqual([result(t) for t in process], [result(t) for t in thread])
        self.assert_same_table()

    def test_successors_go_on_as_with_threads_bit_for_bit(self):
        process, thread = self.run_both(PBT)
        self.assertGreater(len(thread), 6)
        self.assertEqual([result(t) for t in process], [result(t) for t in thread])
        self.assert_same_table()

    def test_a_killed_process_costs_one_trial_which_is_repeated(self):
        self.write_study(LONG)
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        self.read_until(process, is_report)
        (first,) = children(process.pid)
        os.kill(first, signal.SIGKILL)
        ended = self.read_until(process, lambda event: event["event"] == "finished")[-1]
        self.assertEqual(ended["state"], "failed", ended)
        self.read_until(process, is_report)
        (second,) = children(process.pid)
        self.assertNotEqual(first, second)
        self.assert_succeeds(self.finish(process))
        trials = self.trials("runs/small")
        (failed,) = [t for t in trials if t["state"] == "failed"]
        self.assertIn("signal 9 (Killed)", failed["reason"])
        (repeated,) = [t for t in trials if "retry_of" in t]
        self.assertEqual(repeated["retry_of"], failed["number"])
        self.assert_as_undisturbed(LONG, trials)

    def test_what_crashes_each_time_is_given_up_after_its_attempts(self):
        self.write_study(LONG.replace("epochs = 8", "epochs = 100000")
                         .replace("num_samples = 2", "num_samples = 1")
                         .replace("workers = 1", "workers = 1\nmax_attempts = 2"))
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        for _ in range(2):
            self.read_until(process, lambda event: event["event"] == "started")
            self.read_until(process, is_report)
            (child,) = children(process.pid)
            os.kill(child, signal.SIGSEGV)
        ended = self.finish(process)
        self.assertEqual(ended.code, 1, ended.err)
        trials = self.trials("runs/small")
        self.assertEqual([t["state"] for t in trials], ["failed", "failed"])
        for trial in trials:
            self.assertIn("signal 11", trial["reason"])

    def test_an_interrupted_study_goes_on_with_the_other_isolation(self):
        self.write_study(LONG)
        terminal = Terminal(self, ["run", "study.toml", "--no-figures"])
        terminal.read_until("epoch")
        terminal.type("\x03")  # to the whole group of the terminal
        self.assertEqual(terminal.wait(), 130, terminal.text)
        trials = self.trials("runs/small")
        self.assertFalse([t for t in trials if "signal" in t.get("reason", "")], trials)
        done = self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                "--set", "trainer.isolation=thread")
        self.assert_succeeds(done)
        self.assert_as_undisturbed(LONG, self.trials("runs/small"))

    def test_a_killed_program_takes_its_processes_with_it(self):
        self.write_study(LONG.replace("epochs = 8", "epochs = 100000"))
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        self.read_until(process, is_report)
        (child,) = children(process.pid)
        watch = os.pidfd_open(child)
        self.addCleanup(os.close, watch)
        process.kill()
        self.finish(process)
        self.assertTrue(program.select.select([watch], [], [], program.TIME_LIMIT_S)[0])

    def test_worker_processes_of_a_launcher_train_in_processes_too(self):
        done = self.run_program("run", self.write_study(STUDY), "--quiet", "--no-figures",
                                "--launcher", "local", "--workers", "2")
        self.assert_succeeds(done)
        self.assert_as_undisturbed(STUDY, self.trials("runs/small"))

    def test_the_command_of_the_processes_is_refused_to_people(self):
        self.assert_refused(self.run_program("train-worker"), "starts by itself", "hypertune run")
        for arguments in [["--help"], ["man"], ["completion", "bash"]]:
            self.assertNotIn("train-worker", self.run_program(*arguments).out)

    def test_a_wrong_word_is_refused_where_it_stands(self):
        name = self.write_study(STUDY.replace('"process"', '"proces"'))
        self.assert_refused(self.run_program("run", name), "study.toml:16:", "proces", "process")

    def test_isolation_is_no_parameter(self):
        name = self.write_study(STUDY.replace('isolation = "process"\n', "").replace(
            "[space]", '[space]\nisolation = { choice = ["thread", "process"] }'))
        self.assert_refused(self.run_program("run", name), "isolation", "belongs into [trainer]")


if __name__ == "__main__":
    program.main()
