"""Signals held back while a step must not be torn: sent and printed, or neither."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from taskq_cli.endings import Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SLICE_S = 0.05


@contextmanager
def whole_step() -> Iterator[Callable[[float], bool]]:
    """The first signal takes effect after the block; a second one at once.

    What it gives rests for so many seconds within the block, or until a signal came: True when one did.
    """
    arrived: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        if len(arrived) > 1:
            raise _meaning(number)

    def rest(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not arrived and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))
        return bool(arrived)

    before = {number: signal.signal(number, hold) for number in _SIGNALS}
    try:
        yield rest
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        raise _meaning(arrived[0])


def _meaning(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated()
