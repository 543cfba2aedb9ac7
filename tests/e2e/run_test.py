# `hypertune run` and the commands that look at its results.
import json
import shlex
import shutil
import signal
import sqlite3
import subprocess

import program
from program import LONG_STUDY, STUDY, ProgramTest

PLANNED = 4  # trials of STUDY
PLANNED_LONG = 6  # trials of LONG_STUDY


def comparable(trial):
    """A trial without what depends on the machine's speed."""
    return {key: value for key, value in trial.items() if key != "duration_s"}


class RunTest(ProgramTest):
    def run_small(self, *arguments):
        result = self.run_program("run", self.write_study(), *arguments)
        self.assert_succeeds(result)
        return result

    def test_a_run_leaves_all_files_and_prints_verdicts_and_the_place_of_the_report(self):
        result = self.run_small()
        folder = self.work / "runs" / "small"
        for name in ["study.db", "report.md", "report.html", "trials.csv"]:
            self.assertTrue((folder / name).stat().st_size > 0, name)
        for suffix in ["svg", "png"]:
            self.assertTrue(list((folder / "figures").glob("*." + suffix)), suffix)
        self.assertIn("4 of 4 trials complete", " ".join(result.out.split()))
        self.assertIn("Accuracy stays below two", result.out)
        self.assertIn("supported", result.out.lower())
        self.assertIn("runs/small/report.html", result.out)
        self.assertIn("trial 0 started", result.err)
        self.assertIn("trial 3 complete", result.err)
        self.assertNotIn("\x1b", result.out + result.err)
        table = self.table("runs/small")
        self.assertEqual([row["number"] for row in table], ["0", "1", "2", "3"])
        self.assertEqual({row["state"] for row in table}, {"complete"})

    def test_one_and_two_workers_give_the_same_table(self):
        self.run_small("--no-figures", "--out", "one", "--workers", "1")
        self.run_small("--no-figures", "--out", "two", "--workers", "2")
        one, two = self.table("one"), self.table("two")
        for row in one + two:
            row.pop("duration_s")
        self.assertEqual(one, two)

    def test_a_finished_study_only_gets_a_new_report(self):
        self.run_small("--no-figures", "--quiet")
        before = self.trials("runs/small")
        (self.work / "runs" / "small" / "report.md").unlink()
        self.run_small("--no-figures", "--quiet")
        self.assertEqual(self.trials("runs/small"), before)
        self.assertTrue((self.work / "runs" / "small" / "report.md").exists())

    def test_more_samples_are_added_to_a_finished_study(self):
        self.run_small("--no-figures", "--quiet")
        before = self.trials("runs/small")
        self.run_small("--no-figures", "--quiet", "--set", "tune.num_samples=3")
        after = self.trials("runs/small")
        self.assertEqual(after[:PLANNED], before)
        self.assertEqual(len(after), PLANNED + 2)

    def test_a_study_learns_from_an_earlier_one_and_needs_it_no_more_once_it_has_begun(self):
        self.run_small("--no-figures", "--quiet")
        later = self.write_study(
            STUDY.replace('"small"', '"later"') +
            '[sampler]\nname = "tpe"\n[warm_start]\nstudy = "small"\ntrials = 3\n')
        text = '3 trials of study "small" in runs/small'
        check = self.run_program("check", later, "--no-probe")
        self.assert_succeeds(check)
        self.assertIn("Learns     from " + text, check.out)
        first = self.run_program("run", later, "--no-figures")
        self.assert_succeeds(first)
        self.assertIn("Learned from: " + text, first.err)
        report = (self.work / "runs" / "later" / "report.md").read_text()
        self.assertIn("learned from 3 trials of study", " ".join(report.split()))
        shutil.rmtree(self.work / "runs" / "small")
        again = self.run_program("run", later, "--no-figures", "--set", "tune.num_samples=3")
        self.assert_succeeds(again)
        self.assertIn("6 of 6 trials complete", again.out)

    def test_an_earlier_study_that_teaches_nothing_is_refused_before_anything_is_created(self):
        self.run_small("--no-figures", "--quiet")
        later = self.write_study(
            STUDY.replace('"small"', '"later"') + '[sampler]\nname = "tpe"\n[warm_start]\n')
        other_space = "space={dropout={float=[0.0,0.5]}}"
        for settings, message in [
                (['warm_start.study="none"'], "[warm_start] runs/none: no such file or folder"),
                (['warm_start.store="runs/small"', 'warm_start.study="none"'],
                 'it holds no study "none"'),
                (['warm_start.study="small"', other_space],
                 "no trial of it has a value that the space allows")]:
            arguments = [word for setting in settings for word in ("--set", setting)]
            result = self.run_program("run", later, *arguments)
            self.assertEqual(result.code, 2, result.err)
            self.assertIn(message, result.err)
            self.assertFalse((self.work / "runs" / "later").exists())

    def test_the_sampler_auto_says_what_it_chose(self):
        small = self.write_study()
        choice = "qmc, because the study has 1 parameter, one objective and a budget of 4 trials"
        check = self.run_program("check", small, "--no-probe", "--set", "sampler.name=auto")
        self.assertIn("Sampler    " + choice, check.out)
        result = self.run_small("--no-figures", "--set", "sampler.name=auto")
        self.assertIn("Sampler auto: " + choice, result.err)
        report = (self.work / "runs" / "small" / "report.md").read_text()
        self.assertIn("It chose " + choice, " ".join(report.split()))

    def test_overrides_reach_the_trials(self):
        self.run_small("--no-figures", "--quiet", "--set", "trainer.epochs=1", "--set",
                       "space.learning_rate={float=[1e-3,1e-2],log=true}", "--set",
                       "study.name=other")
        trials = self.trials("runs/other")
        self.assertEqual({len(t["reports"]) for t in trials}, {1})
        for trial in trials:
            self.assertTrue(1e-3 <= trial["params"]["learning_rate"] <= 1e-2)

    def test_quiet_prints_the_result_alone(self):
        result = self.run_small("--quiet", "--no-figures")
        self.assertEqual(result.err, "")
        self.assertIn("report.html", result.out)

    def test_json_prints_events_and_a_summary(self):
        result = self.run_small("--json", "--no-figures")
        self.assertEqual(result.err, "")
        events = result.events()
        kinds = [event["event"] for event in events]
        self.assertEqual(kinds[0], "study")
        self.assertEqual(events[0]["planned"], PLANNED)
        self.assertEqual(kinds.count("started"), PLANNED)
        self.assertEqual(kinds.count("reported"), 2 * PLANNED)
        self.assertEqual(kinds.count("finished"), PLANNED)
        summary = events[-1]
        self.assertEqual(kinds[-1], "summary")
        self.assertEqual((summary["complete"], summary["exit_code"]), (PLANNED, 0))
        self.assertEqual([claim["verdict"] for claim in summary["claims"]], ["supported"])
        self.assertEqual(summary["report"], "runs/small/report.html")

    def test_provenance_is_stored_before_the_first_trial_and_resuming_is_noted(self):
        self.run_small("--no-figures", "--quiet", "--workers", "2")
        self.run_small("--no-figures", "--quiet", "--set", "tune.num_samples=3")
        self.run_small("--no-figures", "--quiet", "--set", "tune.num_samples=3")
        database = sqlite3.connect(self.work / "runs" / "small" / "study.db")
        rows = dict(database.execute('SELECT "key", value_json FROM study_system_attributes'))
        database.close()
        provenance = json.loads(rows["hypertune:provenance"])
        self.assertEqual(provenance["dataset"], "fashion-mnist")
        self.assertEqual(provenance["workers"], 2)
        self.assertEqual((provenance["sampler"], provenance["scheduler"]), ("random", "fifo"))
        self.assertIn("run study.toml", provenance["command"])
        self.assertGreater(provenance["hardware"]["cores"], 0)
        self.assertEqual(len(provenance["resumed"]), 1)

    def test_the_first_data_set_that_can_be_had_is_used_and_named(self):
        self.write_study(STUDY.replace('"fashion-mnist"', '["gestures", "fashion-mnist"]'))
        result = self.run_program("run", "study.toml", "--no-figures")
        self.assert_succeeds(result)
        self.assertIn("Data set: fashion-mnist, because", result.err)
        self.assertIn("gestures", result.err)
        self.assertIn("on fashion-mnist", result.out)
        report = (self.work / "runs" / "small" / "report.md").read_text()
        self.assertIn("fashion-mnist", report.lower())
        began = self.run_program("run", "study.toml", "--json", "--no-figures").events()[0]
        self.assertEqual(began["dataset"], "fashion-mnist")
        self.assertIn("gestures", began["fallback_reason"])

    def test_a_study_goes_on_with_the_data_set_it_began_with(self):
        self.write_study(STUDY.replace('"fashion-mnist"', '["gestures", "fashion-mnist"]'))
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--set", "tune.num_samples=1"))
        # Now the first choice is here, though damaged: opening it would fail.
        data = self.folder / "data"
        data.mkdir()
        (data / "gestures-dataset.zip").write_bytes(b"PK\x03\x04" + bytes(100))
        result = self.run_program("run", "study.toml", "--json", "--no-figures",
                                  HYPERTUNE_DATA_PATH=str(data))
        self.assert_succeeds(result)
        self.assertEqual(result.events()[0]["dataset"], "fashion-mnist")
        self.assertEqual(len(self.trials("runs/small")), PLANNED)

    def test_a_finished_study_needs_its_data_no_more(self):
        self.run_small("--no-figures", "--quiet")
        before = self.trials("runs/small")
        (self.work / "runs" / "small" / "report.md").unlink()
        # None of these can be had.
        result = self.run_program("run", "study.toml", "--no-figures", "--set",
                                  "trainer.dataset=gestures")
        self.assert_succeeds(result)
        self.assertIn("small on fashion-mnist: 4 of 4 trials complete", result.out)
        self.assertIn("supported", result.out)
        self.assertTrue((self.work / "runs" / "small" / "report.md").exists())
        self.assertEqual(self.trials("runs/small"), before)
        checked = self.run_program("check", "study.toml")
        self.assert_succeeds(checked)
        self.assertIn("nothing is left to run", checked.out)

    def test_the_best_trial_in_bf16_is_confirmed_in_f32_once(self):
        self.write_study(STUDY.replace(
            "epochs = 2", 'epochs = 2\nprecision = "bf16"\nrerun_best_in_f32 = true'))
        checked = self.run_program("check", "study.toml", "--no-probe")
        self.assertIn("backend native on cpu, precision bf16", checked.out)
        result = self.run_program("run", "study.toml", "--no-figures")
        self.assert_succeeds(result)
        self.assertIn("Precision: bf16", result.err)
        self.assertIn("again in f32", result.err)
        self.assertRegex(result.out, r"Best confirmed in f32: val_accuracy \S+ \(bf16: \S+\)")
        report = (self.work / "runs" / "small" / "report.md").read_text()
        self.assertIn("in bf16. In bf16 the factors", report)
        self.assertIn("confirmed in f32", report)
        # Now the data are gone: nothing is trained again, and the report still has it.
        again = self.run_program("run", "study.toml", "--json", "--no-figures", "--set",
                                 "trainer.dataset=gestures")
        self.assert_succeeds(again)
        began, summary = again.events()
        self.assertEqual(began["precisions"], ["bf16"])
        in_f32 = summary["confirmed_in_f32"]
        # The same as a study in f32 has for that trial.
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--out", "f32", "--set", "trainer.precision=f32"))
        trials = {t["number"]: t["metrics"] for t in self.trials("f32")}
        self.assertEqual(trials[summary["best"]], in_f32)
        self.assertNotIn("confirmed", (self.work / "f32" / "report.md").read_text())

    def test_a_confirmation_can_be_asked_for_later_and_be_interrupted(self):
        self.write_study(LONG_STUDY.replace("[trainer]", '[trainer]\nprecision = "bf16"')
                         .replace("num_samples = 3", "num_samples = 1"))
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))
        before = self.trials("runs/small")
        asked = ["study.toml", "--set", "trainer.rerun_best_in_f32=true"]
        self.assertIn("the best trial is left", self.run_program("check", *asked).out)
        process = self.start_program("run", *asked, "--no-figures")
        for line in process.stderr:
            if "again in f32" in line:
                break
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(result.code, 130, result.err)
        self.assertIn("Interrupted: 2 of 2 trials done. Go on with", result.err)
        self.assertIn("the best trial is left", self.run_program("check", *asked).out)
        result = self.run_program("run", *asked, "--no-figures")
        self.assert_succeeds(result)
        self.assertIn("Best confirmed in f32", result.out)
        self.assertEqual(self.trials("runs/small"), before)

    def test_a_study_goes_on_with_its_backend_alone(self):
        self.run_small("--no-figures", "--quiet")
        changed = ["study.toml", "--set", "tune.num_samples=3", "--set", "trainer.precision=bf16"]
        for command in [["run", "--no-figures"], ["check"]]:
            self.assert_refused(self.run_program(*command, *changed),
                                "trainer precision = f32", "now it is bf16")
        self.assertEqual(len(self.trials("runs/small")), PLANNED)

    def test_two_runs_at_once_share_the_work(self):
        self.write_study(LONG_STUDY)
        runs = [self.start_program("run", "study.toml", "--json", "--no-figures")
                for _ in range(2)]
        results = [self.finish(run) for run in runs]
        finished = []
        for result in results:
            self.assert_succeeds(result)
            finished += [e["trial"] for e in result.events() if e["event"] == "finished"]
        self.assertEqual(sorted(finished), list(range(PLANNED_LONG)))
        self.assertEqual([t["state"] for t in self.trials("runs/small")],
                         ["complete"] * PLANNED_LONG)

    def test_a_killed_run_goes_on_where_it_was(self):
        self.write_study(LONG_STUDY)
        process = self.start_program("run", "study.toml", "--json", "--no-figures", "--workers",
                                     "2")
        finished = self.read_until(process, lambda e: e["event"] == "finished")[-1]["trial"]
        self.read_until(process, lambda e: e["event"] == "reported")
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = {t["number"]: t for t in self.trials("runs/small")}
        self.assertEqual(before[finished]["state"], "complete")
        self.assertIn("running", {t["state"] for t in before.values()})
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))
        after = self.trials("runs/small")
        for trial in after:
            if before.get(trial["number"], {}).get("state") == "complete":
                self.assertEqual(trial, before[trial["number"]])
        complete = [t for t in after if t["state"] == "complete"]
        self.assertEqual(len(complete), PLANNED_LONG)
        # The same results as without the accident.
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--out", "whole"))
        def results(trials):
            return sorted(json.dumps([t["params"], t["metrics"]], sort_keys=True) for t in trials)
        self.assertEqual(results(complete), results(self.trials("whole")))

    def interrupt(self, signal_number):
        self.write_study(LONG_STUDY)
        process = self.start_program("run", "study.toml", "--json", "--no-figures", "--out",
                                     "my results")
        self.read_until(process, lambda event: event["event"] == "reported")
        process.send_signal(signal_number)
        result = self.finish(process)
        self.assertEqual(result.code, 130, result.err)
        summary = result.events()[-1]
        self.assertEqual((summary["event"], summary["interrupted"]), ("summary", True))
        self.assertIn("Go on with: " + summary["resume"], result.err)
        self.assertNotIn("Running", {t["state"] for t in self.trials("my results")})
        resumed = subprocess.run(summary["resume"], shell=True, cwd=self.work,
                                 env=self.environment, capture_output=True, text=True,
                                 timeout=program.TIME_LIMIT_S)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertEqual(shlex.split(summary["resume"])[-1], "my results")
        complete = [t for t in self.trials("my results") if t["state"] == "complete"]
        self.assertEqual(len(complete), PLANNED_LONG)

    def test_ctrl_c_ends_a_run_in_good_order_and_the_printed_command_goes_on(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_is_like_ctrl_c(self):
        self.interrupt(signal.SIGTERM)

    def test_a_second_ctrl_c_ends_at_once(self):
        # Epochs that take longer than the time limit of a test.
        self.write_study(STUDY.replace("max_samples = 200", "max_samples = 60000")
                         .replace("channels = [4]", "channels = [512, 512]"))
        process = self.start_program("run", "study.toml", "--json", "--no-figures")
        self.read_until(process, lambda event: event["event"] == "started")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).code, 130)


class ResultsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))

    def test_a_study_is_found_by_folder_database_file_and_by_being_the_only_one(self):
        expected = self.run_program("trials", "runs/small").out
        self.assertEqual(len(expected.splitlines()), 1 + PLANNED)
        for where in [["runs/small/study.db"], ["study.toml"], []]:
            self.assertEqual(self.run_program("trials", *where).out, expected)

    def test_several_studies_in_runs_must_be_named(self):
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--set", "study.name=second"))
        self.assert_refused(self.run_program("best"), "runs/second", "runs/small")

    def test_trials_are_sorted_by_a_metric_best_first(self):
        result = self.run_program("trials", "study.toml", "--sort", "val_accuracy", "--json")
        values = [trial["metrics"]["val_accuracy"] for trial in result.events()]
        self.assertEqual(values, sorted(values, reverse=True))
        result = self.run_program("trials", "study.toml", "--sort", "val_loss", "--json")
        values = [trial["metrics"]["val_loss"] for trial in result.events()]
        self.assertEqual(values, sorted(values))
        self.assert_refused(self.run_program("trials", "study.toml", "--sort", "val_accurcy"),
                            "val_accurcy", "val_accuracy")

    def test_csv_equals_the_table_of_the_report(self):
        printed = self.run_program("trials", "study.toml", "--csv").out
        stored = (self.work / "runs" / "small" / "trials.csv").read_text()
        self.assertEqual(printed.splitlines(), stored.splitlines())

    def test_best_is_the_trial_with_the_highest_objective(self):
        trials = self.trials("study.toml")
        highest = max(trials, key=lambda t: t["metrics"]["val_accuracy"])
        printed = self.run_program("best", "study.toml", "--json").events()
        self.assertEqual([comparable(t) for t in printed], [comparable(highest)])
        text = self.run_program("best", "study.toml").out
        self.assertIn(f"trial {highest['number']}", text)
        self.assertIn("learning_rate", text)

    def test_report_is_written_from_the_database_alone(self):
        (self.work / "study.toml").unlink()
        (self.work / "runs" / "small" / "report.md").unlink()
        result = self.run_program("report", "runs/small", "--no-figures")
        self.assert_succeeds(result)
        self.assertIn("Accuracy stays below two", result.out)
        self.assertTrue((self.work / "runs" / "small" / "report.md").exists())
        self.assert_succeeds(self.run_program("report", "runs/small/study.db", "--no-figures",
                                              "--out", "elsewhere"))
        self.assertTrue((self.work / "elsewhere" / "report.html").exists())

    def test_check_tells_what_is_done_and_what_is_left(self):
        result = self.run_program("check", "study.toml", "--set", "tune.num_samples=5")
        self.assert_succeeds(result)
        for words in ["4 done", "6 to run", "maximize val_accuracy", "float [0.0001, 0.1] log",
                      "5 for each of 2 grid points", "sampler random", "fashion-mnist", "Estimate"]:
            self.assertIn(words, result.out)
        self.assertEqual(len(self.trials("runs/small")), PLANNED)


