"""``python -m lipsmith``."""

from .cli import main

main()
