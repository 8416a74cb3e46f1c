"""Builds a corpus of synthetic speech with known phone times, from free synthesisers."""
