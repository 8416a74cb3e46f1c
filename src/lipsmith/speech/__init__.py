"""Hearing speech: log-mel features, and the student that turns them into mouth controls."""
