"""Where examples come from: one file per source, one common result (`Prepared`)."""

from latentlab.data.image_text_layout import ImageTextLayout
from latentlab.data.packing import load_prepared, save_prepared
from latentlab.data.prepared import Factor, Prepared, Schema, Split
from latentlab.data.registry import SOURCES, find_source, prepare
from latentlab.data.source import DownloadConfig, Source, SourceConfig
from latentlab.data.splitting import stratified_split, stratified_subset
from latentlab.data.validation import check

__all__ = [
    "SOURCES",
    "DownloadConfig",
    "Factor",
    "ImageTextLayout",
    "Prepared",
    "Schema",
    "Source",
    "SourceConfig",
    "Split",
    "check",
    "find_source",
    "load_prepared",
    "prepare",
    "save_prepared",
    "stratified_split",
    "stratified_subset",
]
