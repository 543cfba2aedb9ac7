# HYPERTUNE_ISA: which instructions the program computes with, and that they alone decide the bits.
import program
from program import STUDY, ProgramTest

# By the name in the environment: the report's.
INSTRUCTIONS = {"portable": "portable code", "avx2": "AVX2", "avx512": "AVX-512", "amx": "AMX"}


class InstructionsTest(ProgramTest):
    def test_each_instruction_set_gives_the_same_in_processes_side_by_side(self):
        self.write_study(STUDY)
        for instructions, reported in INSTRUCTIONS.items():
            self.environment["HYPERTUNE_ISA"] = instructions
            names = [f"{instructions}-{i}" for i in range(2)]
            started = [self.start_program("run", "study.toml", "--no-figures", "--out", name)
                       for name in names]
            results = [self.finish(process) for process in started]
            if instructions != "portable" and "does not offer" in results[0].err:
                continue
            tables = []
            for name, result in zip(names, results):
                self.assert_succeeds(result)
                self.assertIn(f"engine ({reported})", (self.work / name / "report.md").read_text())
                tables.append(self.table(name))
                for row in tables[-1]:
                    row.pop("duration_s")
            self.assertEqual(*tables)

    def test_unknown_instructions_are_refused(self):
        self.write_study(STUDY)
        result = self.run_program("run", "study.toml", HYPERTUNE_ISA="avx51")
        self.assert_refused(result, "HYPERTUNE_ISA", 'did you mean "avx512"')


if __name__ == "__main__":
    program.main()
