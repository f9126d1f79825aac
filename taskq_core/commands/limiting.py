"""What is asked of the server about limits: how they stand, and that what they count is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from taskq_core.clock import moment
from taskq_core.command import Command, score_ms, text
from taskq_core.keys import QueueKeys
from taskq_core.limits import GateInfo, Gates
from taskq_core.names import check_job_id
from taskq_core.rates import Rate
from taskq_core.scripts import script

MOST_GATES: Final = 100
_OF: Final = {"q": "queue", "t": "task", "k": "key"}


def gates(keys: QueueKeys, job_id: str = "", most: int = MOST_GATES) -> Command[Gates]:
    """The limits of a queue, or those that one of its jobs is under. Raises: InvalidName."""
    names = [*keys.streams, keys.meta, keys.places, keys.running, keys.opens, keys.tat, keys.moved]

    def read(reply: Any) -> Gates:
        now, us, held, running, rows = reply
        found = tuple(_gate(keys.queue, int(now), int(us), row) for row in rows)
        return Gates(moment(int(now)), int(held), int(running), found)

    return Command(script("list_gates"), names, [job_id and check_job_id(job_id), most], read)


def _gate(queue: str, now: int, us: int, row: Sequence[Any]) -> GateInfo:
    gate, stored, most, running, held, _, tat, job = row
    kind, _, name = text(gate).partition(":")
    rate = Rate.read(text(stored)) if text(stored) else None
    may, wait_us = _standing(rate, us, score_ms(tat) if text(tat) else 0)
    limit = text(most)
    number = int(limit) if limit.isascii() and limit.isdigit() else None
    opens_in = timedelta(microseconds=wait_us) if wait_us else None
    return GateInfo(
        _OF.get(kind, "key"), name or queue, rate, number, int(running), int(held), may, opens_in,
        text(job) or None,
    )  # fmt: skip


def _standing(rate: Rate | None, us: int, tat: int) -> tuple[int | None, int]:
    """How many may start, and µs until one may: the same sum as in the claim (lua/parts/gcra.lua)."""
    if rate is None:
        return None, 0
    full = us + rate.gap_us * rate.burst
    due = min(max(tat, us), full)
    return math.floor((full - due) / rate.gap_us), max(0, due + rate.gap_us - full)


class Tidied(NamedTuple):
    """What was put right: places freed, counts mended, held jobs given back, gates to be looked at again.

    ``look``: what the next call is told, so that a queue that needs no looking after is known by two.
    """

    freed: int
    mended: int
    lost: int
    reminded: int
    look: str


def tidy(keys: QueueKeys, look: str = "", places: int = 1_000, held: int = 100) -> Command[Tidied]:
    """A bounded look whether limits and tenants are counted right; what is wrong is put right."""

    def read(reply: Any) -> Tidied:
        freed, mended, lost, reminded = map(int, reply[:4])
        return Tidied(freed, mended, lost, reminded, text(reply[4]))

    return Command(script("tidy"), [*keys.streams, keys.meta], [places, held, look], read)
