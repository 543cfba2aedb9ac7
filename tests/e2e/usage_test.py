# Help, version, wrong arguments, completions, manual page.
import shutil
import subprocess
import unittest

import program
from program import ProgramTest


class UsageTest(ProgramTest):
    def test_version_is_printed(self):
        result = self.run_program("--version")
        self.assert_succeeds(result)
        self.assertRegex(result.out, r"^hypertune \d+\.\d+\.\d+\n$")

    def test_help_shows_options_and_examples(self):
        result = self.run_program("data", "show", "--help")
        self.assert_succeeds(result)
        for words in ["Usage: hypertune data show", "--samples", "Examples:\n  hypertune data show"]:
            self.assertIn(words, result.out)

    def test_without_arguments_the_help_is_printed_and_the_exit_code_is_2(self):
        for arguments in [(), ("data",)]:
            result = self.run_program(*arguments)
            self.assertEqual(result.code, 2)
            self.assertIn("Usage: ", result.err)

    def test_unknown_commands_and_options_get_the_nearest_known_one(self):
        for arguments, *words in [
            (("rnu", "x.toml"), "unknown command rnu", 'did you mean "run"?', "hypertune --help"),
            (("data", "lst"), "unknown command lst", '"list"', "hypertune data --help"),
            (("run", "x.toml", "--quite"), "unknown option --quite", '"--quiet"',
             "hypertune run --help"),
            (("run", "x.toml", "--worker=3"), "unknown option --worker", '"--workers"'),
            (("best", "a", "b"), "unknown argument b"),
        ]:
            self.assert_refused(self.run_program(*arguments), *words)
        self.assert_nothing_created()

    def test_wrong_arguments_are_refused(self):
        for arguments, *words in [
            (("run",), "FILE"),
            (("run", "x.toml", "--workers", "0"), "--workers"),
            (("run", "x.toml", "--workers", "many"), "--workers"),
            (("run", "x.toml", "--out"), "--out"),
            (("run", "x.toml", "--quiet", "--json"), "--json", "--quiet"),
            (("completion", "tcsh"), "tcsh", "bash, zsh or fish"),
            (("data", "show", "mnits"), "mnits", "fashion-mnist"),
            (("trials", "nowhere"), "nowhere", "no such file or folder"),
            (("trials",), "no study in runs/"),
            (("run", "nowhere.toml"), "nowhere.toml"),
        ]:
            self.assert_refused(self.run_program(*arguments), *words)
        self.assert_nothing_created()

    def test_completion_scripts_are_valid_and_know_every_command(self):
        for shell in ["bash", "zsh", "fish"]:
            script = self.run_program("completion", shell)
            self.assert_succeeds(script)
            for word in ["run", "check", "trials", "best", "report", "fetch", "fashion-mnist"]:
                self.assertIn(word, script.out)
            if shutil.which(shell):
                checked = subprocess.run([shell, "-n"], input=script.out, text=True,
                                         capture_output=True, env=self.environment)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), shell)

    def test_bash_completes_commands_options_and_values(self):
        script = self.run_program("completion", "bash").out
        for words, expected in [
            (["hypertune", "tri"], {"trials"}),
            (["hypertune", "data", ""], {"list", "fetch", "show"}),
            (["hypertune", "run", "--wor"], {"--workers"}),
            (["hypertune", "data", "show", "fash"], {"fashion-mnist"}),
            (["hypertune", "completion", "z"], {"zsh"}),
        ]:
            test = script + '\nCOMP_WORDS=("$@")\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n'
            test += '_hypertune\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
            done = subprocess.run(["bash", "-c", test, "bash", *words], text=True,
                                  capture_output=True, env=self.environment)
            self.assertEqual(done.stderr, "")
            self.assertLessEqual(expected, set(done.stdout.split()), words)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_the_manual_page_is_clean(self):
        page = self.run_program("man")
        self.assert_succeeds(page)
        checked = subprocess.run(["mandoc", "-Tlint"], input=page.out, text=True,
                                 capture_output=True)
        self.assertEqual(checked.stdout + checked.stderr, "")
        for words in ["hypertune data show", "Fl \\&\\-workers", "EXIT STATUS"]:
            self.assertIn(words, page.out)


if __name__ == "__main__":
    program.main()
