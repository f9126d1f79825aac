"""What operators look at beside jobs and queues: workers, the place of a job, what does not add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from taskq_core.clock import moment
from taskq_core.codec import PLAIN, decode_meta
from taskq_core.command import Command, pairs, text
from taskq_core.errors import InvalidPayload
from taskq_core.job import Priority
from taskq_core.keys import IDLE, ORPHAN, QueueKeys, stream_id
from taskq_core.names import JobRef, check_job_id
from taskq_core.scripts import script
from taskq_core.sighting import Audit, HeldJob, Holder, Place, Probe

PLACE_STEP: Final = 1_000
"""Jobs that one step counts: a look at 1,000 small ones keeps the server busy for about a millisecond."""
PLACE_STEPS: Final = 500
"""Large jobs are few a step: then this ends the count."""
AUDITED: Final = 1_000


def held(keys: QueueKeys, worker: str, most: int) -> Command[list[HeldJob]]:
    """The jobs in a worker's hands, at most so many of each level."""

    def read(reply: Any) -> list[HeldJob]:
        return [_held_job(keys.queue, *row) for row in reply]

    return Command(script("list_held"), keys.streams, [worker, most], read)


def _held_job(  # noqa: PLR0913 - the row of a reply
    queue: str, stream: bytes, entry: bytes, task: bytes, options: bytes, idle: int, deliveries: int
) -> HeldJob:
    try:
        meta = decode_meta(options) if options else PLAIN
    except InvalidPayload:
        meta = PLAIN
    ref = JobRef(queue, meta.id or stream_id(text(stream), text(entry)))
    return HeldJob(
        ref,
        text(task),
        Priority.of_letter(text(stream)[0]),
        timedelta(milliseconds=int(idle)),
        int(deliveries),
    )


def place(keys: QueueKeys, job_id: str, worker: str, after: str) -> Command[tuple[Place | None, str]]:
    """A step of finding a job's place, and the entry id to go on after, "" at the end. None: it is gone."""
    names = [*keys.streams, keys.moved, keys.leases, keys.revoked, keys.told(worker or ORPHAN)]

    def read(reply: Any) -> tuple[Place | None, str]:
        kind = text(reply[0])
        if kind == "held":
            return _held(reply, job_id), ""
        if kind == "gone":
            return None, ""
        _, stream, counted, follow, orphans = reply
        priority = Priority.of_letter(text(stream)[0])
        # what was given back goes first; it is the same number in every step
        return Place(moment(0), priority, int(counted) + (0 if after else int(orphans))), text(follow)

    return Command(script("place"), names, [check_job_id(job_id), after, PLACE_STEP, worker], read)


class PlaceSearch:
    """The steps that find a job's place: a command, its answer, and so on until there is none."""

    def __init__(self, keys: QueueKeys, job_id: str, worker: str, most: int) -> None:
        self._keys, self._id, self._worker, self._most = keys, job_id, worker, most
        self._after: str | None = ""
        self._counted = self._steps = 0
        self.found: Place | None = None

    def command(self) -> Command[tuple[Place | None, str]] | None:
        """The next step, or None at the end."""
        return None if self._after is None else place(self._keys, self._id, self._worker, self._after)

    def take(self, step: tuple[Place | None, str]) -> None:
        """Takes the answer of a step."""
        self.found, self._after = step[0], step[1] or None
        if self.found is None:
            return
        self._counted += self.found.ahead
        self._steps += 1
        enough = self._counted >= self._most or self._steps >= PLACE_STEPS
        more = self._after is not None and enough
        if more:
            self._after = None
        self.found = replace(self.found, ahead=self._counted, more=more)


def _held(reply: Any, job_id: str) -> Place:
    _, stream, owner, idle, deliveries, expiry, revoked, now, orders, before = reply
    priority = Priority.of_letter(text(stream)[0])
    if text(owner) in IDLE:
        return Place(moment(int(now)), priority, int(before), given_back=True, deliveries=int(deliveries))
    holder = Holder(
        text(owner),
        timedelta(milliseconds=int(idle)),
        int(deliveries),
        _moment(expiry),
        bool(revoked),
        any(f'"{job_id}"' in text(order) for order in orders),
    )
    return Place(moment(int(now)), priority, holder=holder, deliveries=int(deliveries))


def _moment(score: Any) -> datetime | None:
    return moment(int(float(text(score)))) if text(score) else None


def audit(keys: QueueKeys) -> Command[Audit]:
    """What does not add up in a queue: a bounded look."""
    names = [
        *keys.streams, keys.leases, keys.revoked, keys.due, keys.jobs, keys.dead, keys.dead_jobs,
    ]  # fmt: skip

    def read(reply: Any) -> Audit:
        now, due, jobs, dead, dead_jobs, no_job, no_record, strays, expired, delivered = reply
        return Audit(
            at=moment(int(now)),
            due=int(due),
            jobs=int(jobs),
            dead=int(dead),
            dead_jobs=int(dead_jobs),
            due_without_job=int(no_job),
            dead_without_record=int(no_record),
            strays=_summed(strays),
            expired={name: moment(int(float(at))) for name, at in pairs(expired).items()},
            delivered=tuple(map(text, delivered)),
        )

    return Command(script("audit"), names, [AUDITED], read)


def _summed(flat: Sequence[Any]) -> dict[str, int]:
    """Entries by consumer: one may hold jobs of several levels."""
    found: dict[str, int] = {}
    it = iter(flat)
    for name, count in zip(it, it, strict=True):
        found[text(name)] = found.get(text(name), 0) + int(count)
    return found


def probe(keys: QueueKeys) -> Command[Probe]:
    """Whether the server takes writes, without writing; and a queue's live workers."""
    return Command(
        script("probe"), [keys.leases], [], lambda reply: Probe(moment(int(reply[0])), int(reply[1]))
    )
