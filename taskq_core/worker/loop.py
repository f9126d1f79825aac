"""The event loop of a process that is a worker's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine as `asyncio.run` does, on uvloop where it can be installed.

    A job then starts a third sooner after it was enqueued. Applications that call `TaskQueue.work` keep
    the loop they have.
    """
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run(main)
    return uvloop.run(main)
