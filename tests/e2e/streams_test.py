# Streams that are full, closed, or read by nobody: no run is lost, and no lost result is a success.
import fcntl
import os
import signal
import subprocess
import time

import program
from program import STUDY, ProgramTest

PLANNED = 4  # trials of STUDY
LOST = "cannot write the output"

# Epochs that take longer than the time limit of a test.
HUGE_STUDY = (STUDY.replace("max_samples = 200", "max_samples = 60000")
              .replace("channels = [4]", "channels = [512, 512]"))


class StreamsTest(ProgramTest):
    def shell(self, redirections, *arguments):
        """The program under a shell that redirects its streams; exit code and what it printed."""
        line = '"$@" ' + redirections
        done = subprocess.run(
            ["sh", "-c", line, "sh", *self.command(arguments)], cwd=self.work,
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=program.TIME_LIMIT_S)
        return program.Result(done.returncode, done.stdout, done.stderr)

    def run_small(self):
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))

    def assert_complete(self, where="runs/small"):
        self.assertEqual([t["state"] for t in self.trials(where)], ["complete"] * PLANNED)

    def test_a_run_whose_progress_cannot_be_written_goes_on(self):
        self.write_study()
        for number, redirection in enumerate(["2>/dev/full", "2>&-", "<&- 2>&-"]):
            folder = f"run{number}"
            result = self.shell(redirection, "run", "study.toml", "--no-figures", "--out", folder)
            self.assert_succeeds(result)
            self.assertIn("4 of 4 trials complete", result.out)
            self.assert_complete(folder)

    def test_an_error_that_cannot_be_written_keeps_its_exit_code(self):
        for redirection in ["2>/dev/full", "2>&-"]:
            for arguments in [("trials", "nowhere"), ("rnu",), ()]:
                self.assertEqual(self.shell(redirection, *arguments).code, 2)

    def test_a_result_that_cannot_be_written_is_a_failure(self):
        self.run_small()
        for redirection in [">/dev/full", ">&-"]:
            for arguments in [("trials", "--csv"), ("trials", "--json"), ("trials",), ("best",),
                              ("report", "--no-figures"), ("check", "study.toml", "--no-probe"),
                              ("man",), ("completion", "bash"), ("--help",), ("--version",)]:
                self.assert_refused(self.shell(redirection, *arguments), LOST, code=1)

    def test_a_run_whose_result_cannot_be_written_is_finished_and_fails(self):
        self.write_study()
        for number, redirection in enumerate([">/dev/full", ">&-"]):
            for form in ["--quiet", "--json"]:
                folder = f"run{number}{form}"
                self.assert_refused(self.shell(redirection, "run", "study.toml", "--no-figures",
                                               form, "--out", folder), LOST, code=1)
                self.assert_complete(folder)
                self.assertTrue((self.work / folder / "report.html").exists())

    def test_a_run_that_nobody_reads_is_finished(self):
        self.write_study()
        for form, redirection in [("--json", "| head -n 1"), ("--workers=1", "2>&1 | head -n 1")]:
            folder = "run" + form
            result = self.shell(redirection, "run", "study.toml",
                                "--no-figures", form, "--out", folder)
            self.assertEqual(len(result.out.splitlines()), 1)
            self.assert_complete(folder)
            self.assertTrue((self.work / folder / "report.html").exists())
        process = self.start_program("run", "study.toml", "--no-figures", "--json")
        process.stdout.close()
        self.assertEqual(process.wait(program.TIME_LIMIT_S), 1)
        self.assertIn(LOST, process.stderr.read())
        self.assert_complete()

    def test_other_commands_end_like_unix_tools_when_nobody_reads(self):
        process = self.start_program("completion", "bash")
        process.stdout.close()
        self.assertEqual(process.wait(program.TIME_LIMIT_S), -signal.SIGPIPE)

    def test_two_signals_end_a_run_at_once_although_nobody_reads_its_progress(self):
        self.write_study(HUGE_STUDY)
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        # Quiet: the first thing that it writes is what Ctrl-C does, and that hangs.
        process = subprocess.Popen(
            self.command(["run", "study.toml", "--quiet", "--no-figures"]), cwd=self.work,
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writer,
            text=True)
        process.stderr = process.stdout
        self.addCleanup(self.end_process, process)
        os.close(writer)
        self.wait_for_handler(process, signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(program.TIME_LIMIT_S), 130)

    def wait_for_handler(self, process, number):
        deadline = time.monotonic() + program.TIME_LIMIT_S
        while time.monotonic() < deadline:
            with open(f"/proc/{process.pid}/status") as file:
                caught = next(line for line in file if line.startswith("SigCgt:"))
            if int(caught.split()[1], 16) & (1 << (number - 1)):
                return
            os.sched_yield()
        self.fail("the program never took the signal")


if __name__ == "__main__":
    program.main()
