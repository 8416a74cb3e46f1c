"""Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out."""

__version__ = "0.1.0"
