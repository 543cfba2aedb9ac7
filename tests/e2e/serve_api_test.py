# The dashboard's HTTP API: every answer is what docs/reference/http-api.schema.json says.
import json
import pathlib
import re
import sys
import urllib.error
import urllib.request

import program
from program import STUDY, ProgramTest

SCHEMA = json.loads(
    (pathlib.Path(__file__).parents[2] / "docs/reference/http-api.schema.json").read_text())
GRID_OF_TWO = STUDY.replace("num_samples = 2", "num_samples = 8")

try:
    import jsonschema
except ImportError:
    print("skipped: Python's jsonschema is missing (Debian: python3-jsonschema)")
    sys.exit(77)


class ServeApiTest(ProgramTest):
    def serve(self, *arguments):
        """Starts the server; its address comes on the first line."""
        process = self.start_program("serve", *arguments, "--port", "0")
        line = process.stdout.readline()
        found = re.search(r"http://\S+?:\d+", line)
        self.assertTrue(found, line)
        self.address = found.group(0)

    def ask(self, path, kind, status=200, method="GET", body=None):
        headers = {}
        if body is not None:
            headers = {"Content-Type": "application/json", "X-CSRF-Token": self.csrf}
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text, code = answer.read().decode(), answer.status
        except urllib.error.HTTPError as refused:
            text, code = refused.read().decode(), refused.code
        self.assertEqual(code, status, f"{path}: {text}")
        def refuse(token):
            raise ValueError(f"{path}: not JSON: {token}")
        found = json.loads(text, parse_constant=refuse)
        schema = {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]}
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(found))
        self.assertEqual([f"{path}: {e.json_path}: {e.message}" for e in errors[:5]], [])
        return found

    def check_study(self, study):
        """Asks for everything about the study; returns what it is."""
        at = f"/api/studies/{study}"
        whole = self.ask(at, "Study")
        self.ask(f"{at}/claims", "Claims")
        rows = self.ask(f"{at}/trials?sort=-number&limit=5", "TrialRows")
        for figure in ["points", "history", "curves", "timeline", "front", "importance",
                       "importance?method=ped-anova"]:
            kind = figure.partition("?")[0].capitalize()
            self.ask(f"{at}/figures/{figure}", kind)
        numbers = [p["name"] for p in whole["parameters"] if p["kind"] != "categorical"]
        if len(numbers) >= 2:
            self.ask(f"{at}/figures/contour", "Contour")
        for row in rows["rows"]:
            number = row[rows["columns"].index("number")]
            self.ask(f"{at}/trials/{number}", "Trial")
            self.ask(f"{at}/trials/{number}/note", "Note")
        self.ask(f"{at}/note", "Note")
        self.ask(f"{at}/figures/nothing", "Error", status=404)
        return whole

    def test_answers_about_a_study_that_ran_and_changes_of_it_fit_the_schema(self):
        self.assert_succeeds(self.run_program("run", self.write_study(GRID_OF_TWO), "--quiet",
                                              "--no-figures", "--out", "first"))
        self.serve("first", "--allow-control")
        self.csrf = self.ask("/api/session", "Session")["csrf"]
        [summary] = self.ask("/api/studies", "StudyList")["studies"]
        whole = self.check_study(summary["id"])
        self.assertEqual(whole["summary"]["counts"]["complete"], 16)
        at = f"/api/studies/{summary['id']}"
        self.assertEqual(
            self.ask(f"{at}/trials/3/retry", "Planned", method="POST", body={}), {"number": 16})
        self.ask(f"{at}/trials", "Planned", method="POST", body={"params": {"batch_norm": True}})
        self.ask(f"{at}/trials", "Error", 400, "POST", {"params": {"batch_norm": "maybe"}})
        self.ask(f"{at}/trials/16/stop", "Done", method="POST", body={})
        note = self.ask(f"{at}/note", "Note", method="PUT", body={"text": "*n*", "version": 0})
        self.assertEqual(note["text"], "*n*")
        self.ask(f"{at}/note", "Error", 409, "PUT", {"text": "other", "version": 0})

    def test_answers_about_another_programs_study_fit_the_schema(self):
        """Two objectives, a parameter that some trials lack, infinite and missing values."""
        lines = ["number,state,optimizer,momentum,lr,loss,speed"]
        for n in range(24):
            sgd = n % 2 == 0
            loss = "inf" if n == 7 else n / 10
            state = "failed" if n == 9 else "complete"
            results = "," if n == 9 else f"{loss},{100 - n}"
            lines.append(f"{n},{state},{'sgd' if sgd else 'adam'},{0.9 - n / 100 if sgd else ''},"
                         f"{10 ** (-n / 8)},{results}")
        (self.work / "odd.csv").write_text("\n".join(lines) + "\n")
        self.assert_succeeds(self.run_program(
            "import", "odd.csv", "--objective", "loss:minimize", "--objective", "speed:maximize",
            "--storage", "odd.db"))
        self.serve("odd.db")
        whole = self.check_study(1)
        self.assertEqual(whole["summary"]["counts"]["complete"], 23)

    def test_answers_about_a_study_without_trials_fit_the_schema(self):
        (self.work / "empty.csv").write_text("number,state,x,y,loss\n")
        done = self.run_program("import", "empty.csv", "--objective", "loss:minimize",
                                "--storage", "empty.db")
        self.assert_succeeds(done)
        self.serve("empty.db")
        whole = self.check_study(1)
        self.assertEqual(whole["summary"]["state"], "empty")


if __name__ == "__main__":
    program.main()
