"""Measures of lip-sync: curves against curves, and any film against its own sound."""
