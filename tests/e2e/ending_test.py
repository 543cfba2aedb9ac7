# Studies that end before num_samples says: constraints, exhausted spaces, and each rule of [stop].
import program
from program import ProgramTest

STUDY = """
[study]
name = "small"
objectives = [{ metric = "val_accuracy", direction = "maximize" }]
seed = 7

[space]
batch_size = { grid = [16, 64, 512] }
epochs = { int = [1, 3] }
batch_norm = { choice = [true, false] }
constraint = ["batch_size * epochs <= 128", "batch_norm or epochs < 3"]

[tune]
num_samples = 8
workers = 2

[trainer]
dataset = "fashion-mnist"
max_samples = 200
channels = [4]
"""

POINTS = 9  # 5 with a batch size of 16, 4 with 64, none with 512
ENDLESS = STUDY.replace("batch_norm = { choice = [true, false] }",
                        "learning_rate = { float = [1e-3, 1e-2] }").replace(
                            ', "batch_norm or epochs < 3"', "")
PLANNED = 16  # trials of ENDLESS


class EndingTest(ProgramTest):
    def summary(self, *arguments):
        result = self.run_program("run", "study.toml", "--no-figures", "--json", *arguments)
        self.assert_succeeds(result)
        return result.events()[-1]

    def test_an_exhausted_space_ends_the_study_with_every_point_once(self):
        self.write_study(STUDY)
        result = self.run_program("run", "study.toml", "--no-figures")
        self.assert_succeeds(result)
        self.assertIn("9 of 9 trials complete", " ".join(result.out.split()))
        self.assertIn(f"Ended: the space of {POINTS} points is exhausted", result.out)
        points = [tuple(sorted(trial["params"].items())) for trial in self.trials("runs/small")]
        self.assertEqual(len(points), POINTS)
        self.assertEqual(len(set(points)), POINTS)
        for point in map(dict, points):
            self.assertLessEqual(point["batch_size"] * point["epochs"], 128)
            self.assertTrue(point["batch_norm"] or point["epochs"] < 3)
        report = (self.work / "runs" / "small" / "report.md").read_text()
        self.assertIn("It ended because the space of 9 points is exhausted", report)
        self.assertEqual(self.summary()["stopped"], "the space of 9 points is exhausted")

    def test_check_shows_constraints_rules_and_what_they_leave_out(self):
        self.write_study(STUDY)
        result = self.run_program("check", "study.toml", "--no-probe", "--set", "stop.target=0.9",
                                  "--set", "stop.time_s=60")
        self.assert_succeeds(result)
        self.assertIn("Constraint batch_size * epochs <= 128", result.out)
        self.assertIn("9 trials: 8 for each of 2 grid points, less 7", result.out)
        self.assertIn("the constraints leave out 1 grid point", result.out)
        self.assertIn("Stop       target = 0.9, time_s = 60", result.out)

    def test_a_space_that_no_point_satisfies_is_refused(self):
        self.write_study(STUDY.replace("<= 128", "<= 8"))
        self.assert_refused(self.run_program("run", "study.toml"), "study.toml:11:", "no point")
        self.assert_nothing_created("study.toml")

    def assert_ends(self, rule, reason, at_least, at_most):
        """The study ends for this reason, a second run says so too and runs nothing."""
        self.write_study(ENDLESS)
        first = self.summary("--set", rule, "--workers", "1")
        self.assertIn(reason, first["stopped"])
        self.assertEqual((first["planned"], first["failed"]), (PLANNED, 0))
        self.assertTrue(at_least <= first["complete"] <= at_most, first)
        before = self.trials("runs/small")
        again = self.summary("--set", rule, "--workers", "1")
        self.assertEqual((again["stopped"], again["complete"]),
                         (first["stopped"], first["complete"]))
        self.assertEqual(self.trials("runs/small"), before)
        report = (self.work / "runs" / "small" / "report.md").read_text()
        self.assertIn("It ended because", report)
        # Without the rule, what waits is run.
        self.assertNotIn("stopped", self.summary())
        self.assertEqual({trial["state"] for trial in self.trials("runs/small")}, {"complete"})

    def test_a_number_of_trials_ends_a_study(self):
        self.assert_ends("stop.trials=3", "3 trials have ended", 3, 3)

    def test_a_target_ends_a_study(self):
        self.assert_ends("stop.target=0.01", "val_accuracy reached", 1, 1)

    def test_no_improvement_ends_a_study(self):
        self.assert_ends("stop={no_improvement=2,min_improvement=0.9}", "none of the last 2 trials",
                         3, 3)

    def test_time_ends_a_run(self):
        self.write_study(ENDLESS)
        summary = self.summary("--set", "stop.time_s=1e-9")
        self.assertEqual((summary["complete"], summary["exit_code"]), (0, 0))
        self.assertIn("the time limit of", summary["stopped"])

    def test_little_expected_improvement_ends_a_study(self):
        self.write_study(ENDLESS.replace("num_samples = 8", "num_samples = 12"))
        summary = self.summary("--set", "stop.expected_improvement=10", "--workers", "1")
        self.assertEqual(summary["complete"], 20)
        self.assertIn("expected to improve val_accuracy", summary["stopped"])


if __name__ == "__main__":
    program.main()
