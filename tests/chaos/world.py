"""A server, workers and producers as real processes, each behind its own proxy, and what became of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from taskq_core import Client, QueueFull, Refused, ServerFull, State, TaskqError
from taskq_core.keys import IDLE
from tests.chaos.asked import Label
from tests.chaos.checker import Figures, LastState, check
from tests.chaos.ledger import Event, Ledger, read
from tests.chaos.proxy import Loop, Mode, Proxy
from tests.groups import Group
from tests.processes import ROOT, Process, environment
from tests.servers import Server
from tests.waiting import wait_until
from tests.warm import warm

QUEUE = "chaos"
LEASE_S = 2.0
START = """
import sys
root = sys.argv.pop(1)
sys.path.insert(0, root)
import taskq_core
assert taskq_core.__file__.startswith(root), taskq_core.__file__
from tests.chaos.worker import main
main()
"""
QUIET_S = 60.0
"""The longest that a case may take to become quiet."""


@dataclass(slots=True)
class Hand:
    """A worker process and the proxy it speaks through."""

    name: str
    proxy: Proxy
    process: Process

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self, ledger: Ledger | None = None) -> None:
        """SIGKILL, and its end; written down in a ledger."""
        if ledger is not None:
            ledger.note("killed", -1, process=self.name)
        self.process.kill()
        self.process.wait(10)

    @property
    def files(self) -> int:
        """How many files and connections it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())


