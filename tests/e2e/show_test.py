# `hypertune show`: figures of a study that was run.
import program
from program import ProgramTest


class ShowTest(ProgramTest):
    def run_study(self, *arguments):
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures",
                                              *arguments))

    def test_without_a_figure_they_are_listed(self):
        result = self.run_program("show")
        self.assert_succeeds(result)
        for name in ["history", "slice", "contour", "parallel", "rank", "edf", "pareto",
                     "intermediate", "timeline", "all"]:
            self.assertRegex(result.out, f"(?m)^{name} ")
        self.assert_nothing_created()

    def test_a_figure_lies_beside_the_database_and_its_name_is_printed(self):
        self.run_study()
        result = self.run_program("show", "history", "runs/small")
        self.assert_succeeds(result)
        self.assertEqual(result.out, "runs/small/history.svg\n")
        self.assertIn("4 complete", result.err)
        self.assertIn("Validation accuracy", (self.work / "runs/small/history.svg").read_text())
        result = self.run_program("show", "slice", "study.toml", "--metric", "val_loss", "--params",
                                  "learning_rate", "--out", "slice.png")
        self.assert_succeeds(result)
        self.assertEqual((self.work / "slice.png").read_bytes()[:4], b"\x89PNG")

    def test_all_figures_are_drawn_that_the_study_has(self):
        self.run_study()
        result = self.run_program("show", "all", "--out", "figures")
        self.assert_succeeds(result)
        drawn = sorted(path.name for path in (self.work / "figures").iterdir())
        self.assertEqual(result.out.split(), ["figures/" + kind + ".svg" for kind in
                                              ["history", "slice", "contour", "parallel", "rank",
                                               "edf", "intermediate", "timeline"]])
        self.assertEqual(len(drawn), 8)
        self.assertIn("has no figure pareto: it takes two objectives", result.err)

    def test_distributions_of_several_studies_are_compared(self):
        self.run_study("--out", "one")
        self.run_study("--out", "two", "--set", "study.name=second")
        result = self.run_program("show", "edf", "one", "--with", "two")
        self.assert_succeeds(result)
        image = (self.work / "one/edf.svg").read_text()
        for name in ["small", "second"]:
            self.assertIn(f">{name}<", image)

    def test_wrong_wishes_are_refused(self):
        self.run_study()
        for arguments, *words in [
            (("histroy",), "histroy", '"history"', "there are"),
            (("history", "--params", "learning_rate"), "--params", "shows no parameters"),
            (("timeline", "--metric", "val_loss"), "--metric"),
            (("slice", "--with", "runs/small"), "--with", "edf"),
            (("slice", "--params", "learning_rat"), "learning_rat", '"learning_rate"'),
            (("slice", "--metric", "val_los"), "val_los", '"val_loss"'),
            (("slice", "--out", "slice.pdf"), "slice.pdf", ".svg or .png"),
        ]:
            with self.subTest(arguments):
                name, *rest = arguments
                self.assert_refused(self.run_program("show", name, "runs/small", *rest), *words)
        self.assert_refused(self.run_program("show", "pareto"), "it takes two objectives", code=1)
        self.assert_nothing_created("runs", "study.toml")


if __name__ == "__main__":
    program.main()
