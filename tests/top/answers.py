"""What the server of the made-up service of `world` says when a screen asks it for more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from taskq_core import (
    FailedAttempt,
    Failure,
    FailureGroup,
    GroupInfo,
    GroupRef,
    HeldJob,
    JobDetail,
    JobNotes,
    JobRef,
    LogLine,
    Page,
    Priority,
    Rate,
    Schedule,
    ScheduledRun,
    ScheduleInfo,
    ScheduleRef,
    State,
    TenantInfo,
    TenantLimits,
)
from tests.top.world import CAUSES, START, failures

TRACEBACK: Final = """Traceback (most recent call last):
  File "/srv/feeds/tasks.py", line 41, in fetch_feed
    page = client.get(url, timeout=5)
TimeoutError: no answer within 5 s"""
LAST: Final = 89
"""The second of the latest tick."""
AMONG: Final = {State.READY: 20, State.DEAD: 1_382, State.SCHEDULED: 40, State.RUNNING: 18}


def job(queue: str, state: State, number: int) -> JobDetail:
    """A job of the service."""
    now = START + timedelta(seconds=LAST)
    kind, message, fingerprint = CAUSES[number % 3]
    failed = state in (State.DEAD, State.SCHEDULED)
    return JobDetail(
        ref=JobRef(queue, f"n{1767614000000 + number * 1000}-0"),
        state=state,
        task="fetch-feed" if queue == "feeds" else "send-email",
        priority=Priority.NORMAL,
        payload=json.dumps(
            {"to": f"user-{number}@example.com", "template": "welcome", "lang": "en"}
        ).encode(),
        attempts=4 if state is State.DEAD else 1 if failed or state is State.RUNNING else 0,
        enqueued_at=now - timedelta(seconds=20 + number * 7),
        due_at=now + timedelta(seconds=number) if state is State.SCHEDULED else None,
        died_at=now - timedelta(seconds=number * 3) if state is State.DEAD else None,
        worker="a1b2c3" if state is State.RUNNING else None,
        error=Failure(kind, message, TRACEBACK, fingerprint) if failed else None,
    )


def list_jobs(queue: str, state: State, **_: Any) -> Page:
    """A page of 40 jobs."""
    return Page(tuple(job(queue, state, number) for number in range(min(40, AMONG[state]))), "", 40)


SAID: Final = JobNotes(
    0.42, "page 21 of 50", 4, START + timedelta(seconds=80),
    tuple(LogLine(n, 4, START + timedelta(seconds=76 + n), f"fetched page {20 + n - 3}") for n in (3, 4)), 2,
)  # fmt: skip


def inspect(ref: JobRef) -> JobDetail:
    """One of them."""
    number = (int(ref.id[1:].partition("-")[0]) - 1767614000000) // 1000
    return replace(job(ref.queue, State.DEAD, number), notes=SAID)


def group_failures(queue: str, *_: Any, **__: Any) -> Any:
    """The dead jobs of three causes."""
    from taskq_core.listing import GroupPage

    now = START + timedelta(seconds=LAST)
    groups = [
        FailureGroup(
            fingerprint, 1_204 // (n + 1), "fetch-feed", kind, message, now - timedelta(hours=2 + n),
            now - timedelta(seconds=3 + 40 * n), JobRef(queue, "n1767614000000-0"), (queue,),
        )
        for n, (kind, message, fingerprint) in enumerate(CAUSES)
    ]  # fmt: skip
    return GroupPage(tuple(groups) if queue == "feeds" else (), "", 1_204)


def latest(queue: str, **_: Any) -> list[FailedAttempt]:
    """The latest failed attempts."""
    return [failure for failure in failures(LAST) if failure.queue == queue]


def held(queue: str, worker: str, **_: Any) -> Sequence[HeldJob]:
    """Two jobs are in the hands of a worker of emails."""
    return [
        HeldJob(
            JobRef(queue, f"n{1767614000000 + n}-0"), "fetch-feed", Priority.NORMAL, timedelta(seconds=n), 1
        )
        for n in (40, 95)
        if worker == "a1b2c3"
    ]


def notes(queue: str, ids: Sequence[str], **_: Any) -> Sequence[JobNotes | None]:
    """The first one has said how far it is."""
    return [JobNotes(0.42, "page 21 of 50"), *[None] * (len(ids) - 1)]


def schedule(name: str, queue: str, spec: str, **about: Any) -> ScheduleInfo:
    """A schedule that fired a minute ago."""
    now = START + timedelta(seconds=LAST)
    due = now - timedelta(seconds=60)
    run = ScheduledRun(due, due + timedelta(milliseconds=40), "fired", JobRef(queue, "n1767614000000-0"))
    known: dict[str, Any] = {
        "code": True, "paused": False, "next_at": now + timedelta(seconds=95), "fired": 812, "missed": 0,
        "skipped": 0, "at": now, "runs": (run,),
    }  # fmt: skip
    return ScheduleInfo(ScheduleRef(queue, name), Schedule(name, spec, "fetch-feed"), **(known | about))


SCHEDULES: Final = (
    schedule("fetch", "feeds", "*/5 * * * *", skipped=3),
    schedule("nightly", "reports", "30 2 * * *", code=False, missed=2),
    schedule("beat", "emails", "every 30s", code=False, paused=True, next_at=None),
    schedule("late", "emails", "@hourly", code=False, next_at=START, runs=()),
)


def tenants(queue: str, *_: Any) -> tuple[TenantInfo, ...]:
    """Five of them, each in a state of its own."""

    def tenant(name: str, ready: int, running: int, limits: TenantLimits, **about: Any) -> TenantInfo:
        return TenantInfo(queue, name, limits, {Priority.NORMAL: ready}, running, **about)

    return (
        tenant("acme", 12_000, 5, TenantLimits(weight=3), done=81_234),
        tenant("beta", 640, 2, TenantLimits(max_running=2, max_waiting=10_000), done=912, held=True),
        tenant("gamma", 118, 0, TenantLimits(rate=Rate.parse("50/h")), done=40, held=True),
        tenant("delta", 43, 1, TenantLimits(paused=True), done=7),
        tenant("epsilon", 0, 0, TenantLimits(max_running=10)),
    )


def groups(queue: str, **_: Any) -> list[GroupInfo]:
    """One that runs, one with dead members, one that grows and one that ended a minute ago."""
    now = START + timedelta(seconds=LAST)
    since = now - timedelta(minutes=12)
    ended = GroupInfo(
        GroupRef(queue, "night-1"), 40, 40, callback="report", job=JobRef(queue, "n1767614000000-0"),
        created_at=since, finished_at=now - timedelta(seconds=60),
    )  # fmt: skip
    return [
        GroupInfo(
            GroupRef(queue, "import-42"), 900, 250, expected=1_000, callback="report", created_at=since
        ),
        GroupInfo(GroupRef(queue, "import-43"), 200, 190, 2, 1, callback="report", created_at=since),
        GroupInfo(GroupRef(queue, "pages"), 12, 7, open=True, created_at=now - timedelta(seconds=8)),
        ended,
    ]


INFO: Final = {
    "server_name": "valkey", "redis_version": "7.2.4", "role": "master", "uptime_in_seconds": "864000",
    "connected_clients": "41", "blocked_clients": "6", "instantaneous_ops_per_sec": "2210",
    "instantaneous_input_kbps": "310.2", "instantaneous_output_kbps": "198.4", "used_memory_peak": "62914560",
    "mem_fragmentation_ratio": "1.08", "aof_enabled": "1", "aof_last_write_status": "ok",
    "rdb_last_bgsave_status": "ok", "evicted_keys": "0", "rejected_connections": "0",
}  # fmt: skip

ANSWERS: Final[dict[str, Any]] = {
    "list_jobs": list_jobs,
    "inspect": inspect,
    "group_failures": group_failures,
    "failures": latest,
    "held": held,
    "notes": notes,
    "info": INFO,
    "follow": [],
    "schedules": SCHEDULES,
    "tenants": tenants,
    "groups": groups,
}
