# A study on a real Ray and PostgreSQL, which the test starts in a network of its own.
import cluster
import program
from program import ProgramTest

import ray_head


class RayProgramTest(ProgramTest, cluster.ClusterStudy):
    def setUp(self):
        super().setUp()
        if ray_head.missing():
            self.skipTest(ray_head.missing())
        ray_head.raise_loopback()
        self.start_store()
        self.page = self.write_files_of("ray.md", "parabola")

    def test_the_guide_can_be_followed(self):
        head = ray_head.RayHead()
        self.addCleanup(head.stop)
        self.environment["RAY_AUTH_TOKEN"] = head.token
        self.follow(self.page)
        self.assert_complete("parabola.toml", 8)
        self.assert_no_secret_in(self.command_lines())


if __name__ == "__main__":
    program.main()
