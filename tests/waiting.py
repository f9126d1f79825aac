"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
POLL_S = 0.005


class NotInTime(AssertionError):
    """What was awaited did not come true."""


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """The predicate's first true value; polled every 5 ms. Raises NotInTime with the last value seen."""
    end = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > end:
            raise NotInTime(_message(predicate, timeout, what, value))
        time.sleep(POLL_S)
    return value


async def until(predicate: Callable[[], object], timeout: float = 10.0, what: str = "") -> Any:
    """The same inside an event loop; the predicate may be a coroutine function."""
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise NotInTime(_message(predicate, timeout, what, value))
        await asyncio.sleep(POLL_S)


def _message(predicate: object, timeout: float, what: str, value: object) -> str:
    name = what or getattr(predicate, "__qualname__", repr(predicate))
    return f"waited {timeout} s for {name}; last value: {value!r}"
