"""Compatibility with earlier projects: their files, flags and output formats, kept apart from the rest."""

from .musetalk_pipeline import MuseTalkPipeline

__all__ = ["MuseTalkPipeline"]
