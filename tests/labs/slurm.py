"""A SLURM cluster of one node: its daemons, in a folder and on ports of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
NODE_PATIENCE = 20
"""Seconds without a word from slurmd after which SLURM gives up the node and its jobs."""
CONFIG = """\
ClusterName=lab
SlurmctldHost={host}({address})
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
ReturnToService=2
JobRequeue=0
KillWait=2
MinJobAge=10
SlurmdTimeout={patience}
InactiveLimit=0
NodeName={host} NodeAddr={address} CPUs={cpus} State=UNKNOWN
PartitionName=lab Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no cluster can be started here; empty where one can."""
    missing = [name for name in DAEMONS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install slurm-wlm munge"
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root can start SLURM's daemons"
    return ""


@dataclass
class Cluster:
    """The daemons, which can be killed and started again.

    Attributes:
        folder: for configuration, state and logs.
        cpus: of the node: so many jobs run at once.
    """

    folder: Path
    cpus: int = 2
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        # munged refuses a folder that others may write to.
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        config = CONFIG.format(
            folder=self.folder,
            host=_host(),
            address="127.0.0.1",
            controller_port=_free_port(),
            node_port=_free_port(),
            cpus=self.cpus,
            patience=NODE_PATIENCE,
        )
        (self.folder / "slurm.conf").write_text(config)
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
        for name in ("munged", "slurmctld", "slurmd"):
            self.start(name)
        self.wait_until_idle()
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["scancel", "--user=root"], check=False, capture_output=True)
        end = time.monotonic() + 10
        while self.queued() and time.monotonic() < end:
            time.sleep(0.2)
        for name in ("slurmd", "slurmctld", "munged"):
            self.kill(name, signal.SIGTERM)
        os.environ.pop("SLURM_CONF", None)

    def start(self, name: str) -> None:
        """Start a daemon."""
        munge = [f"--{key}={self.folder}/munge.{key}" for key in ("socket", "pid", "seed")]
        arguments = {
            "munged": [
                *("--foreground", "--force", f"--key-file={self.folder}/munge.key"),
                *(a.replace("--pid", "--pid-file").replace("--seed", "--seed-file") for a in munge),
                f"--log-file={self.folder}/munge.log",
            ],
            "slurmctld": ["-D"],
            "slurmd": ["-D"],
        }[name]
        program = shutil.which(name, path=_path())
        assert program is not None
        self.running[name] = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if name == "munged":
            while not (self.folder / "munge.socket").exists():
                time.sleep(0.02)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a daemon a signal, and wait until it is gone."""
        process = self.running.pop(name, None)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def resume(self) -> None:
        """Take back the node if it is drained."""
        asked = ["scontrol", "update", f"NodeName={_host()}", "State=RESUME"]
        subprocess.run(asked, check=False, capture_output=True)

    def queued(self) -> list[str]:
        """Numbers of the jobs in the queue."""
        asked = ["squeue", "--noheader", "--array", "--format=%i"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()

    def wait_until_idle(self, seconds: float = 30) -> None:
        """Wait until the node takes jobs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asked = ["sinfo", "--noheader", "--format=%T"]
            told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            if told.strip() in ("idle", "mixed", "allocated"):
                return
            time.sleep(0.1)
        raise TimeoutError(f"The node of the SLURM in {self.folder} does not come up")


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
