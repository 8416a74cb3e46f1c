"""Measures of films: lip-sync, and how exactly a drawn mouth follows its controls."""
