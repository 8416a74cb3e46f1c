"""Engines: what one is (``protocols``), and how one is found (``registry``). docs/engines.md shows how to add one."""

from __future__ import annotations

from .protocols import Analysis, Engine, IdleMotion, SpeechEncoder
from .registry import EngineSpec, LoadedEngine, choose_engine, engine_table, load_engine, weight_catalogue

__all__ = [
    "Analysis",
    "Engine",
    "EngineSpec",
    "IdleMotion",
    "LoadedEngine",
    "SpeechEncoder",
    "choose_engine",
    "engine_table",
    "load_engine",
    "weight_catalogue",
]
