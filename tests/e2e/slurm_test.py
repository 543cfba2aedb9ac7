# Studies on a real Slurm of four nodes and PostgreSQL, which the tests start.
import signal
import subprocess
import time

import cluster
import program
from program import ProgramTest

import slurm_cluster

DEADLINE_S = 80


class SlurmProgramTest(ProgramTest, cluster.ClusterStudy):
    def setUp(self):
        super().setUp()
        if slurm_cluster.missing():
            self.skipTest(slurm_cluster.missing())
        self.start_store()
        self.cluster = slurm_cluster.SlurmCluster()
        self.addCleanup(self.cluster.stop)
        self.environment.update(self.cluster.environment)
        self.page = self.write_files_of("slurm.md", "branin")

    def slow_down(self, seconds, settings=""):
        script = self.work / "branin.sh"
        script.write_text(script.read_text().replace("loss=", f"sleep {seconds}\nloss=", 1))
        study = self.work / "branin.toml"
        study.write_text(study.read_text().replace("[tune]", "[tune]\n" + settings, 1))

    def wait_until(self, what, condition):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain until " + what)
            time.sleep(0.2)

    def tasks(self, state):
        """Nodes of the tasks in this state, one for each."""
        return self.cluster.ask("squeue", "-h", "-r", "-t", state, "-o", "n%N").splitlines()

    def test_the_guide_can_be_followed(self):
        self.follow(self.page)
        self.assert_complete("branin.toml", 12)
        logs = list((self.work / "runs/branin/workers").glob("*_*.log"))
        self.assertEqual(len(logs), 4)
        for log in logs:
            self.assert_no_secret_in(log.read_text())
        self.assert_no_secret_in((self.work / "runs/branin/report.md").read_text())

    def test_a_lost_node_costs_no_trial_and_nobody_sees_the_password(self):
        self.slow_down(2, "lease_s = 5")
        run = self.start_program("run", "branin.toml")
        self.wait_until("four workers run", lambda: len(self.tasks("running")) == 4)
        seen = self.command_lines() + self.cluster.ask("scontrol", "show", "job", "-dd")
        self.assertIn("worker", seen)
        self.assert_no_secret_in(seen)
        self.cluster.lose(self.tasks("running")[0][1:])
        self.assert_succeeds(self.finish(run))
        self.assert_complete("branin.toml", 12)

    def test_a_run_that_is_stopped_takes_its_workers_along_and_goes_on_later(self):
        self.slow_down(1)
        run = self.start_program("run", "branin.toml")
        self.wait_until("four workers run", lambda: len(self.tasks("running")) == 4)
        run.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(run).code, 130)
        self.assertEqual(self.tasks("pending,running"), [])
        self.assert_succeeds(self.run_program("run", "branin.toml"))
        self.assert_complete("branin.toml", 12)

    def test_workers_that_somebody_cancels_end_the_run_with_a_reason(self):
        self.slow_down(30)
        run = self.start_program("run", "branin.toml")
        self.wait_until("four workers run", lambda: len(self.tasks("running")) == 4)
        subprocess.run(["scancel", "1"], env={**self.environment}, check=True)
        result = self.finish(run)
        self.assertEqual(result.code, 1, result.err)
        self.assertIn("cancelled by somebody", result.err)


if __name__ == "__main__":
    program.main()
