"""Where examples come from: one file per source, one common result (`Prepared`)."""

from latentlab.sources.checks import check
from latentlab.sources.prepared import Parts, Prepared, Schema, Split
from latentlab.sources.registry import SOURCES, find_source, prepare
from latentlab.sources.source import DownloadConfig, Source, SourceConfig
from latentlab.sources.splitting import carve_validation, stratified_subset
from latentlab.sources.storage import load_prepared, save_prepared

__all__ = [
    "SOURCES",
    "DownloadConfig",
    "Parts",
    "Prepared",
    "Schema",
    "Source",
    "SourceConfig",
    "Split",
    "carve_validation",
    "check",
    "find_source",
    "load_prepared",
    "prepare",
    "save_prepared",
    "stratified_subset",
]
