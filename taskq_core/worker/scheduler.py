"""Fires the schedules of a queue. Every worker may, so there is no leader to lose.

The worker that holds the maintainer's lock fires at the due time; the others only what is a second late, so
that a hundred workers do not ask all at once. Whoever comes, the script lets one of them enqueue each time.
"""

from __future__ import annotations

import logging

from taskq_core import config
from taskq_core.commands import scheduling
from taskq_core.commands.scheduling import DueSchedule, Stays
from taskq_core.commands.work import Watch
from taskq_core.errors import TaskqError
from taskq_core.schedule import Overlap
from taskq_core.worker.context import Context
from taskq_core.worker.tenure import Subscription, Tenure
from taskq_core.worker.trouble import Trouble

log = logging.getLogger("taskq.worker")


class Scheduler:
    """Declares the schedules of this worker's code, and fires what is due in one queue."""

    def __init__(self, context: Context, subscription: Subscription) -> None:
        self._client = context.client
        self._subscription = subscription
        self._declared: Tenure | None = None
        self._begun = False
        name = subscription.keys.queue
        self._declaring = Trouble(f"declaring the schedules of queue {name}")
        self._firing = Trouble(f"firing the schedules of queue {name}")

    async def look(self, seen: Watch) -> None:
        """Does what is to be done now. Its errors are its own: upkeep goes on."""
        try:
            await self._declare(seen.now)
            self._declaring.over()
        except TaskqError as error:
            self._declaring.note(error)
        late = self._late(seen)
        if late is None or late < (0 if seen.leads else config.STAND_IN_MS):
            return
        try:
            await self._fire_due()
            self._firing.over()
        except TaskqError as error:
            self._firing.note(error)

    def until_next(self, seen: Watch) -> float | None:
        """Seconds until the next schedule is due, for the one worker that fires it then."""
        late = self._late(seen)
        return None if late is None or late >= 0 or not seen.leads else -late / 1000

    @staticmethod
    def _late(seen: Watch) -> int | None:
        return None if seen.next_fire is None else seen.now - seen.next_fire

    # -- code -------------------------------------------------------------------------------------

    async def _declare(self, now: int) -> None:
        tenure = self._subscription.tenure
        if self._declared is tenure or not self._subscription.schedules:
            return
        # later, after a lost lease: another version of the code may have spoken meanwhile
        stays = Stays.WHATEVER if self._begun else Stays.BY_HAND
        keys = self._subscription.keys
        for schedule in self._subscription.schedules:
            found = await self._client.run(scheduling.add(keys, schedule, now, stays), keys.queue)
            if found in ("taken", "full"):
                log.error("queue %s: schedule %s is not declared: %s", keys.queue, schedule.name, _WHY[found])
            elif found != "unchanged":
                log.info("queue %s: schedule %s %s", keys.queue, schedule.name, found)
        self._declared, self._begun = tenure, True

    # -- firing -----------------------------------------------------------------------------------

    async def _fire_due(self) -> None:
        keys = self._subscription.keys
        now, rows = await self._client.run(scheduling.list_due(keys))
        fault: TaskqError | None = None
        for row in rows:
            try:
                await self._fire(row, now)
            except TaskqError as error:  # such as a payload that does not fit any more: the others go on
                fault = error
        if fault is not None:
            raise fault

    async def _fire(self, row: DueSchedule, now: int) -> None:
        keys = self._subscription.keys
        if row.about is None:
            await self._client.run(scheduling.pause(keys, row.raw_name))
            log.error("queue %s: schedule %.80r cannot be read, so it is paused", keys.queue, row.name)
            return
        last = row.cancels
        for firing in scheduling.firings(row, now):
            if last and firing.due is not None:
                # before the next one is there: whoever comes after a crash just here does both
                await self._client.cancel(keys.queue, [last])
            state, job = await self._client.run(scheduling.fire(keys, row, firing), keys.queue)
            if state == "passed":
                return
            last = job if row.about.overlap == Overlap.CANCEL_PREVIOUS else ""
            if firing.missed:
                log.warning("queue %s: schedule %s missed %d runs", keys.queue, row.name, firing.missed)


_WHY = {
    "taken": "one that was added by hand has its name",
    "full": f"the queue has {config.MAX_SCHEDULES} already",
}
