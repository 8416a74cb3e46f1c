"""What tests of several rooms share: made media, doubles, peers, servers of our own."""

from pathlib import Path

SUPPORT = Path(__file__).parent
"""The folder of programs that tests start by their path."""
