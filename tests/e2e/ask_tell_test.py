# Studies that are driven by hypertune ask and tell, from the shell and from programs.
import json
import shutil
import subprocess
import unittest

import program
from program import ProgramTest, SOURCE

EXAMPLES = SOURCE / "examples" / "ask_tell"

STUDY = """
[study]
name = "asked"
objectives = [{ metric = "loss", direction = "minimize" }]
seed = 5

[space]
x = { float = [-5, 5] }
kind = { choice = ["a", "b"] }

[sampler]
name = "random"

[tune]
num_samples = 3

[ask]
"""


class AskTellTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write_study(STUDY)

    def ask(self, *options, code=0, study="study.toml"):
        result = self.run_program("ask", study, "--json", *options)
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)

    def tell(self, *arguments, study="study.toml"):
        result = self.run_program("tell", study, *arguments, "--json")
        self.assert_succeeds(result)
        return json.loads(result.out)

    def test_a_study_file_is_begun_by_the_first_ask_and_is_done_when_its_plan_is(self):
        for number in range(3):
            trial = self.ask()
            self.assertEqual((trial["trial"], trial["lease"], trial["attempt"]), (number, 1, 1))
            self.assertEqual(set(trial["params"]), {"x", "kind"})
            told = self.tell(number, f"loss={trial['params']['x'] ** 2}", "extra=7")
            self.assertEqual(told["state"], "complete")
        nothing = self.ask(code=3)
        self.assertTrue(nothing["done"])
        self.assertIn("3 trials", nothing["reason"])
        rows = self.trials("study.toml")
        self.assertEqual([row["state"] for row in rows], ["complete"] * 3)
        self.assertEqual(rows[0]["metrics"]["extra"], 7)
        self.assert_succeeds(self.run_program("report", "study.toml", "--no-figures"))

    def test_further_trials_are_chosen_by_the_sampler(self):
        for number in range(3):
            self.ask()
            self.tell(number, "loss=1")
        self.assertEqual(self.ask("--further")["trial"], 3)

    def test_what_is_asked_is_printed_line_by_line_for_shells(self):
        result = self.run_program("ask", "study.toml")
        self.assert_succeeds(result)
        lines = dict(line.split(" ", 1) for line in result.out.splitlines() if line[:5] != "param")
        self.assertEqual((lines["trial"], lines["lease"], lines["attempt"]), ("0", "1", "1"))
        self.assertRegex(result.out, r"(?m)^param kind [ab]$")
        self.assertRegex(result.out, r"(?m)^param x -?\d")
        told = self.run_program("tell", "study.toml", "0", "loss=0.5")
        self.assertEqual((told.code, told.out), (0, "complete\n"))

    def test_while_others_run_there_is_nothing_now_but_it_is_not_done(self):
        for _ in range(3):
            self.ask()
        nothing = self.ask(code=3)
        self.assertFalse(nothing["done"])
        self.assertIn("3 trials run elsewhere", nothing["reason"])

    def test_reports_are_answered_by_the_scheduler_and_a_stop_ends_the_trial(self):
        self.write_study(STUDY + '\n[scheduler]\nname = "threshold"\nupper = 10\n')
        self.ask()
        self.assertEqual(self.tell(0, "--step", "1", "loss=2")["decision"], "continue")
        told = self.tell(0, "--step", "2", "loss=20")
        self.assertEqual((told["decision"], told["state"]), ("stop", "pruned"))
        self.assert_refused(self.run_program("tell", "study.toml", "0", "loss=20"),
                            "trial 0 is pruned already", code=1)
        self.assertEqual([r["step"] for r in self.trials("study.toml")[0]["reports"]], [1, 2])

    def test_a_report_that_is_no_number_stops_the_trial(self):
        self.ask()
        told = self.tell(0, "--step", "1", "loss=nan")
        self.assertEqual((told["decision"], told["state"]), ("stop", "pruned"))
        self.assertIn("NaN", told["reason"])

    def test_trials_may_fail_and_be_pruned(self):
        for _ in range(3):
            self.ask()
        failed = self.tell(0, "--failed", "out of memory")
        self.assertEqual((failed["state"], failed["reason"]), ("failed", "out of memory"))
        pruned = self.tell(1, "--pruned", "--reason", "hopeless")
        self.assertEqual((pruned["state"], pruned["reason"]), ("pruned", "hopeless"))
        # What is not a number is no result.
        self.assertEqual(self.tell(2, "loss=nan")["state"], "failed")
        self.assertTrue(self.ask(code=3)["done"])

    def test_what_cannot_be_told_is_refused_and_changes_nothing(self):
        trial = self.ask()
        for arguments, code, *words in [
            (("0",), 2, 'objective "loss" is missing'),
            (("0", "lost=1"), 2, 'objective "loss" is missing', "lost"),
            (("0", "loss"), 2, "METRIC=NUMBER"),
            (("0", "loss=much"), 2, "METRIC=NUMBER"),
            (("0", "loss=1", "loss=2"), 2, "twice"),
            (("0", "--step", "1"), 2, "without a metric"),
            (("0", "loss=1", "--lease", "7"), 1, "lease 7"),
            (("1", "loss=1"), 1, "waiting"),
            (("9", "loss=1"), 1, "no trial 9"),
            (("-1", "loss=1"), 2),
        ]:
            self.assert_refused(self.run_program("tell", "study.toml", *arguments), *words,
                                code=code)
        self.assertEqual(self.tell(0, "loss=1", "--lease", trial["lease"])["state"], "complete")
        self.assert_refused(self.run_program("tell", "study.toml", "0", "loss=1"),
                            "complete already", code=1)
        for lease in "0", "1y", "-3h", "100000d", "":
            self.assert_refused(self.run_program("ask", "study.toml", "--lease", lease), "--lease")

    def test_a_trial_whose_lease_ran_out_is_given_to_the_next_who_asks(self):
        first = self.ask("--lease", "1s")
        others = [self.ask(), self.ask()]
        for other in others:
            self.tell(other["trial"], "loss=1")
        again = None
        process = None
        while again is None:  # until the store's clock says so
            process = self.run_program("ask", "study.toml", "--json")
            again = json.loads(process.out) if process.code == 0 else None
        self.assertEqual((again["retry_of"], again["attempt"]), (first["trial"], 2))
        self.assertEqual(again["params"], first["params"])
        self.assertEqual(again["seed"], first["seed"])
        self.assert_refused(self.run_program("tell", "study.toml", first["trial"], "loss=1"),
                            "failed already", code=1)

    def test_the_run_folder_will_do_and_the_study_remembers_its_file(self):
        self.ask()
        (self.work / "study.toml").unlink()
        self.assertEqual(self.ask(study="runs/asked")["trial"], 1)
        self.assertEqual(self.tell(1, "loss=1", study="runs/asked")["state"], "complete")

    def test_examples_in_bash_python_and_c_work_on_one_study(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("no C compiler")
        folder = self.work / "ask_tell"
        shutil.copytree(EXAMPLES, folder)
        subprocess.run([compiler, "-Wall", "-Werror", "-o", "minimize", "minimize.c", "-lm"],
                       cwd=folder, check=True)
        self.put_program_on_path()
        for name, command in [("bash", ["bash", "minimize.sh"]), ("c", ["./minimize"]),
                              ("python", ["python3", "minimize.py"])]:
            work = self.work / name
            shutil.copytree(folder, work)
            done = subprocess.run([*command, "study.toml"], cwd=work, text=True,
                                  env=self.environment, capture_output=True,
                                  timeout=program.TIME_LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            rows = self.trials(work / "runs" / "by-hand")
            self.assertEqual(len(rows), 8)
            self.assertEqual({row["state"] for row in rows} - {"complete", "pruned"}, set())
            self.assertTrue(any(row["state"] == "complete" for row in rows))
            self.assertTrue(all(row["reports"] for row in rows))


if __name__ == "__main__":
    program.main()
