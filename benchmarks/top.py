"""What `taskq top` costs: its own time, the server's, bytes to the terminal, and how soon it answers.

It runs in a terminal that only counts, beside 50 queues and 20 workers under load; then again beside 1,000
queues and a million jobs, where keys are pressed at any moment of a tick.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Scratch
from taskq_cli.bench.server_load import load
from taskq_cli.children import child_environment
from taskq_core import Client
from taskq_core.commands import work
from tests.servers import Server
from tests.waiting import wait_until

NAMESPACE = "topload"
QUEUES, WORKERS = 50, 20
MANY_QUEUES = 1_000
A_SECOND = 400
"""Jobs that are enqueued and done a second."""
SIZES = ((80, 24), (120, 40))
SCREENS = {"overview": "1", "queues": "2"}
MAX_SHARE, MAX_SERVER, MAX_KB, MAX_FIRST_S, MAX_KEY_MS = 5.0, 1.0, 6.0, 1.0, 100.0
SETTLE_S = 5.0
BATCH = 1_000
APP = """
from taskq_core import TaskQueue
for n in range({queues}):
    queue = globals()[f"q{{n}}"] = TaskQueue(f"q{{n:03}}", namespace={namespace!r}, concurrency=20)
    @queue.process("nothing")
    async def nothing(job): pass
