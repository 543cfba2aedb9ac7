# Studies on clusters that tests start: the guide's files and commands, on a real PostgreSQL.
import os
import shlex
import subprocess
import sys

import postgres
import program
from guides_test import GUIDES, blocks
from program import SOURCE

sys.path.insert(0, str(SOURCE / "tests" / "support"))


class ClusterStudy:
    """What tests of a launcher share; beside ProgramTest."""

    def start_store(self):
        if postgres.missing():
            self.skipTest(postgres.missing())
        server = postgres.PostgresServer()
        self.addCleanup(server.stop)
        self.put_program_on_path()
        self.environment["HYPERTUNE_STORAGE"] = server.url
        self.environment["PATH"] += ":/usr/sbin"
        probe = self.run_program("trials", server.url)
        if "built without PostgreSQL" in probe.err:
            self.skipTest("this hypertune was built without PostgreSQL")

    def write_files_of(self, guide, name):
        """The guide's study file and the program of its trials."""
        page = (GUIDES / guide).read_text()
        (self.work / f"{name}.toml").write_text(blocks(page, "toml")[0])
        script = next(block for block in blocks(page, "sh") if block.startswith("#!"))
        path = self.work / f"{name}.sh"
        path.write_text(script)
        path.chmod(0o755)
        return page

    def commands_of(self, page):
        """Every command of hypertune that the guide shows."""
        lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
        return [line for line in lines if line.startswith("hypertune ")]

    def follow(self, page):
        commands = self.commands_of(page)
        self.assertTrue(commands)
        for command in commands:
            self.assert_succeeds(self.run_program(*shlex.split(command)[1:]))

    def assert_complete(self, file, trials):
        states = [trial["state"] for trial in self.trials(file)]
        self.assertEqual(states.count("complete"), trials, states)

    def assert_no_secret_in(self, text):
        self.assertNotIn(postgres.PostgresServer.password, text)

    @staticmethod
    def command_lines():
        """The process list, as everybody sees it."""
        return subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
