"""The hook that keeps a run from being silent, in whatever stage."""

from __future__ import annotations

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

from latentlab.core.liveliness import Liveliness


class LivelinessHook:
    """Says which node is at work where nothing else does: calibration, evaluation, figures."""

    def __init__(self) -> None:
        self._liveliness = Liveliness()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the node's stage in lines from now on; what follows on its work is part of it."""
        self._liveliness.begin(node.namespace or node.short_name)

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Leave the terminal to the verdicts."""
        self._liveliness.end()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Leave the terminal to the error."""
        self._liveliness.end()
