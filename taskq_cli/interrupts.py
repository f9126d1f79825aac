"""Signals held back while a step must not be torn: sent and printed, or neither."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from taskq_cli.endings import Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def whole_step() -> Iterator[None]:
    """The first signal takes effect after the block; a second one at once."""
    arrived: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        if len(arrived) > 1:
            raise _meaning(number)

    before = {number: signal.signal(number, hold) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        raise _meaning(arrived[0])


def _meaning(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated()
