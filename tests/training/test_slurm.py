"""A real SLURM of one node: jobs that it ends come back, and what is left is collected."""

import re
import subprocess
import threading

import pytest

from labs.slurm import Cluster, why_not
from labs.trainer import INLINE, train_trials, trial
from latentlab.compute import ComputeConfig
from latentlab.compute.executors.notes import read_notes
from latentlab.core.stopping import Left
from latentlab.data import load_prepared
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.status import status_of
from latentlab.training.store import TrialStore

pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")

SLURM = ComputeConfig(
    engine="slurm", workers=2, cohort=2, threads=1, compile=False, checkpoint_seconds=0.1
)


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_jobs_that_are_ended_come_back_and_what_is_left_is_collected(digits_folder, tmp_path):
    data = load_prepared(digits_folder)
    trials = [trial(data, seed, training={"epochs": 120}) for seed in range(4)]
    store, cancelled, told = TrialStore(tmp_path / "store"), [], []

    def disturb():
        """Cancel one job; tell another that its time is up, as SLURM does."""
        while not told and not ended.wait(0.05):
            for note in read_notes(store.jobs).values():
                if note.news is None or note.queue in cancelled:
                    continue
                if not cancelled:
                    stood.append(status_of(store))
                    subprocess.run(["scancel", note.queue], check=True)
                    cancelled.append(note.queue)
                else:
                    subprocess.run(["scancel", "--signal=USR2", note.queue], check=True)
                    told.append(note.queue)
        while told and not ended.wait(0.2):
            asked = ["scontrol", "show", "job", told[0]]
            shown = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
            restarts.update(re.findall(r"Restarts=(\d+)", shown))

    def train(compute):
        return train_trials(METHOD, trials, digits_folder, store, compute)

    ended, stood, restarts = threading.Event(), [], set()
    with Cluster(tmp_path / "slurm") as cluster:
        with pytest.raises(Left, match="2 jobs are left with SLURM"):
            train(SLURM.model_copy(update={"detach": True}))
        assert len(cluster.queued()) == 2
        thread = threading.Thread(target=disturb)
        thread.start()
        trained = train(SLURM)
        ended.set()
        thread.join()
    # While it ran, the folder alone told how it stood.
    (status,) = stood
    assert status.planned == 4
    assert {job.queue for job in status.running} <= {"1_0", "1_1"}
    assert sum(job.trials for job in status.running) + status.waiting + status.done == 4
    assert status_of(store).lines() == ["4 of 4 trials done; 0 running, 0 waiting"]
    # Although this cluster is set not to.
    assert "1" in restarts, "nothing was queued again"
    assert trained == {one.id for one in trials}
    reference = TrialStore(tmp_path / "reference")
    compute = INLINE.model_copy(update={"cohort": 2})
    train_trials(METHOD, trials, digits_folder, reference, compute)
    digests = [[s.record(one.id).weights_digest for one in trials] for s in (store, reference)]
    assert digests[0] == digests[1]
