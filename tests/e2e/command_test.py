# Studies whose trials are runs of a program: the examples, the guide, and what a user gets wrong.
import re
import shutil
import signal
import subprocess
import time
import unittest

import program
from program import ProgramTest, SOURCE

EXAMPLES = SOURCE / "examples" / "program"
GUIDE = SOURCE / "docs" / "guide" / "tune-a-program.md"


def blocks(page, language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page)


class CommandTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.put_program_on_path()
        shutil.copytree(EXAMPLES, self.work, dirs_exist_ok=True)

    def study(self, argv, more="", samples=3):
        text = (self.work / "study.toml").read_text()
        text = text[:text.index("[scheduler]")] + f"[tune]\nnum_samples = {samples}\n"
        return self.write_study(f"{text}[command]\nargv = {argv}\n{more}\n", "own.toml")

    def run_study(self, *arguments, more=""):
        result = self.run_program("run", self.study(*arguments, more=more), "--quiet",
                                  "--no-figures")
        self.assert_succeeds(result)
        return self.trials("runs/program")

    def assert_complete(self, trials):
        self.assertEqual([trial["state"] for trial in trials], ["complete"] * 3, trials)
        for folder in range(3):
            self.assertTrue((self.work / f"runs/program/trials/{folder}").is_dir())

    def test_the_example_in_python_gives_the_same_as_those_in_bash_and_c(self):
        places = '"{learning_rate}", "{momentum}"'
        python = self.run_study('["python3", "train.py"]')
        self.assert_complete(python)
        shutil.rmtree(self.work / "runs")
        bash = self.run_study(f'["bash", "train.sh", {places}]')
        self.assert_complete(bash)
        shutil.rmtree(self.work / "runs")
        compiler = shutil.which("cc")
        subprocess.run([compiler, "-o", "train", "train.c"], cwd=self.work, check=True)
        c = self.run_study(f'["./train", {places}]')
        self.assert_complete(c)
        for one, other, third in zip(python, bash, c):
            loss = one["metrics"]["loss"]
            self.assertAlmostEqual(third["metrics"]["loss"], loss, delta=1e-9 * (1 + abs(loss)))
            self.assertAlmostEqual(other["metrics"]["loss"], loss, delta=1e-2 * (1 + abs(loss)))

    def test_a_script_that_is_answered_is_told_when_to_stop(self):
        text = (self.work / "study.toml").read_text()
        text = text.replace('name = "median"', 'name = "threshold"\nupper = 40.0')
        text = text[:text.index("[command]")] + """[command]
argv = ["bash", "-c", '''
    for s in 1 2 3; do hypertune report step=$s loss=$((20 * s)) || exit 0; done''']
answers = true
"""
        self.write_study(text)
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))
        trials = self.trials("runs/program")
        self.assertEqual({trial["state"] for trial in trials}, {"pruned"})
        words = (self.work / "runs/program/trials/0/stdout.txt").read_text()
        self.assertEqual(words, "continue\ncontinue\nstop\n")

    def test_a_failure_is_told_with_its_code_and_last_words(self):
        result = self.run_program(
            "run", self.study("""["sh", "-c", "echo no such gear >&2; exit 2"]"""), "--quiet",
            "--no-figures")
        self.assertEqual(result.code, 1)
        trials = self.trials("runs/program")
        self.assertEqual(len(trials), 3)
        self.assertIn("exit code 2", trials[0]["reason"])
        self.assertIn("no such gear", trials[0]["reason"])

    def test_an_interrupted_run_ends_its_programs_and_goes_on_with_their_checkpoints(self):
        script = """
            cd "$HYPERTUNE_CHECKPOINT_DIR"; echo $HYPERTUNE_ATTEMPT >>runs
            if ! test -e ../../again; then touch ../../ready; sleep 1000; fi
            hypertune report --result loss=$(wc -l <runs)"""
        study = self.study(f"[\"bash\", \"-c\", '''{script}''']", samples=1)
        process = self.start_program("run", study, "--json", "--no-figures")
        ready = self.work / "runs/program/ready"
        self.read_until(process, lambda event: event["event"] == "started")
        deadline = time.monotonic() + program.TIME_LIMIT_S
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(ready.exists())
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).code, 130)
        (self.work / "runs/program/again").touch()
        self.assert_succeeds(self.run_program("run", study, "--quiet", "--no-figures"))
        last = self.trials("runs/program")[-1]
        self.assertEqual((last["state"], last["metrics"]["loss"]), ("complete", 2))

    def test_what_cannot_be_run_is_refused_before_anything_is_created(self):
        before = sorted(path.name for path in self.work.iterdir()) + ["own.toml"]
        for argv, words in (
                ('["./none"]', ("./none", "no such program")),
                ('["python3", "{rate}"]', ("own.toml:", "{rate}")),
                ('["python3", "{learning_rat}"]', ("own.toml:", 'did you mean "learning_rate"')),
                ("[]", ("own.toml:", "argv is empty")),
                ('["python3"]\n[trainer]\nepochs = 3', ("own.toml:", "remove one of the two"))):
            result = self.run_program("run", self.study(argv))
            self.assert_refused(result, *words)
        self.assert_nothing_created(*before)

    def test_reports_outside_of_a_trial_and_bad_ones_are_refused(self):
        self.assert_refused(self.run_program("report", "step=1", "loss=2"), "HYPERTUNE_REPORT_FD",
                            "hypertune tell")
        self.assert_refused(self.run_program("report", "step=x", "loss=2"), "step=x")
        self.assert_refused(self.run_program("report", "loss=abc"), "loss=abc is no number")
        self.assert_refused(self.run_program("report", "--result", "step=1", "a=1"), "no step")
        self.assert_refused(self.run_program("report", "a=1", "a=2"), "twice")
        self.assert_refused(self.run_program("report", "step=1", "loss"), '"loss"')
        self.assert_refused(self.run_program("report", "loss=1", HYPERTUNE_REPORT_FD="77"),
                            "no open descriptor")

    def test_a_study_whose_name_has_an_equals_sign_is_still_a_study(self):
        (self.work / "a=1").mkdir()
        self.assert_refused(self.run_program("report", "a=1"), "a=1")

    def test_the_guide_can_be_followed_and_shows_excerpts_of_the_examples(self):
        page = GUIDE.read_text()
        for language, file in ("bash", "train.sh"), ("python", "train.py"), ("c", "train.c"):
            self.assertTrue(blocks(page, language))
            for block in blocks(page, language):
                self.assertIn(block, (EXAMPLES / file).read_text())
        self.assertEqual(blocks(page, "toml")[0], (EXAMPLES / "study.toml").read_text())
        commands = [line[2:] for block in blocks(page, "console") for line in block.splitlines()]
        self.assertTrue(commands)
        for command in commands:
            done = subprocess.run(["bash", "-euc", command], cwd=self.work, env=self.environment,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=program.TIME_LIMIT_S)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}{done.stdout}")


if __name__ == "__main__":
    program.main()
