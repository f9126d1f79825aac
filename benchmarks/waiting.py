"""What `taskq wait -` on 10,000 pending jobs costs the server, and how soon one job's end is noticed.

The server's processor time is taken from INFO over some seconds in which the command does nothing but
wait, once for each place in which jobs are pending; the longest call from SLOWLOG.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import NAMESPACE, Place, Scratch
from taskq_cli.bench.server_load import idle, load
from taskq_cli.children import child_environment
from taskq_core import JobOptions
from taskq_core.commands import work
from tests.servers import Server

PAYLOAD = {"to": "user@example.com", "subject": "Welcome!", "template": "welcome-mail"}
PLACES = ("ready", "scheduled", "running")
MAX_SHARE = 5.0
MAX_CALL_MS = 10.0
MAX_NOTICE_MS = 100.0


def waiting(scratch: Scratch, server: Server, *, jobs: int, seconds: float, rounds: int) -> Sequence[Result]:
    """The share of a core for each place, the longest call, and the median time until an end is noticed."""
    server.raw.config_set("slowlog-log-slower-than", 100)
    server.raw.config_set("slowlog-max-len", 10_000)
    results, longest = [], 0.0
    for name in PLACES:
        with scratch.place(name) as place:
            refs = _pending(place, name, jobs)
            share, slowest = _share(place, server, refs, seconds)
            longest = max(longest, slowest)
        results.append(
            Result(f"server, {jobs:,} {name}", share, "% of a core", f"<= {MAX_SHARE:g}", share <= MAX_SHARE)
        )
    with scratch.place("notice") as place:
        noticed = median(_notice_ms(place) for _ in range(rounds))
    return [
        *results,
        Result("longest call", longest, "ms", f"<= {MAX_CALL_MS:g}", longest <= MAX_CALL_MS),
        Result("one job's end noticed", noticed, "ms", f"<= {MAX_NOTICE_MS:g}", noticed <= MAX_NOTICE_MS),
    ]


def _pending(place: Place, name: str, jobs: int) -> list[str]:
    options = JobOptions(delay=timedelta(hours=1)) if name == "scheduled" else JobOptions()
    receipts = place.client.enqueue_many(place.queue, "sleep", [PAYLOAD] * jobs, options)
    if name == "running":
        keys = place.client.keys(place.queue)
        place.client.run(work.register(keys, "somebody", 600_000, {"host": "here"}))
        for _ in range(-(-jobs // 1_000)):
            place.client.run(work.claim(keys, "somebody", work.Wanted(1_000)))
    return [str(receipt) for receipt in receipts]


def _share(place: Place, server: Server, refs: Sequence[str], seconds: float) -> tuple[float, float]:
    """The share of a core in percent, and the longest call in ms."""
    others = idle(place.client).share
    with _command(place, refs):
        time.sleep(2)  # it has started, read its input and looked at all once
        server.raw.slowlog_reset()
        before = load(place.client)
        time.sleep(seconds)
        after = load(place.client)
    calls = [entry for entry in server.raw.slowlog_get(10_000) if entry["command"].startswith(b"EVAL")]
    slowest = max((entry["duration"] / 1000 for entry in calls), default=0.0)
    used = (after.cpu_s - before.cpu_s) / (after.at - before.at) - others
    return 100 * max(0.0, used), slowest


def _notice_ms(place: Place) -> float:
    """From the end of a job to the line that tells it; the wait has gone on for a while."""
    receipt = place.client.enqueue(place.queue, "sleep", PAYLOAD, JobOptions(delay=timedelta(hours=1)))
    with _command(place, [str(receipt)]) as process:
        time.sleep(1.2)
        began = time.monotonic()
        place.client.cancel(place.queue, [receipt.id])
        if process.stdout is not None:
            process.stdout.readline()
        return (time.monotonic() - began) * 1000


@contextmanager
def _command(place: Place, refs: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    source = Path(place.folder / "refs")
    source.write_text("".join(f"{ref}\n" for ref in refs))
    with source.open("rb") as stdin:
        process = subprocess.Popen(
            [sys.executable, "-m", "taskq_cli", "wait", "-", "--quiet"],
            env=child_environment(place.url, NAMESPACE),
            stdin=stdin,
            stdout=subprocess.PIPE,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=10_000, metavar="N")
    flags.add_argument("--seconds", type=float, default=10.0, metavar="S")
    flags.add_argument("--rounds", type=int, default=9, metavar="N")
    given = flags.parse_args()
    run(given, partial(waiting, jobs=given.jobs, seconds=given.seconds, rounds=given.rounds))
