"""`make gpu` is rehearsed where there is no GPU, so that one call is enough where there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ASKED = ["--device", "cpu", "--quick", "--eager", "--without-tests", "--only", "auto-encoder"]


def test_one_workload_on_the_cpu(tmp_path):
    """Kedro and MLflow are not there: it needs no more than what trains."""
    for name in ("kedro", "mlflow"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not on this machine')")
    command = [sys.executable, "benchmarks/gpu.py", *ASKED, "--out", str(tmp_path / "out")]
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT / "src")])
    subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": path}, check=True, timeout=300
    )
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (found,) = results["workloads"].values()
    assert all(rate > 0 for rate in found["rates"].values())
    assert {
        "ours, eager",
        "one eager trial",
        "torch.func's recipe",
        "eager trials in processes",
    } <= (found["rates"].keys())
    assert 0 < found["limits"]["arithmetic"] < 1
    page = (tmp_path / "out" / "gpu.md").read_text()
    assert page.startswith("# CPU, a rehearsal: what was measured")
    assert "| one eager trial |" in page
    assert "ours, CUDA graphs (not asked for)" in page
