# A private PostgreSQL on loopback for the end-to-end tests, ended with the test.
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE_S = 60


def programs():
    """The newest folder of PostgreSQL's programs; None where there is none."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
                     key=lambda folder: int(folder.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    return pathlib.Path(found).parent if found else None


def missing():
    """Why there can be no server here; empty when there can."""
    return "" if programs() else "PostgreSQL is not installed (scripts/setup.sh test)"


class PostgresServer:
    """Trusts everybody who reaches it; so the password in `url` only must not be seen."""

    password = "sesame-of-the-store"

    def __init__(self, settings=("fsync=off",)):
        # Root may not run it; the folder must then be the other user's.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://hypertune:{self.password}@127.0.0.1:{self.port}/postgres"
        data = str(self.folder / "data")
        self.run(["initdb", "-D", data, "-A", "trust", "-U", "hypertune", "-E", "UTF8",
                  "--locale=C.UTF-8", "-N"])
        with open(self.folder / "out", "w") as out:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", data, "-p", str(self.port), "-c",
                 "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                 *(word for setting in settings for word in ("-c", setting))],
                cwd="/", user=self.user, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.wait()

    def run(self, command):
        done = subprocess.run([programs() / command[0], *command[1:]], cwd="/", user=self.user,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def create_database(self, name):
        """The URL of a new, empty database."""
        self.run(["createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "hypertune", name])
        return self.url.removesuffix("postgres") + name

    def wait(self):
        end = time.monotonic() + PATIENCE_S
        ready = [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready).returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError("PostgreSQL does not start")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
