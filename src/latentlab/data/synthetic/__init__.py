"""Data of known dimension, made here."""