"""


class View:
    """`taskq top` in a terminal that counts what is sent to it."""

    def __init__(self, url: str, size: tuple[int, int]) -> None:
        self.sent = 0
        self._seen = bytearray()
        self._terminal, theirs = pty.openpty()
        width, height = size
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "taskq_cli", "top"],
            env=child_environment(url, NAMESPACE, TERM="xterm-256color", COLORTERM="truecolor"),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._terminal, 65_536):
                self.sent += len(chunk)
                self._seen += chunk
        except OSError:
            pass  # the other end is closed

    def press(self, key: str) -> None:
        """Presses a key; what was seen before is forgotten."""
        self._seen.clear()
        _ = os.write(self._terminal, key.encode())

    def wait(self, words: str, timeout: float = 30.0) -> float:
        """When these words were sent, on the monotonic clock."""
        sought = words.encode()
        _ = wait_until(lambda: sought in self._seen, timeout, words)
        return time.monotonic()

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        _ = self._process.wait()
        os.close(self._terminal)


@contextmanager
def view(url: str, size: tuple[int, int]) -> Iterator[View]:
    """The view, closed at the end."""
    opened = View(url, size)
    try:
        yield opened
    finally:
        opened.close()


def top(scratch: Scratch, server: Server, *, seconds: float, jobs: int, keys: int) -> Sequence[Result]:
    """All figures."""
    results = [*_under_load(server, seconds)]
    if jobs:
        results += _with_many(server, jobs, keys)
    return results


def _under_load(server: Server, seconds: float) -> Iterator[Result]:
    with Client(server.url, namespace=NAMESPACE) as client, _load(server.url, client) as quiet:
        time.sleep(3)
        with _held(quiet):
            alone = _server_share(client, seconds)
        for size in SIZES:
            with view(server.url, size) as shown:
                first = shown.wait("live") - shown.began
                name = f"{size[0]}x{size[1]}"
                yield Result(f"first frame, {name}", first, "s", f"<= {MAX_FIRST_S:g}", first <= MAX_FIRST_S)
                for screen, key in SCREENS.items():
                    shown.press(key)
                    time.sleep(SETTLE_S)
                    yield from _steady(shown, f"{screen}, {name}", seconds)
                    with _held(quiet):  # the load's own part differs by more than what is measured
                        used = 100 * max(0.0, _server_share(client, seconds) - alone)
                    target = f"<= {MAX_SERVER:g}"
                    yield Result(f"server, {screen}, {name}", used, "% of a core", target, used <= MAX_SERVER)


def _steady(shown: View, name: str, seconds: float) -> Iterator[Result]:
    cpu, sent, began = shown.cpu_s(), shown.sent, time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    share, kilobytes = 100 * (shown.cpu_s() - cpu) / passed, (shown.sent - sent) / passed / 1000
    yield Result(f"own time, {name}", share, "% of a core", f"<= {MAX_SHARE:g}", share <= MAX_SHARE)
    yield Result(f"sent a tick, {name}", kilobytes, "KB", f"<= {MAX_KB:g}", kilobytes <= MAX_KB)


@contextmanager
def _held(quiet: threading.Event) -> Iterator[None]:
    """Nothing is enqueued meanwhile."""
    quiet.set()
    time.sleep(1)
    try:
        yield
    finally:
        quiet.clear()


def _server_share(client: Client, seconds: float) -> float:
    before = load(client)
    time.sleep(seconds)
    after = load(client)
    return (after.cpu_s - before.cpu_s) / (after.at - before.at)


def _with_many(server: Server, jobs: int, keys: int) -> list[Result]:
    with Client(server.url, namespace=NAMESPACE) as client:
        for number in range(MANY_QUEUES):
            # most of them in one queue, as it is when something is wrong
            count = jobs // 2 if number == 0 else jobs // 2 // (MANY_QUEUES - 1)
            for start in range(0, count, BATCH):
                _ = client.enqueue_many(f"m{number:04}", "nothing", [{"n": 1}] * min(BATCH, count - start))
        with view(server.url, (120, 40)) as shown:
            first = shown.wait("live") - shown.began
            time.sleep(SETTLE_S)
            took = [_key_ms(shown) for _ in range(keys)]
            cpu, began = shown.cpu_s(), time.monotonic()
            time.sleep(10)
            share = 100 * (shown.cpu_s() - cpu) / (time.monotonic() - began)
    worst = sorted(took)[-max(1, keys // 20)]
    return [
        Result(f"first frame, {MANY_QUEUES:,} queues", first, "s"),
        Result("a key answered, median", median(took), "ms"),
        Result("a key answered, 95 % of them", worst, "ms", f"<= {MAX_KEY_MS:g}", worst <= MAX_KEY_MS),
        Result(f"own time, {MANY_QUEUES:,} queues", share, "% of a core"),
    ]


def _key_ms(shown: View) -> float:
    """From a key at any moment to the help it opens; then the help is closed."""
    time.sleep(0.5 + random.random())
    began = time.monotonic()
    shown.press("?")
    took = shown.wait("Everywhere") - began
    shown.press("?")
    return took * 1000


@contextmanager
def _load(url: str, client: Client) -> Iterator[threading.Event]:
    """A real worker of all queues and a constant load; the other workers are only known by their leases.

    Yields what holds the load while it is set.
    """
    stop, quiet = threading.Event(), threading.Event()
    names = [f"q{number:03}" for number in range(QUEUES)]
    for number in range(WORKERS - 1):
        about: dict[str, str | bytes | int] = {
            "host": f"host-{number % 4}",
            "pid": 1000 + number,
            "slots": 10,
            "busy": 3,
            "tasks": "nothing",
        }
        _ = client.run(work.register(client.keys(names[number]), f"w{number:02}", 3_600_000, about))
    with TemporaryDirectory() as folder:
        _ = Path(folder, "topload.py").write_text(APP.format(queues=QUEUES, namespace=NAMESPACE))
        worker = subprocess.Popen(
            [sys.executable, "-m", "taskq_cli", "worker", "topload", "--quiet"], cwd=folder,
            env=child_environment(url, NAMESPACE, PYTHONPATH=str(Path(__file__).parent.parent)),
        )  # fmt: skip
        producer = threading.Thread(target=_produce, args=(url, names, stop, quiet))
        producer.start()
        try:
            yield quiet
        finally:
            stop.set()
            producer.join()
            worker.terminate()
            _ = worker.wait()


def _produce(url: str, names: Sequence[str], stop: threading.Event, quiet: threading.Event) -> None:
    with Client(url, namespace=NAMESPACE) as client:
        begun, rounds = time.monotonic(), 0
        while not stop.wait(max(0.0, begun + rounds * 20 / A_SECOND - time.monotonic())):
            for _ in range(0 if quiet.is_set() else 2):
                _ = client.enqueue_many(random.choice(names), "nothing", [{"n": 1}] * 10)
            rounds += 1


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--seconds", type=float, default=10.0, metavar="S")
    flags.add_argument("--jobs", type=int, default=1_000_000, metavar="N", help="0: without the many queues")
    flags.add_argument("--keys", type=int, default=40, metavar="N")
    given = flags.parse_args()
    run(given, partial(top, seconds=given.seconds, jobs=given.jobs, keys=given.keys))
