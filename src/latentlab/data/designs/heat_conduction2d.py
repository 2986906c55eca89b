"""Cooled plates: where to put conducting material so that an evenly heated square stays cool.

The problem and its embedded set are our own, made by `tools/topology`; EngiBench's
`heatconduction2d` cools other edges and has other conditions. Its files can be read all the same.
"""

from __future__ import annotations

from functools import partial

from latentlab.data.designs.designs import DesignsConfig, read_designs
from latentlab.data.source import Source

HEAT_CONDUCTION2D = Source(
    "heat_conduction2d", DesignsConfig, partial(read_designs, "heat_conduction2d")
)
