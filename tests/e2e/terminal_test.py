# The live display on a terminal.
import os
import re
import signal
import sqlite3

import program
from program import LONG_STUDY, ProgramTest, Terminal

HIDE = "\x1b[?25l"
SHOW = "\x1b[?25h"
FRAME_END = "\x1b[J"
COLOR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def lines_of(text):
    return [CONTROL.sub("", line).strip("\r") for line in text.split("\n")]


# So long that only an interruption ends it within the time limit.
ENDLESS = ["--set", "trainer.epochs=100000"]
RUNNING = "worker 1: trial "


class TerminalTest(ProgramTest):
    def start(self, *arguments, **options):
        self.write_study(LONG_STUDY)
        return Terminal(self, ["run", "study.toml", "--no-figures", "--workers", "2", *arguments],
                        **options)

    def assert_cursor_restored(self, text):
        self.assertEqual(text.count(HIDE), text.count(SHOW))
        self.assertGreater(text.rfind(SHOW), text.rfind(HIDE))
        self.assertGreater(text.count(HIDE), 0)

    def test_a_block_with_a_bar_is_redrawn_in_place_and_the_cursor_restored(self):
        terminal = self.start()
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assert_cursor_restored(terminal.text)
        self.assertIn("█", terminal.text)
        self.assertRegex(terminal.text, r"worker 1: trial \d+  epoch \d+/40  val_accuracy 0\.")
        self.assertIn("6/6 done, 0 running, 0 failed", terminal.text)
        self.assertRegex(terminal.text, r"\x1b\[\d+A")
        self.assertIn("Report: runs/small/report.html", terminal.text)
        self.assertTrue(COLOR.search(terminal.text))

    def test_no_color_and_an_ascii_locale_are_respected(self):
        terminal = self.start(environment={"NO_COLOR": "1", "LC_ALL": "C"})
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertFalse(COLOR.search(terminal.text))
        self.assertTrue(terminal.text.isascii())
        self.assertRegex(terminal.text, "#+-* +6/6 done")

    def test_a_dumb_terminal_gets_plain_lines(self):
        terminal = self.start(environment={"TERM": "dumb"})
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertNotIn("\x1b", terminal.text)
        self.assertIn("trial 0 started", terminal.text)

    def test_lines_are_cut_to_the_terminal_also_when_its_size_changes(self):
        terminal = self.start(*ENDLESS, columns=60)
        terminal.read_until(RUNNING)
        self.assertLess(max(map(len, lines_of(terminal.text.split(HIDE)[1]))), 60)
        terminal.resize(40, 24)
        # The first frame that ends from now on may have been under way, the second was not.
        frames = 0
        while frames < 2:
            start = len(terminal.text)
            terminal.read_until(FRAME_END, start)
            frames += 1
        start = terminal.text.index(FRAME_END, start) + len(FRAME_END)
        terminal.read_until(FRAME_END, start)
        end = terminal.text.index(FRAME_END, start)
        self.assertLess(max(map(len, lines_of(terminal.text[start:end]))), 40)
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)

    def test_a_block_fits_a_terminal_of_few_rows(self):
        for rows in [3, 5]:
            terminal = self.start(*ENDLESS, rows=rows)
            terminal.read_until("so far")
            terminal.type("\x03")
            self.assertEqual(terminal.wait(), 130)
            # What stands before the first frame's end, and after the last one's, is no frame.
            frames = terminal.text.split(FRAME_END)[1:-1]
            self.assertTrue(frames)
            self.assertIn("Ctrl-C again", frames[-1])
            for frame in frames:
                above = frame.count(" failed: interrupted")  # scroll away above the block
                self.assertLessEqual(frame.count("\n") - above, rows - 1)
                self.assertRegex(frame, rf"\x1b\[[1-{rows - 1}]A")

    def test_a_terminal_without_room_for_a_block_gets_lines(self):
        terminal = self.start(rows=2)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertNotIn("\x1b", terminal.text)
        self.assertIn("trial 0 started", terminal.text)

    def test_ctrl_c_restores_the_terminal_and_says_how_to_go_on(self):
        terminal = self.start(*ENDLESS)
        terminal.read_until(RUNNING)
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130, terminal.text)
        self.assert_cursor_restored(terminal.text)
        self.assertIn("Ctrl-C again: at once", terminal.text)
        self.assertIn("Go on with: ", terminal.text)
        self.assertIn("run study.toml", terminal.text.split("Go on with: ")[1])

    def test_two_ctrl_c_restore_the_terminal_at_once(self):
        # Epochs that take longer than the time limit of a test.
        terminal = self.start("--set", "trainer.max_samples=60000", "--set",
                              "trainer.channels=[512,512]")
        terminal.read_until(RUNNING)
        terminal.type("\x03")
        terminal.read_until("Ctrl-C again")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)
        self.assert_cursor_restored(terminal.text)

    def test_a_failing_store_restores_the_terminal(self):
        terminal = self.start(*ENDLESS)
        terminal.read_until(RUNNING)
        database = sqlite3.connect(self.work / "runs" / "small" / "study.db")
        database.execute("DROP TABLE hypertune_reports")
        database.close()
        self.assertEqual(terminal.wait(), 1, terminal.text)
        self.assert_cursor_restored(terminal.text)
        self.assertIn("hypertune: runs/small/study.db: ", terminal.text)

    def test_ctrl_z_gives_the_terminal_back_until_the_run_goes_on(self):
        terminal = self.start(*ENDLESS)
        terminal.read_until(RUNNING)
        terminal.type("\x1a")
        os.waitpid(terminal.process, os.WUNTRACED)
        terminal.read_until(SHOW)
        resumed = len(terminal.text)
        os.kill(terminal.process, signal.SIGCONT)
        terminal.read_until(RUNNING, resumed)
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130, terminal.text)
        self.assertEqual(terminal.text.count(HIDE), 2)
        self.assert_cursor_restored(terminal.text)


if __name__ == "__main__":
    program.main()
