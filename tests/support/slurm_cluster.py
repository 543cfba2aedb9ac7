"""A private Slurm of four nodes on this host, on loopback only; ended when its owner ends.

As a program: prints its environment as a line of JSON, obeys one command a line (lose NODE,
stop-controller, start-controller), each answered with `done`, and ends with its input. Where there
is no Slurm it prints `skipped: ` and the reason and exits with 77.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

NODES = ["n1", "n2", "n3", "n4"]
PATIENCE_S = 30
PROGRAMS = ["mungekey", "munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol",
            "sinfo"]

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
SlurmdTimeout=5
SlurmctldTimeout=5
MessageTimeout=3
TCPTimeout=2
KillWait=2

SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
GresTypes=gpu
{nodes}
PartitionName=main Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why there can be no cluster here; empty when there can."""
    if os.geteuid() != 0:
        return "a private Slurm needs root"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    return f"not installed: {', '.join(absent)} (scripts/setup.sh test)" if absent else ""


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain until " + what)
        time.sleep(0.05)


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class SlurmCluster:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slurm-"))
        self.configuration = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.configuration)}
        self.daemons = {}
        try:
            self.write_configuration()
            self.start()
        except BaseException:
            self.stop()
            raise

    def write_configuration(self):
        ports = free_ports(1 + len(NODES))
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 "
            "RealMemory=4000 Gres=gpu:1" for node, port in zip(NODES, ports[1:]))
        self.configuration.write_text(CONFIGURATION.format(
            host=host, folder=self.folder, ports=ports, nodes=nodes))
        # A device that every machine has stands for a GPU.
        (self.folder / "gres.conf").write_text(
            "".join(f"NodeName={node} Name=gpu File=/dev/null\n" for node in NODES))
        for name in ["state", *(f"spool-{node}" for node in NODES)]:
            (self.folder / name).mkdir()

    def start_daemon(self, name, *command):
        with open(self.folder / f"{name}.out", "a") as out:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **self.environment})

    def start(self):
        private = str(self.folder)
        subprocess.run(["mungekey", "--create", "--keyfile", f"{private}/munge.key"], check=True)
        self.start_daemon(
            "munged", "munged", "--foreground", "--force", f"--key-file={private}/munge.key",
            f"--socket={private}/munge.socket", f"--pid-file={private}/munged.pid",
            f"--log-file={private}/munged.log", f"--seed-file={private}/munged.seed")
        wait_for("munged answers", (self.folder / "munge.socket").exists)
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_for("four nodes are idle", lambda: self.ask("sinfo", "-h", "-N", "-t", "idle", "-o",
                                                         "%N").split() == NODES)

    def start_controller(self):
        self.start_daemon("slurmctld", "slurmctld", "-D", "-f", str(self.configuration))
        wait_for("the controller answers", lambda: "UP" in self.ask("scontrol", "ping"))

    def stop_controller(self):
        self.end_daemon("slurmctld")

    def start_node(self, node):
        self.start_daemon(node, "slurmd", "-D", "-f", str(self.configuration), "-N", node)

    def lose(self, node):
        """As when the machine loses its power: its daemon and all that it runs are gone."""
        self.end_daemon(node)
        processes = self.processes_of(node)
        # All fall silent at once; else one could tell of another's end.
        for signal_number in [signal.SIGSTOP, signal.SIGKILL]:
            for process in processes:
                try:
                    os.kill(process, signal_number)
                except ProcessLookupError:
                    pass

    def ask(self, *command):
        """What one of Slurm's commands prints; empty when it fails."""
        return subprocess.run(command, env={**os.environ, **self.environment}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True).stdout

    def end_daemon(self, name):
        daemon = self.daemons.pop(name, None)
        if daemon:
            daemon.kill()
            daemon.wait()

    def processes_of(self, node):
        """The tasks that run there, and Slurm's own processes that watch them, those first."""
        wanted = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={self.configuration}".encode()}
        tasks, watchers = [], set()
        for process in pathlib.Path("/proc").iterdir():
            try:
                if wanted <= set((process / "environ").read_bytes().split(b"\0")):
                    tasks.append(int(process.name))
                    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                    if pathlib.Path("/proc", parent, "comm").read_text() == "slurmstepd\n":
                        watchers.add(int(parent))
            except OSError:
                pass  # no process, or gone meanwhile
        return [*watchers, *tasks]

    def stop(self):
        for node in NODES:
            self.lose(node)
        for name in list(self.daemons):
            self.end_daemon(name)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    reason = missing()
    if reason:
        print("skipped:", reason, flush=True)
        raise SystemExit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cluster = SlurmCluster()
    try:
        print(json.dumps(cluster.environment), flush=True)
        for line in sys.stdin:
            words = line.split()
            {"lose": cluster.lose, "stop-controller": cluster.stop_controller,
             "start-controller": cluster.start_controller}[words[0]](*words[1:])
            print("done", flush=True)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
