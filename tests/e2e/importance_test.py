# `hypertune importance`: table, CSV and JSON of a study that ran, and what is refused.
import csv
import io

import program
from program import STUDY, ProgramTest

TEN_TRIALS = STUDY.replace("num_samples = 2", "num_samples = 5")


class ImportanceTest(ProgramTest):
    def run_study(self, text):
        file = self.write_study(text)
        self.assert_succeeds(self.run_program("run", file, "--quiet", "--no-figures"))
        return file

    def test_table_csv_and_json_say_the_same_of_every_parameter(self):
        file = self.run_study(TEN_TRIALS)
        table = self.run_program("importance", file, "--interactions")
        self.assert_succeeds(table)
        for words in ["importance for val_accuracy by fANOVA, from 10 complete trials",
                      "nine tenths of trees", "of the variance of trials it has not seen"]:
            self.assertIn(words, table.out)
        as_json = self.run_program("importance", file, "--interactions", "--json")
        self.assert_succeeds(as_json)
        [found] = as_json.events()
        self.assertEqual({p["name"] for p in found["parameters"]}, {"batch_norm", "learning_rate"})
        self.assertEqual([p["n"] for p in found["parameters"]], [10, 10])
        [pair] = found["interactions"]
        self.assertEqual(set(pair["names"]), {"batch_norm", "learning_rate"})
        # The shares of two parameters and of their pair are all there is.
        whole = sum(p["importance"] for p in found["parameters"]) + pair["importance"]
        self.assertAlmostEqual(whole, 1, delta=0.01)
        as_csv = self.run_program("importance", file, "--interactions", "--csv")
        self.assert_succeeds(as_csv)
        rows = list(csv.DictReader(io.StringIO(as_csv.out)))
        for row, parameter in zip(rows, found["parameters"] + [pair], strict=True):
            self.assertEqual(float(row["importance"]), parameter["importance"])
            self.assertEqual(row["parameter"], parameter.get("name", parameter.get("names", [0])[0]))
        self.assertEqual(as_csv.out, self.run_program("importance", file, "--interactions",
                                                      "--csv").out)

    def test_ped_anova_and_other_metrics_are_judged_too(self):
        file = self.run_study(TEN_TRIALS)
        result = self.run_program("importance", file, "--method", "ped-anova", "--json")
        self.assert_succeeds(result)
        [found] = result.events()
        self.assertEqual(found["method"], "PED-ANOVA")
        self.assertAlmostEqual(sum(p["importance"] for p in found["parameters"]), 1, places=9)
        other = self.run_program("importance", file, "--metric", "val_loss")
        self.assert_succeeds(other)
        self.assertIn("importance for val_loss", other.out)

    def test_what_cannot_be_judged_is_refused_with_the_reason(self):
        file = self.run_study(STUDY)
        self.assert_refused(self.run_program("importance", file), "4 complete trials", "at least 10",
                            code=1)
        self.assert_refused(self.run_program("importance", file, "--method", "guess"), "guess",
                            "fanova or ped-anova")
        self.assert_refused(self.run_program("importance", file, "--metric", "val_acuracy"),
                            'did you mean "val_accuracy"?')
        self.assert_refused(
            self.run_program("importance", file, "--method", "ped-anova", "--interactions"),
            "--interactions", "fanova")


if __name__ == "__main__":
    program.main()
