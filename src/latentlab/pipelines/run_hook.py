"""The Kedro hook that keeps a run's studies to itself, and looks at what the run finds on disk.

Before a run touches anything, it holds the stores of its studies; another run of one of them is
turned away. What it reads or writes and is no longer as it was written is set aside; then a stage
that lacks an input, or whose inputs were made from one another's predecessors, is refused.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from latentlab.core.errors import UserError
from latentlab.core.files import remove_partials
from latentlab.studies.registry import STUDIES

logger = logging.getLogger(__name__)


class RunHook:
    """One run a study at a time, from inputs that are whole and belong together."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._catalog: Any = None
        self._outputs: dict[str, Any] = {}

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """Hold the studies of the run, and check what it finds.

        Raises:
            UserError: another run holds one of them, or an input is missing, damaged or of
                another run than the others.
        """
        # A run of this process that was broken off may hold them still.
        self._release()
        self._catalog = catalog
        try:
            for study in STUDIES:
                names = [n for n in sorted(pipeline.datasets()) if n.startswith(f"{study}.")]
                if names:
                    self._begin(study, names, pipeline.inputs(), run_params)
        except BaseException:
            self._release()
            raise

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what was written, and from what."""
        study, _, name = dataset_name.partition(".")
        path = self._path(dataset_name) if study in self._outputs else None
        if path is None:
            return
        inputs = [i.removeprefix(f"{study}.") for i in node.inputs if i.startswith(f"{study}.")]
        self._outputs[study].record(
            name, self._files(dataset_name, path), path.parent, _content(data), inputs
        )

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Let the studies go."""
        self._release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Let the studies go."""
        self._release()

    def _release(self) -> None:
        self._outputs.clear()
        self._held.close()

    def _begin(
        self, study: str, names: Iterable[str], inputs: set[str], run_params: dict[str, Any]
    ) -> None:
        from latentlab.pipelines.outputs import Outputs, run_settings

        store = self._catalog.load(f"{study}.store")
        self._held.enter_context(store.locked())
        started = run_params["env"], run_params["runtime_params"]
        settings = run_settings(study, self._catalog, *started)
        outputs = self._outputs[study] = Outputs(store.root, settings)
        for folder in {path.parent for path in map(self._path, names) if path is not None}:
            remove_partials(folder, older_than=0.0)
        damaged = self._set_damaged_aside(study, names)
        read = [name for name in names if name in inputs]
        wrong: dict[str, tuple[str, str]] = {}
        for name, other in outputs.mixed(name.partition(".")[2] for name in read):
            source = f"{study}.{other}"
            wrong[f"{study}.{name}"] = (
                f"was made from another {self._path(source)} than the present one",
                f", or {stage_that_writes(source)[1]} with the settings of that time",
            )
        for name in read:
            # What is left of a collection may be all that is wanted.
            lost = name in damaged and not self._is_collection(name)
            why = "is damaged" if lost else self._why_unreadable(name)
            if why:
                wrong[name] = (why, "")
        if wrong:
            (_, stage), first = min((stage_that_writes(name), name) for name in wrong)
            why, otherwise = wrong[first]
            raise UserError(
                f"{self._path(first)} {why}",
                f"Run the pipeline {stage} and those after it{otherwise}.",
            )

    def _set_damaged_aside(self, study: str, names: Iterable[str]) -> set[str]:
        """Rename what is not as it was written: a file, a report's folder, one of a collection.

        Returns:
            Names of the datasets that have lost something.
        """
        from latentlab.core.files import set_aside

        found = set()
        for name in names:
            path = self._path(name)
            if path is None:
                continue
            damaged = self._outputs[study].damaged(name.partition(".")[2], path.parent)
            depth = len(path.parts) + self._is_collection(name)
            for item in sorted({Path(*one.parts[:depth]) for one in damaged}):
                aside = set_aside(item)
                logger.warning("%s is damaged: set aside as %s", item, aside.name)
                found.add(name)
        return found

    def _why_unreadable(self, name: str) -> str:
        if not self._catalog[name].exists():
            return "is missing"
        try:
            self._catalog[name].load()
        except DatasetError as error:
            cause = error.__cause__
            return f"cannot be read ({cause.what if isinstance(cause, UserError) else cause})"
        return ""

    def _path(self, name: str) -> Path | None:
        """Where the catalog keeps a dataset; None for parameters and what is only in memory."""
        path = getattr(self._catalog[name], "_filepath", None)
        return None if path is None else Path(path)

    def _is_collection(self, name: str) -> bool:
        return getattr(self._catalog[name], "collection", False)

    def _files(self, name: str, path: Path) -> list[Path]:
        """All files of a dataset; none of prepared data, which have a fingerprint."""
        if name.endswith(".prepared"):
            return []
        found = [path] if path.is_file() else path.rglob("*")
        return [one for one in found if one.is_file() and ".damaged-" not in str(one)]


def _content(data: Any) -> str:
    """What tells a dataset from another one where its files do not; else empty."""
    from pandas import DataFrame
    from pandas.util import hash_pandas_object

    from latentlab.data import Prepared

    if isinstance(data, Prepared):
        return data.fingerprint
    if isinstance(data, DataFrame) and "reused" in data:
        # It says what a run did, not what the trials are.
        rows = hash_pandas_object(data.drop(columns="reused"), index=False).to_numpy()
        return hashlib.sha256(rows.tobytes()).hexdigest()
    return ""


def stage_that_writes(name: str) -> tuple[int, str]:
    """The first of all pipelines that have the name of a stage and write a dataset.

    Returns:
        Its position among all pipelines and its name, which is empty for what no stage writes.
    """
    from kedro.framework.project import pipelines

    found = (
        (position, stage)
        for position, (stage, pipeline) in enumerate(pipelines.items())
        if "." in stage and name in pipeline.all_outputs()
    )
    return next(found, (0, ""))
