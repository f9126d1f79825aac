"""`Client`, the sync twin: sends commands. Logic is in the builders; `AsyncClient` has the same verbs.

It may be used from several threads at once. A call whose answer is lost is repeated until
the deadline; the scripts see to it that nothing happens twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar

from redis.exceptions import NoScriptError

from taskq_core import config, queries
from taskq_core.client_state import (
    CANCEL_ORDER_MS,
    ClientState,
    Payload,
    cancel_order,
    describe,
    found,
    limits_of,
    read_info,
    reply_timeout,
)
from taskq_core.command import Command, text
from taskq_core.commands import operate, produce, work
from taskq_core.connect import FOREIGN, Patience, connect, translate
from taskq_core.errors import ServerUnreachable
from taskq_core.job import (
    DEFAULT_OPTIONS,
    Change,
    JobDetail,
    JobOptions,
    NewJob,
    Page,
    Receipt,
    Receipts,
    State,
)
from taskq_core.keys import queues_key
from taskq_core.names import JobRef
from taskq_core.snapshot import FailedAttempt, QueueSnapshot, ServerInfo, WorkerInfo
from taskq_core.wire import Wire

T = TypeVar("T")


class Client(ClientState):
    """The sync client. ``deadline``: seconds that a call is repeated while the server does not answer."""

    def __init__(
        self,
        url: str,
        *,
        namespace: str = config.DEFAULT_NAMESPACE,
        deadline: float = config.CALL_DEADLINE_S,
        payload_limit: int = config.MAX_PAYLOAD_BYTES,
    ) -> None:
        super().__init__(url, namespace, deadline, payload_limit)
        self._wire = Wire(connect(url, reply_timeout(deadline)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._wire.close()

    def run(self, command: Command[T], queue: str = "") -> T:
        """Sends a command until it is answered. Raises: ServerUnreachable, ServerError, Refused."""
        return command.parse(self._call(lambda: self._send(command), queue))

    def execute(self, *words: Any) -> Any:
        """Sends a plain Redis command that may be repeated. Raises as `run`."""
        return self._call(lambda: self._wire.call(*words))

    def _send(self, command: Command[Any]) -> Any:
        script = command.script
        try:
            return self._wire.call("EVALSHA", script.sha, len(command.keys), *command.keys, *command.args)
        except NoScriptError:
            return self._wire.call("EVAL", script.source, len(command.keys), *command.keys, *command.args)

    def _call(self, send: Callable[[], Any], queue: str = "") -> Any:
        patience: Patience | None = None
        while True:
            try:
                return send()
            except FOREIGN as error:
                patience = patience or Patience(self.deadline)
                pause = patience.pause(error)
                if pause is None:
                    raise translate(error, self.url, queue) from error
                time.sleep(pause)

    # -- producing ------------------------------------------------------------------------

    def enqueue(
        self, queue: str, task: str, payload: Payload, options: JobOptions = DEFAULT_OPTIONS
    ) -> Receipt:
        """Adds one job. Raises: InvalidPayload, InvalidName, QueueFull, ServerFull, ServerUnreachable."""
        return self._enqueue(queue, self.single(task, payload, options))[0]

    def enqueue_many(
        self, queue: str, task: str, payloads: Iterable[Payload], options: JobOptions = DEFAULT_OPTIONS
    ) -> Receipts:
        """Adds jobs that share task and options, in batches of 1,000: each batch whole or not at all."""
        parts = [
            self._enqueue(queue, [produce.Group(task, batch, options)]) for batch in self.checked(payloads)
        ]
        return Receipts.joined(queue, parts)

    def enqueue_jobs(self, queue: str, jobs: Sequence[NewJob]) -> Receipts:
        """Adds up to 1,000 jobs with tasks and options of their own, in order: all or none."""
        return self._enqueue(queue, produce.groups_of(jobs, self.payload_limit))

    def _enqueue(self, queue: str, groups: Sequence[produce.Group]) -> Receipts:
        keys = self.keys(queue)
        if queue not in self.announced:
            self.run(operate.announce(self.namespace, queue))
            self.announced.add(queue)
        producer = self.take_session()
        try:
            receipts = self.run(produce.enqueue(keys, groups, producer.id, producer.number), queue)
        except ServerUnreachable:
            raise
        except Exception:
            self.idle.append(producer)
            raise
        self.idle.append(producer)
        return receipts

    # -- looking ----------------------------------------------------------------------------

    def ping(self) -> ServerInfo:
        """What the server says of itself. Raises: ServerUnreachable, AccessDenied."""
        return read_info(self.execute("INFO"))

    def queues(self) -> list[str]:
        """The names of the namespace's queues, sorted."""
        return sorted(text(name) for name in self.execute("SMEMBERS", queues_key(self.namespace)))

    def inspect(self, ref: JobRef) -> JobDetail:
        """Everything about a job. Raises: NotFound."""
        return found(self.run(queries.inspect(self.keys(ref.queue), ref.id)), ref)

    def list_jobs(self, queue: str, state: State, *, limit: int = 100, cursor: str = "") -> Page:
        """A page of jobs in one state: scheduled, ready, running or dead. Raises: InvalidOption."""
        return self.run(queries.list_jobs(self.keys(queue), state, cursor, limit))

    def snapshot(self, queue: str, minutes: int = 0) -> QueueSnapshot:
        """A queue at one moment, with its last minutes."""
        return self.run(queries.snapshot(self.keys(queue), minutes))

    def snapshots(self, queues: Sequence[str], minutes: int = 0) -> list[QueueSnapshot]:
        """Several queues, one after the other."""
        return [self.snapshot(queue, minutes) for queue in queues]

    def workers(self, queue: str) -> list[WorkerInfo]:
        """The live workers of a queue."""
        keys = self.keys(queue)
        leases = self.run(queries.list_workers(keys))
        return [describe(lease, self.execute("HGETALL", keys.worker(lease.id))) for lease in leases]

    def failures(self, queue: str, *, limit: int = 100) -> list[FailedAttempt]:
        """The latest failed attempts, newest first."""
        entries = self.execute("XREVRANGE", self.keys(queue).failures, "+", "-", "COUNT", limit)
        return [queries.read_failure(entry) for entry in entries]

    # -- operating ----------------------------------------------------------------------------

    def retry(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Dead jobs become ready, scheduled ones due now; at most 1,000 a call."""
        return self.run(operate.retry(self.keys(queue), ids))

    def cancel(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Waiting jobs are removed; the workers of running ones are told to stop them."""
        keys = self.keys(queue)
        cancelled = self.run(operate.cancel(keys, ids))
        for row in cancelled:
            if row.worker:
                self.run(work.tell(keys, row.worker, cancel_order(row.change.ref.id), CANCEL_ORDER_MS))
        return [row.change for row in cancelled]

    def delete(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Dead jobs are removed for good."""
        return self.run(operate.delete(self.keys(queue), ids))

    def purge(
        self, queue: str, state: State, *, older_than: timedelta | None = None, limit: int = 1000
    ) -> int:
        """Removes at most ``limit`` jobs of a state; call until it returns 0."""
        return self.run(operate.purge(self.keys(queue), state, self.before(older_than), limit))

    def pause(self, queue: str) -> bool:
        """Stops claims. True when it was not paused before."""
        return self.run(operate.pause(self.keys(queue)))

    def resume(self, queue: str) -> bool:
        """Lets claims go on. True when it was paused before."""
        return self.run(operate.resume(self.keys(queue)))

    def configure(
        self,
        queue: str,
        *,
        max_jobs: int | None = None,
        dead_max: int | None = None,
        dead_age: timedelta | None = None,
    ) -> None:
        """Sets limits of a queue; 0 goes back to the default. Raises: InvalidOption."""
        self.run(operate.configure(self.keys(queue), limits_of(max_jobs, dead_max, dead_age)))

    def remove(self, queue: str) -> int:
        """Removes a queue with all its jobs, running ones too. Returns how many keys it had."""
        removed = self.run(operate.remove(self.keys(queue)))
        self.execute("SREM", queues_key(self.namespace), queue)
        self.announced.discard(queue)
        return removed
