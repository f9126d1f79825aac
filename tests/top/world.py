"""A made-up service for tests of the view: seven queues, each in a state of its own, second by second.

All figures follow from the second alone, so what is on screen is known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from taskq_cli.top.frame import COUNTED, Frame, QueueFrame, Times
from taskq_cli.top.source import Tick
from taskq_core import FailedAttempt, Minute, ServerInfo, WorkerInfo

START: Final = datetime(2026, 1, 5, 12, 4, 31, tzinfo=UTC)
"""The first second; everything is told relative to it."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A queue: jobs a second in, done, failed, retried and buried; ``waiting`` at `START`."""

    name: str
    comes: int = 0
    done: int = 0
    failed: int = 0
    dead: int = 0
    recovered: int = 0
    waiting: int = 0
    running: int = 0
    scheduled: int = 0
    buried: int = 0
    oldest_s: float | None = None
    workers: int = 0
    paused: bool = False
    draining: bool = False
    tenants: int = 0
    groups: int = 0
    wait: Times | None = None
    run: Times | None = None

    def at(self, second: int) -> QueueFrame:
        """The queue so many seconds after `START`."""
        ready = max(0, self.waiting + (self.comes - self.done) * second)
        return QueueFrame(
            name=self.name,
            at=START + timedelta(seconds=second),
            paused=self.paused,
            draining=self.draining,
            ready=(0, 0, ready, 0),
            running=self.running,
            scheduled=self.scheduled,
            dead=self.buried + self.dead * second,
            workers=self.workers,
            oldest_s=None if self.oldest_s is None else self.oldest_s + second,
            next_due_at=START + timedelta(seconds=second + 30) if self.scheduled else None,
            totals=self._totals(second),
            wait=self.wait,
            run=self.run,
            tenants=self.tenants,
            groups=self.groups,
        )

    def _totals(self, second: int) -> tuple[int, ...]:
        rates = {
            "enqueued": self.comes, "done": self.done, "failed": self.failed,
            "retried": self.failed - self.dead, "dead": self.dead, "recovered": self.recovered,
        }  # fmt: skip
        return tuple(1_000_000 + rates.get(name, 0) * second for name in COUNTED)

    def past(self, minutes: int = 60) -> list[Minute]:
        """What the server counted before: the same rates, and a burst that ended ten minutes ago."""
        first = START.replace(second=0)
        found = []
        for back in range(minutes):
            burst = 3 if 10 <= back < 15 else 1
            seconds = 60 if back else START.second
            rates = {
                "enqueued": self.comes * burst, "done": self.done * burst, "failed": self.failed,
                "dead": self.dead,
            }  # fmt: skip
            counts = {name: rate * seconds for name, rate in rates.items()}
            found.append(Minute(first - timedelta(minutes=back), counts, None, None))
        return found


FLOWS: Final = (
    Flow("emails", comes=212, done=212, waiting=20, running=18, oldest_s=None, workers=2, scheduled=40,
         wait=Times(0.004, 0.19), run=Times(0.012, 0.048)),
    Flow("billing", waiting=12, oldest_s=680.0),
    Flow("thumbs", comes=4, waiting=402, oldest_s=95.0, workers=1, paused=True),
    Flow("feeds", comes=6, done=4, failed=8, dead=2, waiting=9, running=6, scheduled=31, buried=1_204,
         groups=4, oldest_s=0.4, workers=1, wait=Times(0.02, 1.2), run=Times(0.4, 2.6)),
    Flow("imports", tenants=5, comes=90, done=60, waiting=12_801, running=8, oldest_s=251.0, workers=1,
         wait=Times(240.0, 251.0), run=Times(0.11, 0.4)),
    Flow("old-import", done=5, waiting=500, running=1, oldest_s=30.0, workers=1, draining=True),
    Flow("reports", scheduled=3, workers=1),
)  # fmt: skip


def worker(name: str, queue: str, second: int, **about: str) -> WorkerInfo:
    """A live worker, seen a moment ago."""
    described = {
        "host": "web-1", "pid": "4121", "slots": "20", "busy": "18", "tasks": "send-email", "process": name,
        "version": "0.1.0", "started": "1767607200000", "lease": "15000", "rounds": "812", "state": "running",
    }  # fmt: skip
    now = START + timedelta(seconds=second)
    return WorkerInfo(name, queue, now + timedelta(seconds=14), described | about)


def workers(second: int) -> tuple[WorkerInfo, ...]:
    """Five processes on three machines; one of them serves three queues."""
    return (
        worker("a1b2c3", "emails", second),
        worker("d4e5f6", "emails", second, host="web-2", pid="977", busy="0"),
        worker("070809", "feeds", second, host="web-2", pid="981", slots="8", busy="6", tasks="fetch-feed"),
        worker("0a0b0c", "imports", second, host="batch", pid="12", slots="8", busy="8", tasks="import"),
        worker(
            "0d0e0f", "thumbs", second, host="batch", pid="33", slots="4", busy="1", tasks="resize report"
        ),
        worker("0d0e0f", "old-import", second, host="batch", pid="33", slots="4", busy="1"),
        worker("0d0e0f", "reports", second, host="batch", pid="33", slots="4", busy="1"),
    )


CAUSES: Final = (
    ("ConnectionError", "the feed did not answer", "a1a1a1a1a1a1"),
    ("TimeoutError", "no answer within 5 s", "b2b2b2b2b2b2"),
    ("KeyError", "'title'", "c3c3c3c3c3c3"),
)


def failures(second: int) -> tuple[FailedAttempt, ...]:
    """The latest failed attempts of `feeds`, the newest first."""
    found = []
    for back in range(24):
        kind, message, fingerprint = CAUSES[min(back % 5, 2)]
        at = START + timedelta(seconds=second - back * 2)
        found.append(FailedAttempt(
            id=f"n{1767614671000 - back * 2000}-0", at=at, task="fetch-feed", attempt=1 + back % 4, type=kind,
            message=message, buried=back % 4 == 3, queue="feeds", fingerprint=fingerprint,
            next_attempt_at=None if back % 4 == 3 else at + timedelta(seconds=8),
        ))  # fmt: skip
    return tuple(found)


SERVER: Final = ServerInfo("valkey", "9.0.1", "standalone", 48 * 2**20, 256 * 2**20, "noeviction", aof=True)


def frame(second: int = 0, flows: Sequence[Flow] = FLOWS) -> Frame:
    """What the view is told so many seconds after `START`."""
    return Frame(
        at=START + timedelta(seconds=second),
        queues=tuple(flow.at(second) for flow in flows),
        workers=workers(second),
        failures=failures(second),
        server=SERVER,
        rtt_s=0.003,
    )


def ticks(count: int = 90, flows: Sequence[Flow] = FLOWS) -> Iterator[Tick]:
    """A tick a second; the first one brings the hour before."""
    past: Mapping[str, Sequence[Minute]] = {flow.name: flow.past() for flow in flows}
    for second in range(count):
        yield Tick(frame(second, flows), past if second == 0 else {})


def quiet() -> Iterator[Tick]:
    """A service in which nothing is wrong."""
    calm = [replace(flow, oldest_s=None) for flow in FLOWS if flow.name in ("emails", "reports")]
    return ticks(flows=calm)
