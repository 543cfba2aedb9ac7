# Bad input: each is refused with one line that names it, and nothing is created.
import os
import sqlite3
import subprocess

import program
from program import STUDY, ProgramTest


def without(section):
    """The study without what follows `[section]` up to the next one."""
    head, tail = STUDY.split(f"[{section}]", 1)
    return head + "[" + tail.split("\n[", 1)[1]


class BadInputTest(ProgramTest):
    def check_refusal(self, text, *words):
        """`run` and `check` refuse it alike, and name the file."""
        self.write_study(text)
        for command in ["check", "run"]:
            result = self.run_program(command, "study.toml")
            self.assert_refused(result, "study.toml:", *words)
            self.assert_nothing_created("study.toml")

    def test_an_empty_study_file(self):
        self.write_study("")
        for command in ["check", "run"]:
            result = self.run_program(command, "study.toml")
            self.assertEqual(result.code, 2)
            self.assertIn("hypertune: study.toml:1:1: the study file is empty", result.err)
            self.assert_nothing_created("study.toml")

    def test_a_file_that_is_not_toml(self):
        self.check_refusal("study = [", "study.toml:1:")

    def test_an_unknown_key(self):
        self.check_refusal(STUDY.replace("num_samples", "num_sample"), "num_sample",
                           "num_samples")

    def test_a_value_of_the_wrong_type(self):
        self.check_refusal(STUDY.replace("epochs = 2", 'epochs = "two"'), "epochs")

    def test_low_above_high(self):
        self.check_refusal(STUDY.replace("[1e-4, 1e-1]", "[1e-1, 1e-4]"), "learning_rate")

    def test_a_logarithmic_domain_from_zero(self):
        self.check_refusal(STUDY.replace("[1e-4, 1e-1]", "[0, 1e-1]"), "learning_rate", "log")

    def test_a_grid_on_an_empty_list(self):
        self.check_refusal(STUDY.replace("[true, false]", "[]"), "batch_norm")

    def test_a_parameter_that_is_defined_twice(self):
        self.check_refusal(STUDY.replace("[tune]", "batch_norm = true\n[tune]"), "batch_norm")

    def test_a_condition_on_an_unknown_parameter(self):
        self.check_refusal(STUDY.replace("log = true", 'log = true, when = "depth > 2"'), "depth")

    def test_a_condition_on_a_later_parameter(self):
        self.check_refusal(
            STUDY.replace("[true, false] }", '[true, false], when = "learning_rate > 0.1" }'),
            "learning_rate")

    def test_a_claim_about_an_unknown_metric(self):
        self.check_refusal(STUDY.replace('mean = "val_accuracy"', 'mean = "val_acuracy"'),
                           "val_acuracy", "val_accuracy")

    def test_a_study_without_a_name(self):
        self.check_refusal(without("study"), "study")

    def test_a_network_that_cannot_be_built_for_the_data(self):
        self.write_study(STUDY.replace("channels = [4]", "channels = [2,2,2,2,2,2]\npool = 4"))
        self.assert_refused(self.run_program("run", "study.toml"), "pool")
        self.assert_nothing_created("study.toml")

    def test_a_bad_override(self):
        self.write_study()
        for override, *words in [
            ("tune.num_sampels=3", "tune.num_sampels", "num_samples"),
            ("trainer.epochs=many", "--set trainer.epochs"),
            ("epochs", "--set epochs"),
        ]:
            self.assert_refused(self.run_program("run", "study.toml", "--set", override), *words)
        self.assert_nothing_created("study.toml")

    def test_a_data_set_that_cannot_be_had(self):
        self.write_study(STUDY.replace('"fashion-mnist"', '"gestures"'))
        result = self.run_program("run", "study.toml")
        self.assertEqual(result.code, 2)
        self.assertIn("gestures", result.err.splitlines()[-1])
        self.assert_nothing_created("study.toml")

    def test_a_truncated_archive(self):
        self.write_study(STUDY.replace('"fashion-mnist"', '["gestures", "fashion-mnist"]'))
        data = self.folder / "data"
        data.mkdir()
        (data / "gestures-dataset.zip").write_bytes(b"PK\x03\x04" + bytes(100))
        result = self.run_program("run", "study.toml", HYPERTUNE_DATA_PATH=str(data))
        self.assert_refused(result, "gestures-dataset.zip")
        self.assert_nothing_created("study.toml")

    def test_a_run_folder_that_cannot_be_created(self):
        self.write_study()
        (self.work / "file").write_text("not a folder")
        for folder in ["file", "file/below", "/proc/hypertune-run"]:
            self.assert_refused(self.run_program("run", "study.toml", "--out", folder), folder)
        self.assert_nothing_created("study.toml", "file")

    def test_a_folder_with_other_files_is_not_taken_over(self):
        self.write_study()
        (self.work / "mine").mkdir()
        (self.work / "mine" / "report.md").write_text("my own report")
        self.assert_refused(self.run_program("run", "study.toml", "--out", "mine"), "not empty")
        self.assertEqual([p.name for p in (self.work / "mine").iterdir()], ["report.md"])
        self.assertEqual((self.work / "mine" / "report.md").read_text(), "my own report")

    def test_a_read_only_run_folder(self):
        self.write_study()
        folder = self.work / "results"
        folder.mkdir()
        if os.geteuid() == 0:
            self.mount(folder, "size=1m,ro")
        else:
            folder.chmod(0o555)
        self.assert_refused(self.run_program("run", "study.toml", "--out", "results"), "results")
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_full_disk_ends_the_run_and_it_goes_on_when_there_is_room(self):
        self.write_study(program.LONG_STUDY)
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        folder = self.work / "results"
        folder.mkdir()
        self.mount(folder, "size=16m")
        process = self.start_program("run", "study.toml", "--out", "results", "--json",
                                     "--no-figures")
        self.read_until(process, lambda event: event["event"] == "finished")
        filler = folder / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024))
            except OSError:
                pass
        result = self.finish(process)
        self.assertEqual(result.code, 1, result.err)
        self.assertIn("study.db", result.err)
        self.assertIn("go on with: ", result.err)
        filler.unlink()
        self.assert_succeeds(self.run_program("run", "study.toml", "--out", "results", "--quiet",
                                              "--no-figures"))
        done = [t for t in self.trials("results") if t["state"] == "complete"]
        self.assertEqual(len(done), 6)

    def test_a_disk_that_is_too_small_is_left_as_it_was(self):
        self.write_study()
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        disk = self.work / "disk"
        disk.mkdir()
        self.mount(disk, "size=100k")
        for folder in ["disk/new/run", "disk"]:
            self.assert_refused(self.run_program("run", "study.toml", "--out", folder), "study.db")
            self.assertEqual(list(disk.iterdir()), [])

    def test_a_folder_of_another_study_is_not_taken_over(self):
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--out", "mine"))
        before = (self.work / "mine" / "report.md").read_text()
        for command in ["check", "run"]:
            self.assert_refused(self.run_program(command, "study.toml", "--out", "mine", "--set",
                                                 "study.name=second"),
                                "mine", 'belongs to study "small"', '"second"', "--out")
        self.assertEqual((self.work / "mine" / "report.md").read_text(), before)
        self.assertEqual({t["state"] for t in self.trials("mine")}, {"complete"})

    def test_check_refuses_folders_that_a_run_refuses(self):
        self.write_study()
        (self.work / "file").write_text("not a folder")
        (self.work / "mine").mkdir()
        (self.work / "mine" / "notes.txt").write_text("my own notes")
        for folder in ["file", "mine", "x" * 5000]:
            self.assert_refused(self.run_program("check", "study.toml", "--out", folder), folder,
                                "--out")
        self.assert_nothing_created("file", "mine", "study.toml")

    def test_names_that_are_too_long(self):
        self.write_study()
        name = "x" * 5000
        for arguments in [("trials", name), ("best", name), ("report", name), ("run", name),
                          ("check", name), ("run", "study.toml", "--out", name)]:
            self.assert_refused(self.run_program(*arguments), "File name too long")
        self.assert_nothing_created("study.toml")

    def test_a_database_of_another_program_is_left_as_it_is(self):
        self.write_study()
        (self.work / "other").mkdir()
        file = self.work / "other" / "study.db"
        with sqlite3.connect(file) as database:
            database.execute("CREATE TABLE songs (title TEXT)")
        database.close()
        before = file.read_bytes()
        for arguments in [("run", "study.toml", "--out", "other"), ("trials", "other"),
                          ("best", "other/study.db"), ("report", "other")]:
            self.assert_refused(self.run_program(*arguments), "study.db")
            self.assertEqual([p.name for p in (self.work / "other").iterdir()], ["study.db"])
            self.assertEqual(file.read_bytes(), before)

    def test_a_file_that_is_no_database(self):
        (self.work / "study.db").write_text("hello, world\n" * 100)
        self.assert_refused(self.run_program("trials", "study.db"), "study.db")

    def test_another_space_under_the_name_of_a_stored_study(self):
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))
        before = self.trials("study.toml")
        self.write_study(STUDY.replace("1e-4", "1e-5"))
        for command in ["run", "check"]:
            self.assert_refused(self.run_program(command, "study.toml"), "learning_rate")
        self.assertEqual(self.trials("runs/small"), before)

    def run_part(self, *arguments):
        """A study of which one sample is done, and another is planned by the file."""
        self.write_study(STUDY.replace('"fashion-mnist"', '["gestures", "fashion-mnist"]'))
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              "--set", "tune.num_samples=1", *arguments))

    def test_going_on_with_other_training_or_other_data_is_refused(self):
        self.run_part()
        before = self.trials("runs/small")
        for override, *words in [
            ("trainer.epochs=1", "epochs = 2", "1"),
            ("trainer.optimizer=sgd", "optimizer = adam", "sgd"),
            ("trainer.max_samples=300", "samples = 200", "300"),
            ("trainer.channels=[5]", "channels"),
            ("trainer.dataset=gestures", "dataset = fashion-mnist", "gestures"),
        ]:
            for command in ["run", "check"]:
                result = self.run_program(command, "study.toml", "--set", override)
                self.assert_refused(result, 'study "small"', "restore it", "--out", *words)
        self.assertEqual(self.trials("runs/small"), before)
        # Nothing would be mixed in a study that is finished.
        result = self.run_program("run", "study.toml", "--no-figures", "--set",
                                  "tune.num_samples=1", "--set", "trainer.epochs=1")
        self.assert_succeeds(result)
        self.assertEqual(self.trials("runs/small"), before)

    def test_going_on_unpaired_where_the_study_began_paired_is_refused(self):
        self.run_part()
        before = self.trials("runs/small")
        for command in ["run", "check"]:
            result = self.run_program(command, "study.toml", "--set", "tune.paired=false")
            self.assert_refused(result, 'study "small"', "paired", "--out")
        self.assertEqual(self.trials("runs/small"), before)

    def mount(self, folder, options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("cannot mount a file system here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=True)


if __name__ == "__main__":
    program.main()
