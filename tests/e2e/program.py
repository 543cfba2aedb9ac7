# Drives the program `hypertune` for the end-to-end tests: plain, on a pseudo-terminal, line by line.
import csv
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

PROGRAM = os.environ.get("HYPERTUNE_PROGRAM", "hypertune")
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIME_LIMIT_S = 90

# Small enough that a trial takes a fraction of a second.
STUDY = """
[study]
name = "small"
objectives = [{ metric = "val_accuracy", direction = "maximize" }]
seed = 7

[space]
batch_norm = { grid = [true, false] }
learning_rate = { float = [1e-4, 1e-1], log = true }

[tune]
num_samples = 2
paired = true
workers = 1

[trainer]
dataset = "fashion-mnist"
max_samples = 200
channels = [4]
epochs = 2

[experiment]
hypothesis = "Small networks learn something."

[[experiment.claims]]
text = "Accuracy stays below two"
estimate = { mean = "val_accuracy" }
expect = "< 2"
"""

# Long enough to be interrupted in the middle.
LONG_STUDY = (STUDY.replace("epochs = 2", "epochs = 40").replace("num_samples = 2", "num_samples = 3")
              .replace("channels = [4]", "channels = [16, 32]"))


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def events(self):
        """Every line of the standard output stream as strict JSON."""
        def refuse(token):
            raise ValueError("not JSON: " + token)
        return [json.loads(line, parse_constant=refuse) for line in self.out.splitlines()]


class ProgramTest(unittest.TestCase):
    """A test with an empty folder of its own, in which the program runs without a network."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hypertune-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.work = self.folder / "work"
        self.work.mkdir()
        home = self.folder / "home"
        home.mkdir()
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "HYPERTUNE_OFFLINE": "1",
        }

    def put_program_on_path(self):
        """For what the tests call by name: scripts, guides, and programs of trials."""
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "hypertune").symlink_to(pathlib.Path(PROGRAM).resolve())
        self.environment["PATH"] = f"{programs}:{self.environment['PATH']}"

    def write_study(self, text=STUDY, name="study.toml"):
        (self.work / name).write_text(text)
        return name

    def command(self, arguments):
        return [PROGRAM, *map(str, arguments)]

    def run_program(self, *arguments, **environment):
        done = subprocess.run(
            self.command(arguments), cwd=self.work, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIME_LIMIT_S)
        return Result(done.returncode, done.stdout, done.stderr)

    def start_program(self, *arguments):
        process = subprocess.Popen(
            self.command(arguments), cwd=self.work, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end_process, process)
        return process

    @staticmethod
    def end_process(process):
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()

    def finish(self, process):
        out, err = process.communicate(timeout=TIME_LIMIT_S)
        return Result(process.returncode, out, err)

    def read_until(self, process, wanted):
        """JSON events up to the first for which `wanted` holds; it must come."""
        seen = []
        for line in process.stdout:
            seen.append(json.loads(line))
            if wanted(seen[-1]):
                return seen
        self.fail(f"the program ended before that event; errors: {process.stderr.read()}")

    def assert_succeeds(self, result):
        self.assertEqual(result.code, 0, result.err + result.out)

    def assert_refused(self, result, *words, code=2):
        """One line of error, with these words, and the exit code."""
        self.assertEqual(result.code, code, result.err + result.out)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 1, result.err)
        self.assertTrue(lines[0].startswith("hypertune: "), result.err)
        for word in words:
            self.assertIn(word, lines[0])

    def assert_nothing_created(self, *expected):
        self.assertEqual(sorted(p.name for p in self.work.iterdir()), sorted(expected))

    def trials(self, where):
        result = self.run_program("trials", where, "--json")
        self.assert_succeeds(result)
        return result.events()

    def table(self, folder):
        with open(self.work / folder / "trials.csv", newline="") as file:
            return list(csv.DictReader(file))


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, test, arguments, columns=100, rows=24, environment=None):
        self.text = ""
        self.code = None
        self.process, self.end = pty.fork()
        if self.process == 0:
            try:
                os.chdir(test.work)
                command = test.command(arguments)
                os.execvpe(command[0], command, {**test.environment, **(environment or {})})
            finally:
                os._exit(127)
        self.resize(columns, rows)
        test.addCleanup(self.close)

    def resize(self, columns, rows):
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.end, text.encode())

    def read(self):
        """More output; False at its end."""
        if not select.select([self.end], [], [], TIME_LIMIT_S)[0]:
            raise TimeoutError("no output for too long; so far: " + self.text)
        try:
            data = os.read(self.end, 65536)
        except OSError:
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def read_until(self, words, start=0):
        while words not in self.text[start:]:
            if not self.read():
                raise AssertionError(f"the program ended without {words!r}: {self.text}")

    def wait(self):
        while self.read():
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.end)


def main():
    """Runs the tests named on the command line; exit code 77 when all of them were skipped."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        raise SystemExit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        raise SystemExit(77)
