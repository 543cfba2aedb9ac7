# Runs what guides show: every command of a console block, with the output that stands under it.
import re
import shutil
import subprocess
import unittest

import program
from program import ProgramTest, SOURCE

GUIDES = SOURCE / "docs" / "guide"
EXAMPLES = SOURCE / "examples" / "ask_tell"


def blocks(page, language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page)


def commands(block):
    """Each command of a console block, and the lines under it."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\"):
            found[-1][0] += "\n" + line
        else:
            found[-1][1].append(line)
    return found


class GuidesTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.put_program_on_path()
        shutil.copytree(EXAMPLES, self.work, dirs_exist_ok=True)

    def shell(self, command):
        done = subprocess.run(["bash", "-euc", command], cwd=self.work, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=program.TIME_LIMIT_S)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}{done.stdout}")
        return done.stdout

    def follow(self, name):
        page = (GUIDES / name).read_text()
        count = 0
        for block in blocks(page, "console"):
            for command, shown in commands(block):
                output = self.shell(command)
                if shown:
                    self.assertEqual(output.splitlines(), shown, command)
                count += 1
        self.assertGreater(count, 0)
        return page

    def test_the_guide_to_asking_and_telling_can_be_followed(self):
        page = (GUIDES / "ask-and-tell.md").read_text()
        (self.work / "study.toml").write_text(blocks(page, "toml")[0])
        self.follow("ask-and-tell.md")

    def test_programs_that_the_guide_shows_are_excerpts_of_the_examples(self):
        page = (GUIDES / "ask-and-tell.md").read_text()
        for language, file in ("bash", "minimize.sh"), ("python", "minimize.py"), ("c", "minimize.c"):
            shown = blocks(page, language)
            self.assertTrue(shown)
            for block in shown:
                self.assertIn(block, (EXAMPLES / file).read_text())

    def test_the_guide_to_recovery_can_be_followed(self):
        self.shell("bash minimize.sh study.toml")
        self.follow("recovery.md")

    def test_the_guide_to_optunas_tools_can_be_followed(self):
        self.shell("bash minimize.sh study.toml")
        page = self.follow("optuna-tools.md")
        python = SOURCE / ".venv" / "bin" / "python"
        if not python.exists():
            self.skipTest("no Optuna in .venv; the commands were run")
        for script in blocks(page, "python"):
            script = script.replace("print(study.trials_dataframe())\n", "")  # takes pandas
            done = subprocess.run([python, "-c", script], cwd=self.work, env=self.environment,
                                  capture_output=True, text=True, timeout=program.TIME_LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr)
        states = [row["state"] for row in self.trials("runs/by-hand")]
        self.assertEqual(len(states), 9)


if __name__ == "__main__":
    program.main()
