"""Where examples come from: one file per source, one common result (`Prepared`)."""

from latentlab.data.packing import load_prepared, save_prepared
from latentlab.data.prepared import Parts, Prepared, Schema, Split
from latentlab.data.registry import SOURCES, find_source, prepare
from latentlab.data.source import DownloadConfig, Source, SourceConfig
from latentlab.data.splitting import carve_validation, stratified_subset
from latentlab.data.validation import check

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
