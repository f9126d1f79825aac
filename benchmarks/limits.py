"""What limits cost: jobs that a worker does a second with each limit on, none of them binding, against none.

All in one run on one server, in turns, so that what else goes on there meets all alike. The jobs do nothing,
so no other queue can lose more. Beside it what the claims and acks of a job cost the server, and what a limit
that does bind costs while 50,000 jobs wait for it.

``--calls``: only what the scripts of a claim and an ack take of the server, in batches of 100, and how many
Redis calls they make. The quickest twentieth of the batches counts, so that what else goes on matters little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Scratch
from taskq_core import DEFAULT_OPTIONS, Client, Job, JobOptions, NewJob, TaskLimits, TaskQueue, WorkerOptions
from taskq_core.commands import work
from taskq_core.keys import QueueKeys
from tests.servers import Server

LARGE: Final = 1_000_000
BATCH: Final = 100
LEAST: Final = 0.7
POLICIES: Final[Mapping[str, dict[str, Any]]] = {
    "none": {},
    "queue: rate": {"rate": "100000/s burst 1000000"},
    "queue: max_running": {"max_running": LARGE},
    "task: rate": {"tasks": {"t": TaskLimits(rate="100000/s burst 1000000")}},
    "task: max_running": {"tasks": {"t": TaskLimits(max_running=LARGE)}},
    "another task's": {"tasks": {"other": TaskLimits(max_running=1)}},
    "key: 1,000 keys": {"key_max_running": LARGE},
    "all": {
        "rate": "100000/s burst 1000000",
        "max_running": LARGE,
        "key_max_running": LARGE,
        "tasks": {"t": TaskLimits(rate="100000/s burst 1000000", max_running=LARGE)},
    },
}
KEYED: Final = ("key: 1,000 keys", "all")
LONGER: Final = "none, entries as long as with a key"
INNER: Final = ("cmdstat_info", "cmdstat_eval", "cmdstat_evalsha")
"""What is no call of a script."""


def limits(scratch: Scratch, server: Server, *, jobs: int, rounds: int) -> Sequence[Result]:
    """Jobs a second under each policy, and the ratio to none."""
    client, raw = scratch.client, server.raw
    names = (*POLICIES, LONGER)
    rates: dict[str, list[float]] = {name: [] for name in names}
    costs: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for number, name in enumerate(names):
            queue = f"limits{turn}-{number}"
            client.configure(queue, **POLICIES.get(name, {}))
            for part in (costs, rates):
                _fill(client, queue, jobs, keyed=name in KEYED, longer=name == LONGER)
                if part is costs:
                    part[name].append(1e6 * _drain(client, raw, queue, jobs) / jobs)
                else:
                    part[name].append(jobs / asyncio.run(_work(server.url, client.namespace, queue)))
            client.remove(queue)
    found = []
    for name in names:
        rate, base = median(rates[name]), median(rates[LONGER if name in KEYED else "none"])
        found.append(Result(f"{name}: jobs", rate, "/s"))
        found.append(Result(f"{name}: claim and ack of a job", median(costs[name]), "µs of the server"))
        if name in POLICIES and name != "none":
            found.append(
                Result(f"{name}: ratio to none", rate / base, "", f">= {LEAST}", rate / base >= LEAST)
            )
    return [*found, *_binding(client, raw)]


async def _work(url: str, namespace: str, queue: str) -> float:
    """Seconds in which one worker does all jobs."""
    app = TaskQueue(queue, redis=url, namespace=namespace, concurrency=100)

    @app.process("t")
    async def nothing(job: Job) -> None: ...

    began = time.monotonic()
    await app.work(WorkerOptions(burst=True))
    took = time.monotonic() - began
    await app.close()
    return took


def _fill(client: Client, queue: str, jobs: int, *, keyed: bool = False, longer: bool = False) -> None:
    """Jobs of one task; ``longer``: with an option, so that their entries are as long as with a key."""
    for first in range(0, jobs, 1_000):
        client.enqueue_jobs(
            queue,
            [
                NewJob("t", {"n": n}, _options(n, keyed=keyed, longer=longer))
                for n in range(first, min(first + 1_000, jobs))
            ],
        )


def _options(n: int, *, keyed: bool, longer: bool) -> JobOptions:
    if keyed:
        return JobOptions(concurrency_key=f"user:{n % 1000}")
    return JobOptions(retries=n % 1000) if longer else DEFAULT_OPTIONS


def _drain(client: Client, raw: Any, queue: str, jobs: int) -> float:
    """Seconds of the server's time for all jobs, claimed and ended."""
    keys, left = client.keys(queue), jobs
    client.run(work.register(keys, "w", 60_000, {"host": "h"}))
    flow = client.run(work.claim(keys, "w", work.Wanted(0))).state == "flow"
    began = _busy_s(raw)
    while left:
        left -= client.run(
            work.ack(keys, "w", claimed(client, keys, work.Wanted(BATCH, alone=True), flow=flow))
        )
    return _busy_s(raw) - began