class World:
    """One case: everything random comes from its seed."""

    def __init__(self, server: Server, folder: Path, seed: int, group: Group | None = None) -> None:
        self.server = server
        self.group = group
        """Several servers, whose clients find their way by themselves, without proxies."""
        self.present = server
        """The server that counts at the end: the first one, or its successor."""
        self.folder = folder
        self.seed = seed
        self.random = Random(seed)
        self.ledger = Ledger(folder, "producer")
        self.admin = Client(group.url if group else server.url, deadline=30)
        self.loop = Loop()
        self.hands: list[Hand] = []
        self.fault_ended: float | None = None
        self.gone = 0
        """How many jobs a case deleted by itself."""
        self.sent = 0
        self.labels: dict[int, Label] = {}
        """What numbers keep to, where that is asked afterwards."""
        self._counting = threading.Lock()
        self.tail = ""
        """What comes after the URLs of workers and load: options of the connection."""
        self.words: tuple[str, ...] = ()
        """Further words for workers that are started from now on."""
        self._figures: Figures | None = None
        self._proxies: list[Proxy] = []
        self._made = 0

    # -- workers --------------------------------------------------------------------------------

    def proxy(self) -> Proxy:
        """A further proxy before the server."""
        made = Proxy(self.loop, self.server.port, self.random.getrandbits(32))
        self._proxies.append(made)
        return made

    def hire(
        self,
        count: int = 1,
        *,
        slots: int = 8,
        grace: float = 5.0,
        mirror: bool = False,
        instead: Path | None = None,
    ) -> list[Hand]:
        """Starts workers and waits until they are registered. ``instead``: where another taskq_core is."""
        new = [self.start(slots, grace, mirror=mirror, instead=instead) for _ in range(count)]
        pids = {hand.process.pid for hand in new}
        wait_until(lambda: pids <= {worker.pid for worker in self.admin.workers(QUEUE)}, 20, "the workers")
        return new

    def start(
        self, slots: int = 8, grace: float = 5.0, *, mirror: bool = False, instead: Path | None = None
    ) -> Hand:
        """Starts a worker."""
        self._made += 1
        name, proxy = f"worker{self._made}", self.proxy()
        proxy.behave(Mode(mirror=mirror))
        words = ["--name", name, "--folder", str(self.folder), "--slots", str(slots), "--grace", str(grace)]
        words += ["--lease", str(LEASE_S), *self.words]
        url = self.group.url if self.group else proxy.url + self.tail
        hand = Hand(name, proxy, self._start(name, words, url, instead))
        self.hands.append(hand)
        return hand

    def _start(self, name: str, words: list[str], url: str, instead: Path | None) -> Process:
        with (self.folder / f"{name}.log").open("wb") as log, Path(os.devnull).open("rb") as nothing:
            if instead is None and "PYTEST_VERSION" in os.environ:
                env = environment(self.folder, url)
                if forks := warm(env):
                    streams, module = (nothing, log, log), "tests.chaos.worker"
                    return forks.start([module, *words], env=env, cwd=ROOT, streams=streams, module=module)
            argv = [sys.executable, "-c", START, str(instead or ROOT), *words]
            env = {**os.environ, "TASKQ_REDIS_URL": url}
            return subprocess.Popen(argv, cwd=ROOT, env=env, stdin=nothing, stdout=log, stderr=log)

    # -- producers ------------------------------------------------------------------------------

    def send(
        self,
        count: int,
        task: str = "nap",
        *,
        client: Client | None = None,
        durable: bool = False,
        **payload: Any,
    ) -> None:
        """Enqueues jobs in batches of up to 20, and writes down what is known of each."""
        sender = client or self.admin
        new = self.numbers(count)
        for start in range(0, count, 20):
            self._send_batch(sender, task, new[start : start + 20], payload, durable=durable)

    def numbers(self, count: int) -> range:
        """Numbers for so many jobs more."""
        with self._counting:
            begin, self.sent = self.sent, self.sent + count
        return range(begin, begin + count)

    def _send_batch(
        self, client: Client, task: str, numbers: range, payload: dict[str, Any], *, durable: bool
    ) -> None:
        for number in numbers:
            self.ledger.note("intent", number)
        try:
            receipts = client.enqueue_many(
                QUEUE, task, [{"n": n, **payload} for n in numbers], durable=durable
            )
        except (QueueFull, ServerFull, Refused):
            kind, ids = "refused", [""] * len(numbers)
        except TaskqError:
            kind, ids = "unknown", [""] * len(numbers)
        else:
            kind, ids = "ok", [receipt.id for receipt in receipts]
        for number, job in zip(numbers, ids, strict=True):
            self.ledger.note(kind, number, job=job)

    @contextmanager
    def load(self, a_second: float = 200, task: str = "nap", **payload: Any) -> Iterator[None]:
        """Enqueues at this rate, through a proxy of its own, until the block ends."""
        url = self.group.url if self.group else self.proxy().url + self.tail
        stop, client = threading.Event(), Client(url, deadline=30)

        def run() -> None:
            due = time.monotonic()
            while not stop.wait(max(0.0, due - time.monotonic())):
                due += 20 / a_second
                self.send(20, task, client=client, **payload)

        thread = threading.Thread(target=run, name="chaos-load")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
            client.close()

    # -- the end --------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """What was written down so far."""
        return read(self.folder)

    def finished(self) -> int:
        """How many numbers have finished at least once."""
        return len({event.number for event in self.events() if event.kind == "finish"})

    def follow(self, successor: Server) -> None:
        """Another server takes the place of the first one, for all."""
        for proxy in self._proxies:
            proxy.lead_to(successor.port)
        self.admin.close()
        self.admin = Client(successor.url, deadline=30)
        self.present = successor

    def healed(self) -> None:
        """The fault has ended: from now on the recovery counts."""
        self.fault_ended = time.time()

    def settle(self, timeout: float = QUIET_S) -> None:
        """Waits until nothing waits or runs any more; what then still does is stuck."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            now = self.admin.snapshot(QUEUE)
            if not (now.ready_total or now.running or now.scheduled):
                break
            time.sleep(0.1)
        self._left()

    def _left(self) -> tuple[str, ...]:
        """The residue, once what dead workers left behind has been cleared away, after their leases."""
        end = time.monotonic() + 3 * LEASE_S
        while (found := (*self._residue(),)) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def conclude(self) -> None:
        """Counts now, for a case that ends its server itself."""
        self._figures = self._count()

    def figures(self) -> Figures:
        """The counted figures, of what is there now, or was when the case was concluded."""
        return self._figures or self._count()

    def _count(self) -> Figures:
        waiting: set[int] = set()
        for state in (State.READY, State.RUNNING, State.SCHEDULED):
            waiting |= self._numbers(state)
        snapshot = self.admin.snapshot(QUEUE)
        last = LastState(
            waiting=frozenset(waiting),
            dead=frozenset(self._numbers(State.DEAD)),
            cancelled=snapshot.totals.get("cancelled", 0) + snapshot.totals.get("purged", 0),
            totals=snapshot.totals,
            residue=self._left(),
        )
        return check(self.events(), last, fault_ended=self.fault_ended)

    def _numbers(self, state: State) -> set[int]:
        found: set[int] = set()
        cursor = ""
        while True:
            page = self.admin.list_jobs(QUEUE, state, limit=1_000, cursor=cursor)
            found |= {_number(job.payload) for job in page.jobs}
            cursor = page.cursor
            if not cursor:
                return found

    def _residue(self) -> Iterator[str]:
        """What should not be there when all is quiet."""
        raw = self.present.raw
        root = f"taskq:{{default/{QUEUE}}}:"
        alive = {worker.id for worker in self.admin.workers(QUEUE)}
        for level in "chnl":
            if not raw.exists(root + level):
                continue
            pending = raw.xpending(root + level, "w")["pending"] if raw.xinfo_groups(root + level) else 0
            if pending:
                yield f"{pending} pending in {level}"
            for consumer in raw.xinfo_consumers(root + level, "w"):
                name = consumer["name"].decode()
                if name not in alive and name not in IDLE:
                    yield f"consumer {name} of nobody"
        for key in ("moved", "revoked"):
            if raw.exists(root + key):
                yield f"{key} is left"

    def close(self) -> None:
        """Ends everything."""
        for hand in self.hands:
            if hand.process.poll() is None:
                hand.process.send_signal(signal.SIGCONT)
                hand.kill()
        for proxy in self._proxies:
            proxy.close()
        self.loop.close()
        self.admin.close()
        self.ledger.close()


def _number(payload: bytes) -> int:
    try:
        return int(msgspec.json.decode(payload)["n"])
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError):
        return -1


@contextmanager
def world(server: Server, seed: int, group: Group | None = None) -> Iterator[World]:
    """A world on a running server, and its end."""
    folder = Path(tempfile.mkdtemp(prefix="taskq-chaos-"))
    made = World(server, folder, seed, group)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
