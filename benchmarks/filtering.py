"""Searches of 1,000,000 jobs: what the longest step costs the server, and how long a whole search takes.

A step is one script call; while it runs, nobody else is served. Its time is the server's own (SLOWLOG), and
includes what other programs took from it meanwhile; its CPU does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Scratch
from taskq_core import Client, JobFilter, State
from taskq_core.codec import Meta, encode_failure, encode_record
from taskq_core.job import Failure
from tests.servers import Server

MOST_MS: Final = 10.0
FRAME: Final = '  File "/app/mail.py", line %d, in deliver\n    smtp.send(message)\n'
PART: Final = 5_000


def filtering(scratch: Scratch, server: Server, *, jobs: int, dead: int) -> Sequence[Result]:
    """Each kind of search, over all jobs."""
    client = scratch.client
    _fill(client, jobs)
    _bury(client, server.raw, dead)
    server.raw.config_set("slowlog-max-len", 100_000)
    rare, text = JobFilter(task="rare"), JobFilter.parse("payload.to=user-77@*, payload.n>500")
    error = JobFilter.parse("error.message~user 4711 ")
    found: list[Result] = []
    searches: dict[str, Callable[[], int]] = {
        f"task, {jobs:,} ready": lambda: _looked(client, State.READY, rare),
        f"payload, {jobs:,} ready": lambda: _looked(client, State.READY, text),
        f"error, {dead:,} dead": lambda: _looked(client, State.DEAD, error),
        f"no filter, {dead:,} dead": lambda: _looked(client, State.DEAD, JobFilter()),
        f"groups, {dead:,} dead": lambda: _grouped(client),
    }
    for name, search in searches.items():
        found += _measure(server.raw, name, search)
    return found


def _measure(raw: Any, name: str, search: Callable[[], int]) -> Iterator[Result]:
    raw.config_set("slowlog-log-slower-than", 0)
    raw.slowlog_reset()
    began, busy = time.monotonic(), _cpu_s(raw)
    looked = search()
    took, busy = time.monotonic() - began, _cpu_s(raw) - busy
    raw.config_set("slowlog-log-slower-than", -1)
    steps = sorted(
        row["duration"] / 1000 for row in raw.slowlog_get(100_000) if row["command"].startswith(b"EVAL")
    )
    p99 = steps[int(0.99 * (len(steps) - 1))]
    yield Result(f"{name}: jobs looked at", looked, "")
    yield Result(f"{name}: whole search", took, "s")
    mean = 1000 * busy / len(steps)
    yield Result(f"{name}: CPU of a step", mean, "ms", f"<= {MOST_MS / 2:g}", mean <= MOST_MS / 2)
    yield Result(f"{name}: p99 of {len(steps)} steps", p99, "ms", f"<= {MOST_MS:g}", p99 <= MOST_MS)
    yield Result(f"{name}: longest step", steps[-1], "ms")


def _cpu_s(raw: Any) -> float:
    cpu = raw.info("cpu")
    return float(cpu["used_cpu_user_main_thread"]) + float(cpu["used_cpu_sys_main_thread"])


def _looked(client: Client, state: State, where: JobFilter) -> int:
    cursor, looked = "", 0
    while True:
        page = client.list_jobs("searched", state, limit=1_000, cursor=cursor, where=where)
        looked += page.looked
        cursor = page.cursor
        if not cursor:
            return looked


def _grouped(client: Client) -> int:
    cursor, looked = "", 0
    while True:
        page = client.group_failures("searched", cursor=cursor)
        looked += page.looked
        cursor = page.cursor
        if not cursor:
            return looked


def _fill(client: Client, count: int) -> None:
    client.enqueue("searched", "rare", {})
    for start in range(0, count - 1, PART):
        part = range(start, min(start + PART, count - 1))
        client.enqueue_many(
            "searched", "send-email", [{"to": f"user-{n}@example.com", "template": "w", "n": n} for n in part]
        )


def _bury(client: Client, raw: Any, count: int) -> None:
    """Dead jobs with a traceback of 2 KB, put in place by hand: a worker would take minutes."""
    keys = client.keys("searched")
    for start in range(0, count, PART):
        records, scores = {}, {}
        for n in range(start, min(start + PART, count)):
            trace = "".join(FRAME % line for line in range(25))
            failure = Failure("LookupError", f"user {n} not found", trace, f"{n % 5:012x}")
            payload = b'{"to":"user-%d@example.com"}' % n
            job_id = f"n{1_700_000_000_000 + n}-0"
            meta = Meta(attempts=1, id=job_id)
            records[job_id] = encode_record(b"n", b"send-email", meta, encode_failure(failure), payload)
            scores[job_id] = 1_700_000_000_000 + n // 3
        raw.hset(keys.dead_jobs, mapping=records)
        raw.zadd(keys.dead, scores)


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=1_000_000, metavar="N")
    flags.add_argument("--dead", type=int, default=100_000, metavar="N")
    given = flags.parse_args()
    run(given, partial(filtering, jobs=given.jobs, dead=given.dead))
