"""Device and precision, execution plans, and the engines that run jobs."""

from latentlab.compute.config import ComputeConfig
from latentlab.compute.plan import ExecutionPlan

__all__ = ["ComputeConfig", "ExecutionPlan"]
