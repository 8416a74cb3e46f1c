"""Habits of the projects that came before: their files and flags live here and nowhere else."""
