"""Beams: halves of MBB beams of least compliance, for a volume fraction, filter and load each.

The embedded set is made by `tools/topology`; files of EngiBench's problem of the same
name are read as well.
"""

from __future__ import annotations

from functools import partial

from latentlab.data.designs.designs import DesignsConfig, read_designs
from latentlab.data.source import Source

BEAMS2D = Source("beams2d", DesignsConfig, partial(read_designs, "beams2d"))