class CheckTest(ProgramTest):
    def test_check_creates_nothing(self):
        self.write_study()
        result = self.run_program("check", "study.toml")
        self.assert_succeeds(result)
        self.assertIn("runs/small (new)", result.out)
        self.assertRegex(result.out, r"Estimate +about .* for 4 trials on 1 worker")
        self.assertIn("at the first and at the last grid point", result.out)
        self.assert_nothing_created("study.toml")

    def test_check_without_probe_needs_no_data(self):
        self.write_study(STUDY.replace('"fashion-mnist"', '"gestures"'))
        result = self.run_program("check", "study.toml", "--no-probe")
        self.assert_succeeds(result)
        self.assertIn("gestures: not here", result.out)

    def test_the_shipped_studies_are_valid(self):
        shipped = sorted((program.SOURCE / "experiments").glob("*.toml"))
        self.assertTrue(shipped)
        for file in shipped:
            self.assert_succeeds(self.run_program("check", file, "--no-probe"))


class DataTest(ProgramTest):
    def test_data_sets_are_listed_with_their_place(self):
        result = self.run_program("data", "list")
        self.assert_succeeds(result)
        self.assertRegex(result.out, r"fashion-mnist +/\S+")
        self.assertRegex(result.out, r"gestures +not here")

    def test_show_prints_counts_by_class_and_draws_samples(self):
        result = self.run_program("data", "show", "fashion-mnist", "--samples", "2")
        self.assert_succeeds(result)
        self.assertRegex(result.out, r"(?m)^ +0 .* 6000 +#+$")
        self.assertEqual(result.out.count("\nsample "), 2)
        self.assertRegex(result.out, "[░▒▓█]")
        ascii_only = self.run_program("data", "show", "fashion-mnist", LC_ALL="C")
        self.assertTrue(ascii_only.out.isascii())

    def test_fetch_names_the_place_or_says_why_not(self):
        result = self.run_program("data", "fetch", "fashion-mnist")
        self.assert_succeeds(result)
        self.assertRegex(result.out, r"^fashion-mnist: /\S+\n$")
        result = self.run_program("data", "fetch", "gestures")
        self.assertEqual(result.code, 2)
        self.assertIn("gestures", result.err)


if __name__ == "__main__":
    program.main()
