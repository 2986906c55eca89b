"""Topology optimisation: where a given volume of material serves best, on a grid of elements."""

from topology.optimisation import Optimised, optimise
from topology.problems import PROBLEMS, Problem

__all__ = ["PROBLEMS", "Optimised", "Problem", "optimise"]