def calls(scratch: Scratch, server: Server, *, jobs: int, rounds: int) -> Sequence[Result]:
    """µs of the server that a job's part of a claim and an ack takes, and Redis calls of the two."""
    client, names = scratch.client, (*POLICIES, LONGER)
    spent: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    for turn in range(rounds):
        for number, name in enumerate(names):
            queue = f"calls{turn}-{number}"
            client.configure(queue, **POLICIES.get(name, {}))
            _fill(client, queue, jobs, keyed=name in KEYED, longer=name == LONGER)
            spent[name] += _steps(client, server.raw, queue, flow=name in POLICIES and name != "none")
            client.remove(queue)
    found, costs = [], {name: _quick([us for us, _ in rows]) / BATCH for name, rows in spent.items()}
    for name, cost in costs.items():
        base = costs[LONGER if name in KEYED else "none"]
        found.append(Result(name, cost, "µs a job"))
        found.append(Result(f"  calls for {BATCH}", median(n for _, n in spent[name]), ""))
        if name not in ("none", LONGER):
            found.append(Result("  ratio to none", base / cost, ""))
    return found


def _steps(client: Client, raw: Any, queue: str, *, flow: bool) -> list[tuple[int, int]]:
    """For each batch of a queue: µs of the claim and the ack, and the Redis calls they made."""
    found: list[tuple[int, int]] = []
    keys = client.keys(queue)
    client.run(work.register(keys, "w", 60_000, {"host": "h"}))
    before = _spent(raw)
    while True:
        acks = claimed(client, keys, work.Wanted(BATCH, alone=True), flow=flow)
        if not acks:
            return found[1:]  # the first may have loaded the scripts
        client.run(work.ack(keys, "w", acks))
        after = _spent(raw)
        found.append((after[0] - before[0], after[1] - before[1]))
        before = after


def claimed(client: Client, keys: QueueKeys, wanted: work.Wanted, *, flow: bool) -> work.Acks:
    """Claims jobs for the worker ``w``; what tells the server that all of them are done."""
    claim = client.run(work.claim(keys, "w", wanted, flow=flow))
    acks = work.Acks()
    for stream, entries in claim.batches:
        acks.entries.setdefault(("done", stream), []).extend(entry for entry, _ in entries)
    return acks


def _spent(raw: Any) -> tuple[int, int]:
    """µs of all scripts so far, and the calls they made."""
    stats = raw.info("commandstats")
    scripts = sum(row["usec"] for name, row in stats.items() if name in INNER[1:])
    return scripts, sum(row["calls"] for name, row in stats.items() if name not in INNER)


def _quick(values: Sequence[int]) -> float:
    """That of the quickest twentieth."""
    return float(sorted(values)[len(values) // 20])


def _busy_s(raw: Any) -> float:
    """CPU of the server: what other programs take from it meanwhile is not in it."""
    cpu = raw.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def _binding(client: Client, raw: Any) -> list[Result]:
    """Claims that park what one task's limit holds, of 50,000 jobs; then those that pass them."""
    queue = "limits-binding"
    keys = client.keys(queue)
    client.configure(queue, tasks={"t": TaskLimits(max_running=1)})
    _fill(client, queue, 50_000)
    client.enqueue_many(queue, "free", [{"n": n} for n in range(1_000)])
    client.run(work.register(keys, "w", 60_000, {"host": "h"}))
    raw.config_set("slowlog-log-slower-than", 0)
    raw.config_set("slowlog-max-len", 10_000)
    raw.slowlog_reset()
    began, passed, calls = time.monotonic(), 0, 0
    while passed < 1_000:
        claim = client.run(work.claim(keys, "w", work.Wanted(BATCH, alone=True, free=BATCH), flow=True))
        passed += sum(len(entries) for _, entries in claim.batches)
        calls += 1
    took = time.monotonic() - began
    raw.config_set("slowlog-log-slower-than", -1)
    steps = [row["duration"] / 1000 for row in raw.slowlog_get(10_000) if row["command"].startswith(b"EVAL")]
    client.remove(queue)
    return [
        Result("50,000 held: until the jobs behind them run", took, "s"),
        Result("50,000 held: claims for that", calls, ""),
        Result("50,000 held: longest claim", max(steps), "ms", "<= 10", max(steps) <= 10),
    ]


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=20_000, metavar="N")
    flags.add_argument("--rounds", type=int, default=5, metavar="N")
    flags.add_argument("--calls", action="store_true", help="only what the scripts take")
    given = flags.parse_args()
    run(given, partial(calls if given.calls else limits, jobs=given.jobs, rounds=given.rounds))
