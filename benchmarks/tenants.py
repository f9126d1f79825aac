"""What tenants cost: claims and acks with 1, 10, 200 and 10,000 of them, beside a queue without, in turn.

    python -m benchmarks.tenants [--jobs N] [--calls [--turn N]] [--memory] [--crowd N]

Each line: jobs a second of one worker with an empty handler, over a unix socket, and the server's own time
a job. ``--calls``: a client that claims and acks batches of 100 instead, without a worker's own work.
``--turn``: how many jobs of a tenant may come in a row then; a worker asks for 8 where jobs are short.
``--memory`` adds a million jobs of 200 tenants and prints bytes a job. ``--crowd N``: one tenant has N jobs
and 200 have 5 each; after how many claimed jobs had all of theirs come?
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial

from benchmarks.limits import claimed
from taskq_core import Client, Job, JobOptions, NewJob, TaskQueue, WorkerOptions
from taskq_core.commands import work
from tests.servers import Server

PAYLOAD = b'{"to":"user@example.com","subject":"Your order has been sent","nr":12345}'
CROWDS = (0, 1, 10, 200, 10_000)
BATCH = 100


def fill(client: Client, queue: str, jobs: int, tenants: int) -> None:
    """Adds jobs of so many tenants, in turn; 0: of none."""
    names = [JobOptions(tenant=f"t{number}") for number in range(tenants)]
    for start in range(0, jobs, 1000):
        if not names:
            client.enqueue_many(queue, "t", [PAYLOAD] * 1000)
        else:
            client.enqueue_jobs(
                queue, [NewJob("t", PAYLOAD, names[(start + k) % tenants]) for k in range(1000)]
            )


def drain(client: Client, queue: str, *, flow: bool, turn: int) -> int:
    """Claims and acks until nothing is left; how many jobs there were."""
    keys, done = client.keys(queue), 0
    client.run(work.register(keys, "w", 60_000, {"host": "h"}))
    while True:
        acks = claimed(client, keys, work.Wanted(BATCH, alone=True, turn=turn), flow=flow)
        if not acks:
            return done
        done += client.run(work.ack(keys, "w", acks))


def work_off(server: Server) -> int:
    """One worker, until nothing is left; how many jobs it did."""

    async def run_worker() -> int:
        queue = TaskQueue("q", redis=server.url, concurrency=100)

        @queue.process("t")
        async def nothing(job: Job) -> None: ...

        worker = await queue.work(WorkerOptions(burst=True))
        await queue.close()
        return worker.done_count

    return asyncio.run(run_worker())


def measure(server: Server, step: Callable[[], int]) -> tuple[float, float]:
    """Jobs a second, and µs of the server's time a job."""
    server.raw.config_resetstat()
    started = time.perf_counter()
    jobs = step()
    took = time.perf_counter() - started
    stats = server.raw.info("commandstats")
    busy = sum(row["usec"] for name, row in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))
    return jobs / took, busy / jobs


def run(server: Server, jobs: int, rounds: int, *, calls: bool, turn: int) -> None:
    """Prints the table: the median of the rounds, which take all crowds in turn."""
    client = Client(server.url)
    found: dict[int, list[tuple[float, float]]] = {tenants: [] for tenants in CROWDS}
    for _ in range(rounds):
        for tenants in CROWDS:
            server.raw.flushall()
            fill(client, "q", jobs, tenants)
            drained = partial(drain, client, "q", flow=tenants > 0, turn=turn)
            step = drained if calls else partial(work_off, server)
            found[tenants].append(measure(server, step))
    base = sorted(found[0])[rounds // 2][0]
    for tenants, rows in found.items():
        rate, busy = sorted(rows)[rounds // 2]
        name = "off" if not tenants else f"{tenants:,} tenants"
        print(f"{server.kind:8}{name:>16}{rate:12,.0f} jobs/s {rate / base:6.2f}x {busy:8.1f} µs a job")


def memory(server: Server, jobs: int) -> None:
    """Prints the bytes that a waiting job takes, with 200 tenants and without any."""
    client = Client(server.url)
    for tenants in (0, 200):
        server.raw.execute_command("FLUSHALL", "SYNC")  # FLUSHALL alone may free later
        before = server.raw.info("memory")["used_memory"]
        for number in range(tenants or 1):
            options = JobOptions(tenant=f"t{number}" if tenants else None)
            client.enqueue_many("q", "t", [PAYLOAD] * (jobs // (tenants or 1)), options)
        used = server.raw.info("memory")["used_memory"] - before
        print(f"{server.kind:8}{tenants:5} tenants: {used / jobs:.1f} bytes a job of {len(PAYLOAD)} bytes")


def crowd(server: Server, jobs: int, turn: int) -> None:
    """Prints after how many claimed jobs the small ones beside a big one had all of theirs."""
    client = Client(server.url)
    server.raw.flushall()
    for start in range(0, jobs, 1000):
        client.enqueue_many("q", "t", [PAYLOAD] * min(1000, jobs - start), JobOptions(tenant="big"))
    for number in range(200):
        client.enqueue_many("q", "t", [PAYLOAD] * 5, JobOptions(tenant=f"t{number}"))
    keys, claimed, small = client.keys("q"), 0, 0
    client.run(work.register(keys, "w", 60_000, {"host": "h"}))
    while small < 1000:
        claim = client.run(work.claim(keys, "w", work.Wanted(BATCH, turn=turn), flow=True))
        for stream, entries in claim.batches:
            claimed += len(entries)
            small += len(entries) if stream != "n@big" else 0
    beside = f"200 tenants of 5 beside one of {jobs:,}"
    print(f"{server.kind:8}{beside}: all had theirs by job {claimed:,} (turn {turn})")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("--turn", type=int, default=8)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--crowd", type=int, default=0)
    asked = parser.parse_args()
    for kind in ("valkey", "redis"):
        server = Server(kind).start()
        try:
            run(server, asked.jobs, asked.rounds, calls=asked.calls, turn=asked.turn)
            for turn in (1, 8) if asked.crowd else ():
                crowd(server, asked.crowd, turn)
            if asked.memory:
                memory(server, 1_000_000)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
