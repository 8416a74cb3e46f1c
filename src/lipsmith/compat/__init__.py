"""Compatibility with earlier projects: their files, flags and output formats, kept apart from the rest."""
