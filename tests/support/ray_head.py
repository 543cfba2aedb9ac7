"""A Ray head that wants a token, for tests. Ray also listens beyond loopback, so it is started only
in a network of its own (isolated.sh), where there is nothing else; all ends with that.

As a program: prints its address and token as a line of JSON, answers each line `restart` with
`done` after the head died and another took its place, and ends with its input. Where there is no
Ray it prints `skipped: ` and the reason.
"""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RAY = SOURCE / ".venv-ray" / "bin" / "ray"
PORT = 6379
DASHBOARD_PORT = 8265
PATIENCE_S = 120


def missing():
    """Why there can be no Ray here; empty when there can."""
    if not RAY.exists():
        return "there is no Ray in .venv-ray (scripts/setup.sh test)"
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        return "Ray is started in a network of its own only (tests/support/isolated.sh)"
    return ""


def raise_loopback():
    set_flags, up_and_running = 0x8914, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", b"lo", up_and_running))


class RayHead:
    def __init__(self):
        raise_loopback()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ray-"))
        self.address = f"http://127.0.0.1:{DASHBOARD_PORT}"
        self.token = "a-token-for-tests-" + os.urandom(8).hex()
        self.process = None
        self.start()

    @property
    def environment(self):
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def start(self):
        with open(self.folder / "out", "a") as out:
            self.process = subprocess.Popen(
                [RAY, "start", "--head", "--block", f"--port={PORT}", "--dashboard-host=127.0.0.1",
                 f"--dashboard-port={DASHBOARD_PORT}", "--include-dashboard=true",
                 "--disable-usage-stats", "--num-cpus=4", "--num-gpus=1",
                 "--object-store-memory=80000000", "--include-log-monitor=false",
                 f"--temp-dir={self.folder}/r"],
                env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True)
        end = time.monotonic() + PATIENCE_S
        while not self.takes_jobs():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("no Ray head: " + (self.folder / "out").read_text()[-2000:])
            time.sleep(0.1)

    def takes_jobs(self):
        """Whether a node is there to run jobs: that is some time after the first answer."""
        request = urllib.request.Request(
            self.address + "/api/jobs/", headers={"Authorization": "Bearer " + self.token})
        try:
            urllib.request.urlopen(request, timeout=5).close()
            agents = socket.create_connection(("127.0.0.1", 52365), timeout=1)
            agents.close()
            return True
        except OSError:
            return False

    def kill(self):
        """With all its daemons and the jobs that run."""
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            try:
                if f"{self.folder}/r".encode() in (process / "cmdline").read_bytes() + (
                        process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                pass  # gone meanwhile
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    reason = missing()
    if reason:
        print("skipped:", reason, flush=True)
        return
    head = RayHead()
    try:
        print(json.dumps({"address": head.address, "token": head.token}), flush=True)
        for line in sys.stdin:
            {"restart": head.restart}[line.strip()]()
            print("done", flush=True)
    finally:
        head.stop()


if __name__ == "__main__":
    main()
