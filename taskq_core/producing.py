"""What `Client` produces jobs with; `async_producing` is its twin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from taskq_core.calling import Caller
from taskq_core.client_state import Payload, so_far
from taskq_core.commands import produce
from taskq_core.errors import (
    AccessDenied,
    NotDurable,
    QueueFull,
    Refused,
    ServerFull,
    ServerUnreachable,
    TaskqError,
)
from taskq_core.job import DEFAULT_OPTIONS, Change, JobDetail, JobOptions, NewJob, Receipt, Receipts
from taskq_core.keys import QueueKeys
from taskq_core.late import LateModule

if TYPE_CHECKING:
    from taskq_core import durability
    from taskq_core.commands import moving, operate, room
    from taskq_core.durability import Proof
else:  # a command that enqueues one job needs none of them
    durability = LateModule("taskq_core.durability")
    moving = LateModule("taskq_core.commands.moving")
    operate = LateModule("taskq_core.commands.operate")
    room = LateModule("taskq_core.commands.room")


class Producing(Caller):
    """Adds jobs."""

    rest: Callable[[float], object] = staticmethod(time.sleep)
    """Rests for so many seconds while a call waits for room. One that returns True ends the wait."""

    def enqueue(  # noqa: PLR0913 - named options of the public API
        self,
        queue: str,
        task: str,
        payload: Payload,
        options: JobOptions = DEFAULT_OPTIONS,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
    ) -> Receipt:
        """Adds one job. ``durable``: returns when it is on disk or on a replica, as the server has them.

        ``wait_for_room``: how long to wait for room when the queue, or the server, is full, before the
        error is raised.

        Raises: InvalidPayload, InvalidName, QueueFull, ServerFull, ServerUnreachable; with ``durable`` also
        NotDurable, and Refused before anything is sent to a server that cannot tell.
        """
        groups = self.single(task, payload, options)
        return self._enqueue(queue, groups, durable=durable, within=wait_for_room)[0]

    def enqueue_many(  # noqa: PLR0913 - named options of the public API
        self,
        queue: str,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions = DEFAULT_OPTIONS,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
    ) -> Receipts:
        """Adds jobs that share task and options, in batches of 1,000: each batch whole or not at all.

        With ``wait_for_room`` a batch is cut into what fits, and the span counts anew whenever some did. The
        ``receipts`` of a `Refused` are those of the jobs that were added before.
        """
        parts: list[Receipts] = []
        for batch in self.checked(payloads):
            try:
                group = produce.Group(task, batch, options)
                within = wait_for_room
                parts.append(self._enqueue(queue, [group], durable=durable, within=within, whole=False))
            except (NotDurable, Refused) as error:
                error.receipts = so_far(queue, parts, error)
                raise
        return Receipts.joined(queue, parts)

    def enqueue_jobs(
        self,
        queue: str,
        jobs: Sequence[NewJob],
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
    ) -> Receipts:
        """Adds up to 1,000 jobs with tasks and options of their own, in order: all or none."""
        groups = produce.groups_of(jobs, self.payload_limit)
        return self._enqueue(queue, groups, durable=durable, within=wait_for_room)

    def _enqueue(
        self,
        queue: str,
        groups: Sequence[produce.Group],
        *,
        durable: bool,
        within: timedelta | None = None,
        whole: bool = True,
    ) -> Receipts:
        if within is not None:
            waiting = room.Waiting(self.keys(queue), groups, within, whole=whole)
            return self._when_room(queue, waiting, durable=durable)
        try:
            receipts = self._add(queue, groups, durable=durable)
        except TaskqError as error:
            self._count_refused(queue, groups, error)
            raise
        self._count(queue, groups, receipts)
        return receipts

    def _when_room(self, queue: str, waiting: room.Waiting, *, durable: bool) -> Receipts:
        parts: list[Receipts] = []
        try:
            while waiting.groups:
                if pause := waiting.pause():
                    if self.rest(pause):
                        waiting.give_up()
                    else:
                        waiting.take(self.run(waiting.look(), queue))
                    continue
                groups = waiting.portion()
                try:
                    parts.append(self._add(queue, groups, durable=durable))
                except (QueueFull, ServerFull) as error:
                    waiting.refused(error)
                else:
                    self._count(queue, groups, parts[-1])
                    waiting.sent()
        except TaskqError as error:
            self._count_refused(queue, waiting.groups, error)
            if isinstance(error, (NotDurable, Refused)):
                error.receipts = so_far(queue, parts, error)
            raise
        return Receipts.joined(queue, parts)

    def _add(self, queue: str, groups: Sequence[produce.Group], *, durable: bool) -> Receipts:
        keys = self.keys(queue)
        self._announce(queue)
        proof = self._proof(keys) if durable else None
        producer = self.take_session()
        command = produce.enqueue(keys, groups, producer.id, producer.number)
        if proof is not None:
            command = durability.proven(command, keys.producer(producer.id), proof, self.url, self.deadline)
        try:
            receipts = self.run(command, queue)
        except ServerUnreachable:
            raise
        except Exception:
            self.idle.append(producer)
            raise
        self.idle.append(producer)
        return receipts

    def _proof(self, keys: QueueKeys) -> Proof:
        try:
            return durability.proof_of(self._ask(durability.look(keys)))
        except AccessDenied:  # INFO tells of other tenants
            found = durability.attempted(self._replies(durability.attempt(keys)))
            if found is None:
                raise
            return found

    def _announce(self, queue: str) -> None:
        if queue not in self.announced:
            self.run(operate.announce(self.namespace, queue))
            self.announced.add(queue)

    def import_jobs(self, queue: str, jobs: Sequence[JobDetail]) -> list[Change]:
        """Brings up to 250 jobs of another place into a queue, under their own ids and in their states.

        A job that is here already, or was imported in the last 24 hours, is left alone: a call, and a
        whole import, may be repeated. Running jobs come as ready ones. ``found`` says why one was not
        added: ``known``, or ``taken`` by another job. Raises: InvalidName, InvalidOption,
        InvalidPayload, QueueFull, QueueDraining, ServerFull, ServerUnreachable.
        """
        command = moving.import_jobs(self.keys(queue), jobs)
        self._announce(queue)
        return self.run(command, queue)
