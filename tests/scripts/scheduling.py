"""Schedule `s` of the rig's queue: kept, made due, and fired as a worker does it."""

from __future__ import annotations

from typing import Any

from taskq_core import Schedule, ScheduleInfo, ScheduleRef
from taskq_core.commands import scheduling
from taskq_core.commands.scheduling import DueSchedule
from tests.scripts.rig import Rig

REF = ScheduleRef("q", "s")
HOUR_MS = 3_600_000


def schedule(spec: str = "every 1h", **fields: Any) -> Schedule:
    return Schedule(
        fields.pop("name", "s"), spec, fields.pop("task", "t"), fields.pop("payload", {"n": 1}), **fields
    )


def kept(rig: Rig, spec: str = "every 1h", **fields: Any) -> Schedule:
    made = schedule(spec, **fields)
    assert rig.client.schedules.add("q", made) == "created"
    return made


def info(rig: Rig) -> ScheduleInfo:
    return rig.client.schedules.get(REF)


def make_due(rig: Rig, late_ms: int = 0, name: str = "s") -> int:
    """Moves the next time into the past; the time that is stored then."""
    now = rig.run(scheduling.list_due(rig.keys))[0]
    due = (now - late_ms) // HOUR_MS * HOUR_MS if late_ms >= HOUR_MS else now - late_ms
    assert rig.raw.zadd(rig.keys.schedule_times, {name: due}, xx=True, ch=True) == 1
    return due


def look(rig: Rig) -> tuple[int, DueSchedule]:
    now, (row,) = rig.run(scheduling.list_due(rig.keys))
    return now, row


def fire_all(rig: Rig) -> list[str]:
    """What a worker does: the states of all its steps."""
    now, row = look(rig)
    return [rig.run(scheduling.fire(rig.keys, row, step))[0] for step in scheduling.firings(row, now)]
