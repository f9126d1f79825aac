"""One picture of the view, for a pipe, a ticket or a page: text, JSON or SVG."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from typing import Any, Final

from textual.pilot import Pilot

from taskq_cli.failure_views import event_record
from taskq_cli.jsontext import ascii_json, rfc3339
from taskq_cli.top.app import TopApp
from taskq_cli.top.detectors import findings
from taskq_cli.top.frame import Frame
from taskq_cli.top.options import TopOptions
from taskq_cli.top.recording import queue_line
from taskq_cli.top.source import Source, Tick
from taskq_cli.top.store import Store
from taskq_cli.worker_views import worker_record
from taskq_core import Client, Event, processes_of

SIZE: Final = (120, 40)
"""Columns and lines where there is no terminal that says otherwise (COLUMNS and LINES do)."""
STEP_S: Final = 0.02
PATIENCE_S: Final = 10.0
"""As long a screen waits for what it asked of the server."""
RATE_S: Final = 60.0


def once(source: Source, client: Client | None, options: TopOptions, picture: str) -> str:
    """A picture of what the source brings now; of a recording, of its end. Raises: TaskqError."""
    ticks = list(_all(source, live=client is not None))
    if picture == "json":
        return f"{ascii_json(record(ticks))}\n"
    return Snapshot(source.label, ticks, client, options).taken(picture)


def _all(source: Source, *, live: bool) -> Iterator[Tick]:
    while (tick := source.tick()) is not None:
        yield tick
        if live:
            return


class Snapshot:
    """The view in a terminal that is not there."""

    def __init__(self, label: str, ticks: list[Tick], client: Client | None, options: TopOptions) -> None:
        self.label = label
        self._ticks = ticks
        self._app = TopApp(self, client, options)
        self._found = ""

    def tick(self) -> Tick | None:
        """None: all there is was handed over before."""
        return None

    def attend(self, queues: Iterable[str]) -> None:
        """All queues are in the tick anyway."""

    def close(self) -> None:
        """Nothing to give back."""

    def taken(self, picture: str) -> str:
        """Draws, waits for what the screen asks of the server, and takes the picture."""

        async def take(pilot: Pilot[object]) -> None:
            for tick in self._ticks[:-1]:
                self._app.store.add(tick.frame, tick.past)
            self._app.take(self._ticks[-1])
            left = PATIENCE_S
            await pilot.pause()
            while self._app.asking and left > 0:
                await pilot.pause(STEP_S)
                left -= STEP_S
            await pilot.pause(STEP_S)
            self._found = self._app.export_screenshot() if picture == "svg" else self._app.plain_text()
            self._app.exit()

        size = shutil.get_terminal_size(SIZE)
        self._app.run(headless=True, size=(size.columns, size.lines), auto_pilot=take)
        return self._found if self._found.endswith("\n") else f"{self._found}\n"


def record(ticks: list[Tick]) -> dict[str, Any]:
    """The last tick as one record; rates are those of the last minute."""
    store = Store()
    for tick in ticks:
        store.add(tick.frame, tick.past)
    frame = ticks[-1].frame
    return {
        "schema": "taskq.top/1",
        "at": rfc3339(frame.at),
        "findings": [
            {
                "severity": "problem" if finding.severity > 1 else "warning",
                "queue": finding.queue or None,
                "text": finding.text,
                "screen": finding.screen,
            }
            for finding in findings(store, frame)
        ],
        "queues": [_queue(store, frame, place) for place in range(len(frame.queues))],
        "workers": [worker_record(worker, frame.at) for worker in processes_of(frame.workers)],
        "failures": [event_record(Event.failed(failure)) for failure in frame.failures],
        "server": frame.server,
    }


def _queue(store: Store, frame: Frame, place: int) -> dict[str, Any]:
    queue = frame.queues[place]
    rates = {name: store.rate(queue, name, RATE_S) for name in ("enqueued", "done", "failed")}
    return queue_line(queue, rates)
