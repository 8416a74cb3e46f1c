"""A pytest plugin for ``-p``: the machine looks as if torch were not installed."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class WithoutTorch(MetaPathFinder):
    """Finds no torch."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")


sys.meta_path.insert(0, WithoutTorch())
