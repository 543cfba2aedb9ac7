# One study on many processes: `hypertune worker`, and runs whose trials launchers' workers run.
import os
import re
import shlex
import signal
import socket
import sqlite3
import time

import program
from program import LONG_STUDY, SOURCE, STUDY, ProgramTest, Terminal

# Trials long enough that something can happen in the middle of them.
SLOW = LONG_STUDY
PLANNED = 6
# More than any test waits for.
ENDLESS = SLOW.replace("num_samples = 3", "num_samples = 300")
DEADLINE_S = 60


def workers_of(database, state):
    """Names of the workers of trials in this state."""
    with sqlite3.connect(database, timeout=DEADLINE_S) as connection:
        rows = connection.execute(
            "SELECT l.worker FROM hypertune_leases l JOIN trials t USING (trial_id) "
            "WHERE t.state = ?", (state,))
        return [row[0] for row in rows]


def process_of(worker):
    return int(worker.split(":")[1])


def is_alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class WorkerTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.database = self.work / "runs" / "small" / "study.db"
        self.addCleanup(self.end_workers)

    def end_workers(self):
        """Workers that a test left running."""
        for folder in self.work.glob("**/workers"):
            for process in self.processes_in(folder.parent):
                os.kill(process, signal.SIGKILL)

    @staticmethod
    def processes_in(folder):
        """Workers of this run folder, by their command line."""
        found = []
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"worker" in words and str(folder).encode() in words and is_alive(int(name)):
                found.append(int(name))
        return found

    def wait_until(self, condition, what):
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "still waiting until " + what)
            time.sleep(0.02)

    def running(self):
        if not self.database.exists():
            return []
        try:
            return workers_of(self.database, "RUNNING")
        except sqlite3.OperationalError:  # the tables are being made
            return []

    def start_run(self, text, *arguments):
        """A run of which a trial has begun."""
        process = self.start_program("run", self.write_study(text), "--no-figures", *arguments)
        self.wait_until(self.running, "a trial runs")
        return process

    def assert_all_complete(self, planned, where="runs/small"):
        trials = self.trials(where)
        repeated = {trial["retry_of"] for trial in trials if "retry_of" in trial}
        for trial in trials:
            if trial["number"] not in repeated:
                self.assertEqual(trial["state"], "complete", trial)
        self.assertEqual(len(trials) - len(repeated), planned)
        return trials

    def test_workers_of_the_local_launcher_give_the_same_trials_as_threads(self):
        study = self.write_study()
        launched = self.run_program("run", study, "--no-figures", "--launcher", "local",
                                    "--workers", "3", "--out", "launched")
        self.assert_succeeds(launched)
        self.assertIn("local: 3 workers", launched.err)
        self.assertIn("trial 3 complete", launched.err)
        self.assertIn("4 of 4 trials complete", launched.out)
        self.assert_succeeds(self.run_program("run", study, "--no-figures", "--out", "threads"))
        one, two = self.table("launched"), self.table("threads")
        for row in one + two:
            row.pop("duration_s")
        self.assertEqual(one, two)
        logs = list((self.work / "launched" / "workers").glob("*.log"))
        self.assertEqual(len(logs), 3)
        for log in logs:
            self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.processes_in(self.work / "launched"), [])

    def test_the_events_of_workers_are_those_of_a_run(self):
        result = self.run_program("run", self.write_study(), "--no-figures", "--launcher", "local",
                                  "--workers", "2", "--json")
        self.assert_succeeds(result)
        events = result.events()
        kinds = [event["event"] for event in events]
        self.assertEqual(events[0]["launcher"], "local")
        for kind, count in [("started", 4), ("reported", 8), ("finished", 4), ("summary", 1)]:
            self.assertEqual(kinds.count(kind), count, kind)
        self.assertEqual((events[-1]["complete"], events[-1]["exit_code"]), (4, 0))

    def test_workers_join_a_study_by_hand_and_leave_when_nothing_is_left(self):
        run = self.start_run(SLOW)
        workers = [self.start_program("worker", "--storage", self.database),
                   self.start_program("worker", "--storage", f"sqlite:///{self.database}",
                                      "--study", "small", "--json")]
        results = [self.finish(worker) for worker in workers]
        for result in results:
            self.assert_succeeds(result)
        self.assertIn("Nothing is left to do: 6 of 6 trials done", results[0].err)
        self.assert_succeeds(self.finish(run))
        self.assert_all_complete(PLANNED)
        self.assertGreater(len(set(map(process_of, workers_of(self.database, "COMPLETE")))), 1)

    def test_a_killed_worker_costs_one_trial_which_is_run_again(self):
        run = self.start_run(SLOW, "--launcher", "local", "--workers", "2")
        os.kill(process_of(self.running()[0]), signal.SIGKILL)
        result = self.finish(run)
        self.assert_succeeds(result)
        self.assertIn("lost its worker", result.err)
        trials = self.assert_all_complete(PLANNED)
        self.assertEqual(len([t for t in trials if t["state"] == "failed"]), 1)

    def test_workers_outlive_the_run_that_started_them_and_are_followed_again(self):
        run = self.start_run(SLOW, "--launcher", "local", "--workers", "2")
        run.kill()
        run.wait()
        workers = set(map(process_of, self.running()))
        again = self.run_program("run", "study.toml", "--no-figures", "--launcher", "local",
                                 "--workers", "2")
        self.assert_succeeds(again)
        trials = self.assert_all_complete(PLANNED)
        self.assertEqual(len(trials), PLANNED, "nothing was repeated")
        self.assertTrue(workers & set(map(process_of, workers_of(self.database, "COMPLETE"))))

    def test_a_worker_that_is_asked_to_leave_puts_its_trial_back(self):
        self.start_run(SLOW, "--launcher", "local", "--workers", "1", "--detach")
        worker = process_of(self.running()[0])
        os.kill(worker, signal.SIGTERM)
        self.wait_until(lambda: not is_alive(worker), "the worker has left")
        states = [trial["state"] for trial in self.trials("runs/small")]
        self.assertNotIn("running", states)
        self.assertIn("waiting", states)
        one = self.run_program("worker", "--storage", self.database, "--max-trials", "1")
        self.assert_succeeds(one)
        self.assertIn("Left as its options say", one.err)
        self.assert_succeeds(self.run_program("worker", "--storage", self.database, "--quiet",
                                              "--workers", "2"))
        self.assert_all_complete(PLANNED)

    def test_an_interruption_without_a_terminal_stops_the_workers(self):
        run = self.start_run(SLOW, "--launcher", "local", "--workers", "2")
        run.send_signal(signal.SIGINT)
        result = self.finish(run)
        self.assertEqual(result.code, 130, result.err)
        self.assertIn("Go on with", result.err)
        self.assertEqual(self.processes_in(self.work / "runs" / "small"), [])
        self.assertEqual(self.running(), [])

    def test_a_run_whose_workers_are_all_gone_says_so_and_can_go_on(self):
        run = self.start_run(SLOW, "--launcher", "local", "--workers", "1")
        os.kill(process_of(self.running()[0]), signal.SIGTERM)
        result = self.finish(run)
        self.assertEqual(result.code, 1, result.err)
        self.assertIn("all workers are gone", result.err)
        self.assertIn("go on with: ", result.err)

    def test_ctrl_c_on_a_terminal_asks_what_becomes_of_the_workers(self):
        self.write_study(ENDLESS)
        arguments = ["run", "study.toml", "--no-figures", "--launcher", "local", "--workers", "2"]
        terminal = Terminal(self, arguments)
        self.wait_until(self.running, "a trial runs")
        question = "continue (c)?"
        terminal.type("\x03")
        terminal.read_until(question)
        terminal.type("c\n")
        after = len(terminal.text)
        terminal.read_until("so far", after)
        terminal.type("\x03")
        terminal.read_until(question, after)
        terminal.type("l\n")
        self.assertEqual(terminal.wait(), 130)
        self.assertIn("The workers go on", terminal.text)
        self.assertTrue(self.processes_in(self.work / "runs" / "small"))
        again = Terminal(self, arguments)
        again.read_until("running")
        again.type("\x03")
        again.read_until(question)
        again.type("s\n")
        self.assertEqual(again.wait(), 130)
        self.assertIn("Interrupted", again.text)

    def test_a_study_that_is_not_there_or_has_no_file_is_refused(self):
        self.assert_succeeds(self.run_program("run", self.write_study(), "--no-figures", "--quiet"))
        self.assert_refused(self.run_program("worker"), "--storage", "HYPERTUNE_STORAGE")
        self.assert_refused(self.run_program("worker", "--storage", self.database, "--study", "x"),
                            'no study "x"', "small")
        with sqlite3.connect(self.database) as connection:
            connection.execute("DELETE FROM study_system_attributes "
                               "WHERE \"key\" = 'hypertune:study_file'")
        self.assert_refused(self.run_program("worker", "--storage", self.database),
                            "has no study file", "hypertune run")

    def test_launchers_and_options_that_cannot_work_are_refused_before_anything_is_created(self):
        study = self.write_study()
        for arguments, words in [
                (["--launcher", "slurm"], ["SQLite", "postgresql://"]),
                (["--launcher", "ray", "--storage", "sqlite:///x.db"], ["SQLite", "postgresql://"]),
                (["--launcher", "slum"], ["--launcher", 'did you mean "slurm"?']),
                (["--detach"], ["--detach", "--launcher"])]:
            self.assert_refused(self.run_program("run", study, *arguments), *words)
        self.write_study(STUDY + '[launcher]\nname = "local"\npartition = "x"\n')
        self.assert_refused(self.run_program("run", study), "study.toml:31:1", "slurm alone")
        self.assert_nothing_created("study.toml")

    def test_a_store_elsewhere_is_found_by_the_variable_the_folder_and_the_url(self):
        study = self.write_study()
        store = {"HYPERTUNE_STORAGE": "sqlite:///shared.db"}
        result = self.run_program("run", study, "--no-figures", **store)
        self.assert_succeeds(result)
        self.assertTrue((self.work / "shared.db").exists())
        folder = self.work / "runs" / "small"
        self.assertFalse((folder / "study.db").exists())
        self.assertTrue((folder / "report.md").exists())
        self.assertEqual((folder / "store.url").read_text().strip(), str(self.work / "shared.db"))
        for arguments, environment in [
                ([], {}), (["runs/small"], {}), (["shared.db"], {}), (["sqlite:///shared.db"], {}),
                ([], store), ([study], store)]:
            best = self.run_program("best", *arguments, **environment)
            self.assert_succeeds(best)
            self.assertIn("val_accuracy", best.out)
        self.assert_refused(self.run_program("run", study), "store.url", "--storage")
        again = self.run_program("run", study, "--no-figures", "--storage", "shared.db")
        self.assert_succeeds(again)

    def test_nobody_sees_the_password_of_a_url(self):
        # Nobody answers there, so that the program waits.
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"postgresql://me:secret@127.0.0.1:{server.getsockname()[1]}/tuning"
            process = self.start_program("worker", "--storage", url)
            if process.poll() is None:
                line = f"/proc/{process.pid}/cmdline"

                def is_masked():
                    with open(line, "rb") as file:
                        words = file.read()
                    return process.poll() is not None or (b"me" in words and b"secret" not in words)
                self.wait_until(is_masked, "the list of processes is masked")
            process.terminate()
            result = self.finish(process)
        self.assertNotIn("secret", result.out + result.err)
        for command in (["run", self.write_study()], ["best"], ["worker"]):
            option = [] if command == ["best"] else ["--storage"]
            result = self.run_program(*command, *option, "mysql://me:secret@host/tuning")
            self.assertEqual(result.code, 2, result.err)
            self.assertNotIn("secret", result.out + result.err)

    def test_the_commands_of_the_guide_work(self):
        guide = (SOURCE / "docs" / "guide" / "many-machines.md").read_text()
        self.write_study(STUDY.replace('"small"', '"my-study"'))
        run = 0
        for line in "\n".join(re.findall(r"```sh\n(.*?)```", guide, re.S)).splitlines():
            if not line.startswith("hypertune "):
                continue
            # Where no server is, a file on this machine stands for it.
            words = [word.replace("postgresql://me@dbhost/tuning", "runs/my-study/study.db")
                     for word in shlex.split(line)[1:]]
            self.assert_succeeds(self.run_program(*words))
            run += 1
        self.assertGreater(run, 5)


if __name__ == "__main__":
    program.main()
