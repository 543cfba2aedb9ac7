# Stores as others use them: the guide to PostgreSQL, and optuna-dashboard beside a running study.
import json
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import postgres
import program
from guides_test import GUIDES, blocks
from program import ProgramTest, SOURCE

OPTUNA_DASHBOARD = SOURCE / ".venv" / "bin" / "optuna-dashboard"

# A trial that reports once and goes on until it may end.
HELD_STUDY = """
[study]
name = "held"
objectives = [{ metric = "loss", direction = "minimize" }]
seed = 1
[space]
x = { float = [0, 1] }
[tune]
num_samples = 2
workers = 1
[command]
argv = ["bash", "-c", '''
    hypertune report step=1 loss=0.5
    until test -e END; do sleep 0.05; done
    hypertune report --result loss=0.25''']
"""


class StoreProgramTest(ProgramTest):
    def start_postgres(self):
        if postgres.missing():
            self.skipTest(postgres.missing())
        server = postgres.PostgresServer()
        self.addCleanup(server.stop)
        if "built without PostgreSQL" in self.run_program("trials", server.url).err:
            self.skipTest("this hypertune was built without PostgreSQL")
        return server

    def wait_until(self, holds, what):
        end = time.monotonic() + program.TIME_LIMIT_S
        while not holds():
            self.assertLess(time.monotonic(), end, f"not in time: {what}")
            time.sleep(0.05)

    def test_the_guide_to_postgresql_can_be_followed(self):
        server = self.start_postgres()
        page = (GUIDES / "postgresql.md").read_text()
        administration, export = blocks(page, "sh")
        pgpass = next(line + "\n" for line in page.splitlines() if line.endswith(":the-password"))
        # Passwords count for this role, unlike for others.
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("host all me 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        server.process.send_signal(signal.SIGHUP)
        administrator = {**self.environment, "PGHOST": "127.0.0.1", "PGPORT": str(server.port),
                         "PGUSER": "hypertune"}
        administrator["PATH"] = f"{postgres.programs()}:{administrator['PATH']}"
        # Without a terminal the password is read from the input.
        subprocess.run(["bash", "-euc", administration], env=administrator, cwd=self.work, text=True,
                       input="the-password\nthe-password\n", check=True, capture_output=True,
                       start_new_session=True, timeout=program.TIME_LIMIT_S)

        def here(text):
            return text.replace("dbhost:5432", f"127.0.0.1:{server.port}").replace(
                "dbhost", f"127.0.0.1:{server.port}")
        name, url = here(export).strip().removeprefix("export ").split("=", 1)
        self.environment[name] = url
        study = self.write_study()
        self.assert_refused(self.run_program("run", study), "password", "~/.pgpass")
        file = self.folder / "home" / ".pgpass"
        file.write_text(here(pgpass))
        file.chmod(0o600)
        self.assert_succeeds(self.run_program("run", study, "--quiet", "--no-figures"))
        self.assertEqual([trial["state"] for trial in self.trials(study)], ["complete"] * 4)

    def shown_trials(self, url):
        """What optuna-dashboard shows of the only study."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # Its cache of trials lives as long as it does: each look is a new one.
        with subprocess.Popen(
                [OPTUNA_DASHBOARD, "--host", "127.0.0.1", "--port", str(port), url],
                env={**self.environment, "PYTHONWARNINGS": "ignore"}, cwd=self.work,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dashboard:
            try:
                def answer(path):
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}",
                                                timeout=10) as reply:
                        return json.load(reply)
                found = []

                def answers():
                    self.assertIsNone(dashboard.poll(), "optuna-dashboard ended")
                    try:
                        found[:] = answer("studies")["study_summaries"]
                    except urllib.error.URLError:
                        return False
                    return True
                self.wait_until(answers, "optuna-dashboard answers")
                self.assertEqual([study["study_name"] for study in found], ["held"])
                return answer(f"studies/{found[0]['study_id']}?after=0")["trials"]
            finally:
                dashboard.terminate()

    def dashboard_follows(self, storage, url):
        if not OPTUNA_DASHBOARD.exists():
            self.skipTest("no optuna-dashboard in .venv")
        self.put_program_on_path()
        self.write_study(HELD_STUDY.replace("END", str(self.work / "end")))
        options = ["--storage", storage] if storage else []
        run = self.start_program("run", "study.toml", "--json", "--no-figures", *options)
        self.read_until(run, lambda event: event["event"] == "reported")
        before = self.shown_trials(url)
        self.assertEqual([trial["state"] for trial in before], ["Running", "Waiting"])
        self.assertEqual(before[0]["intermediate_values"], [{"step": 1, "value": 0.5}])
        (self.work / "end").touch()
        self.assert_succeeds(self.finish(run))
        after = self.shown_trials(url)
        self.assertEqual([trial["state"] for trial in after], ["Complete", "Complete"])
        self.assertEqual([trial["values"] for trial in after], [[0.25], [0.25]])

    def test_optuna_dashboard_shows_a_study_that_runs_on_sqlite(self):
        self.dashboard_follows("", f"sqlite:///{self.work}/runs/held/study.db")

    def test_optuna_dashboard_shows_a_study_that_runs_on_postgresql(self):
        url = self.start_postgres().create_database("held")
        self.dashboard_follows(url, url.replace("postgresql:", "postgresql+psycopg2:"))


if __name__ == "__main__":
    program.main()
