"""The analysis of a finished sweep: what decided, how sure that is, and what to beware of."""

from latentlab.search.analysis.findings import Finding
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.analysis.sweep_analysis import Analysis, analyse

__all__ = ["Analysis", "AnalysisSettings", "Finding", "analyse"]
