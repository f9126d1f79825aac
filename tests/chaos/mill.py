"""What the long runs share: a server with an append-only file, workers that are replaced when they die, a
producer that never gives up, and the count at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from taskq_core import Client, State
from tests.chaos.millhand import END, LEASE_S, QUEUE
from tests.chaos.proxy import Loop, Proxy
from tests.processes import ROOT
from tests.servers import Server
from tests.waiting import wait_until

BATCH = 500


@dataclass(eq=False, slots=True)
class Hand:
    """A worker process. ``proxy``: what it speaks through, where it does. ``killed``: when."""

    name: str
    process: subprocess.Popen[bytes]
    proxy: Proxy | None = None
    killed: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What became of all jobs. ``explained``: duplicates whose first run ended shortly before a fault."""

    jobs: int
    completed: int
    lost: int
    stuck: int
    dead: int
    duplicates: int
    explained: int
    took_s: float

    @property
    def percent(self) -> float:
        """Completed, of all."""
        return 100 * self.completed / max(1, self.jobs)


@dataclass(slots=True)
class Faults:
    """When what was done: the times of faults that may make a run of any worker count for nothing."""

    general: list[float] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, *, general: bool = True) -> None:
        """One more, now."""
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if general:
            self.general.append(time.time())


class Mill:
    """Everything random comes from the seed."""

    def __init__(self, kind: str, workers: int, seed: int, *, proxied: bool) -> None:
        self.random = Random(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="taskq-mill-"))
        self.server = Server(kind, "--appendonly", "yes", "--appendfsync", "everysec").start()
        self.client = Client(self.server.tcp_url, deadline=120)
        self.loop = Loop() if proxied else None
        self.hands: list[Hand] = []
        self.former: list[Hand] = []
        self.faults = Faults()
        self.sent = 0
        self.began = time.monotonic()
        for _ in range(workers):
            self.hire()
        wait_until(lambda: len(self.client.workers(QUEUE)) == workers, 60, "the workers")

    # -- workers --------------------------------------------------------------------------------

    def hire(self) -> None:
        """One more worker."""
        name = f"hand{len(self.hands) + len(self.former)}"
        proxy = Proxy(self.loop, self.server.port, self.random.getrandbits(32)) if self.loop else None
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.millhand", str(self.folder / f"{name}.ends")],
                cwd=ROOT,
                env={**os.environ, "TASKQ_REDIS_URL": proxy.url if proxy else self.server.tcp_url},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.hands.append(Hand(name, process, proxy))

    def kill_one(self) -> None:
        """SIGKILL for a random worker but the first, which is watched; another takes its place."""
        hand = self.random.choice(self.hands[1:])
        hand.killed = time.time()
        hand.process.kill()
        hand.process.wait(10)
        self.faults.note("worker killed", general=False)
        self.hands.remove(hand)
        self.former.append(hand)
        self.hire()

    def restart_server(self) -> None:
        """SIGKILL for the server; it comes back with what its append-only file has."""
        self.faults.note("server killed")
        self.server.kill()
        self.server.start()

    # -- producing ------------------------------------------------------------------------------

    @contextmanager
    def producer(
        self, jobs: int, a_second: float = 0.0, most_waiting: int = 20_000
    ) -> Iterator[threading.Thread]:
        """Adds all jobs, at a rate, or as fast as not too many wait. Waits for its end."""
        thread = threading.Thread(
            target=self._produce, args=(jobs, a_second, most_waiting), name="mill-producer"
        )
        thread.start()
        try:
            yield thread
        finally:
            thread.join()

    def _produce(self, jobs: int, a_second: float, most_waiting: int) -> None:
        with Client(self.server.tcp_url, deadline=120) as client:
            begun = time.monotonic()
            while self.sent < jobs:
                count = min(BATCH, jobs - self.sent)
                numbers = range(self.sent, self.sent + count)
                client.enqueue_many(QUEUE, "turn", [b'{"n":%d}' % n for n in numbers])
                self.sent += count
                if a_second:
                    time.sleep(max(0.0, begun + self.sent / a_second - time.monotonic()))
                while not a_second and client.snapshot(QUEUE).ready_total > most_waiting:
                    time.sleep(0.05)

    # -- the end --------------------------------------------------------------------------------

    def settle(self, timeout: float) -> int:
        """Waits until nothing waits or runs; returns what does in the end."""
        end = time.monotonic() + timeout
        while (left := self._left()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def _left(self) -> int:
        now = self.client.snapshot(QUEUE)
        return now.ready_total + now.running + now.scheduled

    def count(self, timeout: float = 120) -> Count:
        """What became of all jobs, when all is quiet."""
        stuck = self.settle(timeout)
        took_s = time.monotonic() - self.began
        ends = sorted(
            (at, number, hand) for hand in (*self.hands, *self.former) for number, at in self._ends(hand)
        )
        first: dict[int, tuple[float, Hand]] = {}
        explained = 0
        for at, number, hand in ends:
            if number in first:
                explained += self._explained(*first[number])
            else:
                first[number] = (at, hand)
        dead = self._dead()
        lost = sum(number not in first and number not in dead for number in range(self.sent))
        return Count(
            self.sent,
            len(first),
            max(0, lost - stuck),
            stuck,
            len(dead),
            len(ends) - len(first),
            explained,
            took_s,
        )

    def _ends(self, hand: Hand) -> Iterator[tuple[int, float]]:
        file = self.folder / f"{hand.name}.ends"
        return END.iter_unpack(file.read_bytes()) if file.exists() else iter(())

    def _explained(self, at: float, hand: Hand) -> bool:
        """Whether a run ended so shortly before a fault that the server may not have heard of it."""
        faults = [*self.faults.general, *([hand.killed] if hand.killed is not None else [])]
        return any(at - 0.2 <= fault <= at + LEASE_S for fault in faults)

    def _dead(self) -> set[int]:
        found: set[int] = set()
        cursor = ""
        while True:
            page = self.client.list_jobs(QUEUE, State.DEAD, limit=1_000, cursor=cursor)
            found |= {int(msgspec.json.decode(job.payload)["n"]) for job in page.jobs}
            cursor = page.cursor
            if not cursor:
                return found

    def close(self) -> None:
        """Ends everything."""
        for hand in (*self.hands, *self.former):
            if hand.process.poll() is None:
                hand.process.kill()
                hand.process.wait(10)
            if hand.proxy is not None:
                hand.proxy.close()
        if self.loop is not None:
            self.loop.close()
        self.client.close()
        self.server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def mill(kind: str, workers: int, seed: int, *, proxied: bool = False) -> Iterator[Mill]:
    """A running mill, and its end."""
    made = Mill(kind, workers, seed, proxied=proxied)
    try:
        yield made
    finally:
        made.close()


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Lines of columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
