"""A module that is imported when it is first used: who only adds jobs does not wait for what reads them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LateModule:
    """Stands for a module. What was asked of it once is kept, so a later use is a plain lookup."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value
