"""How a worker's process ends: the first signal stops it in good order, a second one at once."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Sequence

from taskq_core.programs import kill_programs
from taskq_core.worker.worker import Worker

log = logging.getLogger("taskq.worker")


async def run_until_done(worker: Worker) -> None:
    """Runs a worker; a cancellation stops it in good order first."""
    running = asyncio.ensure_future(worker.run())
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        worker.stop()
        await running
        raise


async def run_until_signal(
    worker: Worker, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)
) -> int:
    """Runs a worker until one of the signals. Returns its number, or 0 when the worker ended by itself."""
    loop = asyncio.get_running_loop()
    got: list[int] = []

    def on_signal(number: int) -> None:
        if got:
            # nothing can be lost: what runs here is taken over when the lease ends
            log.error("second signal: ending at once")
            kill_programs()  # they have process groups of their own, and would go on
            os._exit(128 + number)
        got.append(number)
        log.warning("%s: stopping; once more to end at once", signal.Signals(number).name)
        worker.stop()

    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    gc.collect()
    gc.freeze()  # this process is the worker's own: what lives for ever is not looked at again
    try:
        await worker.run()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
    return got[0] if got else 0
