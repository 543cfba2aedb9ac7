# Studies whose trials pause, and whose trials take the places of others, with the built-in trainer.
import json
import signal

import program
from program import ProgramTest

STUDY = """
[study]
name = "small"
objectives = [{ metric = "val_loss", direction = "minimize" }]
seed = 7

[space]
learning_rate = { float = [1e-4, 1e-1], log = true }
weight_decay = { float = [1e-6, 1e-2], log = true }

[tune]
num_samples = 8
workers = 2

[trainer]
dataset = "fashion-mnist"
max_samples = 200
channels = [4]
epochs = 8
"""

PBT = STUDY + '[scheduler]\nname = "pbt"\ninterval = 1\n'
PROMOTE = STUDY + '[scheduler]\nname = "asha"\nmode = "promote"\nreduction_factor = 2\n'
PLANNED = 8


def longer(text):
    """Long enough to be stopped in the middle."""
    return (text.replace("epochs = 8", "epochs = 16")
            .replace("channels = [4]", "channels = [16, 32]")
            .replace("max_samples = 200", "max_samples = 1000"))


def steps(trial):
    return [report["step"] for report in trial["reports"]]


class PausingTest(ProgramTest):
    def run_study(self, text, *arguments):
        result = self.run_program("run", self.write_study(text), "--quiet", "--no-figures",
                                  *arguments)
        self.assert_succeeds(result)
        return self.trials("runs/small")

    def parents(self):
        """By number: the table of trials holds them where there are any."""
        return {int(row["number"]): int(row["parent"]) for row in self.table("runs/small")
                if row["parent"]}

    def assert_population_is_whole(self, trials, members=PLANNED):
        """Each trial of the plan has come to its end, itself or by those that took its place."""
        self.assertEqual(len([t for t in trials if t["state"] == "complete"]), members)
        for trial in trials:
            self.assertIn(trial["state"], ["complete", "pruned", "failed"])

    def assert_goes_on_where_parents_were(self, trials):
        parents = self.parents()
        self.assertTrue(parents)
        for number, parent in parents.items():
            self.assertLess(parent, number)
            own = steps(trials[number])
            if not own:
                continue
            self.assertEqual(own, list(range(own[0], own[0] + len(own))))
            if trials[number].get("retry_of") == parent:  # it has its parent's reports as well
                self.assertEqual(own[0], steps(trials[parent])[0])
                continue
            self.assertGreater(own[0], 1)
            self.assertLessEqual(own[0] - 1, steps(trials[parent])[-1])

    def test_a_population_hands_its_places_on_from_checkpoints(self):
        trials = self.run_study(PBT)
        self.assert_population_is_whole(trials)
        self.assert_goes_on_where_parents_were(trials)
        pruned = [t for t in trials if t["state"] == "pruned"]
        self.assertEqual(len(trials), PLANNED + len(pruned))
        for trial in pruned:
            self.assertRegex(trial["reason"], r"a copy of trial \d+ .* takes its place with")

    def test_members_of_a_population_stay_inside_the_constraints(self):
        # Most points around a parent that lies at the border are forbidden.
        members = 24
        text = PBT.replace("[space]",
                           '[space]\nconstraint = "weight_decay <= learning_rate / 1000"')
        trials = self.run_study(text.replace("num_samples = 8", f"num_samples = {members}"))
        self.assert_population_is_whole(trials, members)
        self.assertNotIn("failed", {t["state"] for t in trials})
        for trial in trials:
            params = trial["params"]
            self.assertLessEqual(params["weight_decay"], params["learning_rate"] / 1000)

    def test_promotion_pauses_trials_and_ends_those_that_nobody_wants_to_go_on(self):
        trials = self.run_study(PROMOTE)
        self.assertEqual(len(trials), PLANNED)
        reached = sorted(steps(t)[-1] for t in trials)
        self.assertGreater(reached[-1], 2)
        for trial in trials:
            self.assertEqual(steps(trial), list(range(1, steps(trial)[-1] + 1)))
            if trial["state"] == "complete":
                self.assertEqual(steps(trial)[-1], 8)
            else:
                self.assertEqual((trial["state"], trial["reason"]), ("pruned", "not promoted"))
                self.assertIn(steps(trial)[-1], [1, 2, 4])

    def stop_and_go_on(self, text, signal_number, code):
        text = longer(text)
        self.write_study(text)
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        seen = 0

        def enough(event):
            nonlocal seen
            seen += event["event"] == "reported"
            return seen == 4
        self.read_until(process, enough)
        process.send_signal(signal_number)
        self.assertEqual(self.finish(process).code, code)
        return self.run_study(text)

    def test_a_population_survives_the_death_of_its_process(self):
        trials = self.stop_and_go_on(PBT, signal.SIGKILL, -signal.SIGKILL)
        self.assert_population_is_whole(trials)
        self.assert_goes_on_where_parents_were(trials)

    def test_paused_trials_go_on_after_an_interruption(self):
        # No trial of the plan is lost or doubled: one that failed is repeated by one other.
        trials = self.stop_and_go_on(PROMOTE, signal.SIGINT, 130)
        ended = [t for t in trials if t["state"] in ("complete", "pruned")]
        self.assertEqual(len(ended), PLANNED)
        for trial in ended:
            own = steps(trial)
            self.assertEqual(own, list(range(1, len(own) + 1)), json.dumps(own))


if __name__ == "__main__":
    program.main()
