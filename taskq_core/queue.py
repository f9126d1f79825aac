"""`TaskQueue`: what applications use. It holds the tasks of a queue, adds jobs, and runs workers."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Concatenate, Protocol, TypeVar, cast, overload

from taskq_core import config
from taskq_core.async_client import AsyncClient
from taskq_core.backoff import Backoff
from taskq_core.claimed import Job
from taskq_core.client import Client
from taskq_core.codec import check_payload
from taskq_core.declaring import add_to, declare, handler_of
from taskq_core.errors import InvalidOption, UsageError
from taskq_core.group import NewGroup, When, whole_group
from taskq_core.job import JobOptions, NewJob, Receipt, Receipts
from taskq_core.keys import queue_keys
from taskq_core.members import GroupFilling
from taskq_core.names import check_namespace, check_queue, check_task
from taskq_core.schedule import Schedule
from taskq_core.server import LocalServer
from taskq_core.task import Handler, P, Policy, R, Task, job_options
from taskq_core.timetable import span_text, timetable
from taskq_core.worker.loop import run
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.signals import run_until_done, run_until_signal
from taskq_core.worker.tenure import Subscription
from taskq_core.worker.worker import Worker

F = TypeVar("F", bound=Callable[..., Any])
Payload = Mapping[str, Any] | bytes | str


class Registrar(Protocol):
    """What turns a function into a `Task`, with the arguments of the function but for the job."""

    @overload
    def __call__(self, function: Callable[Concatenate[Job, P], R]) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Task[P, R]: ...


class TaskQueue:
    """A queue by name, with its tasks.

        queue = TaskQueue("emails", redis="redis://localhost:6379", concurrency=10, retries=3)

        @queue.task(timeout=timedelta(seconds=30))
        async def welcome(to: str) -> None: ...

        await welcome.add("user@example.com")     # in a coroutine
        welcome.add_sync("user@example.com")      # in plain code

    Without ``redis`` the server is the one in ``TASKQ_REDIS_URL``, or else the local server, which is
    started when it is first needed. Making a queue connects to nothing. ``retries``, ``backoff`` and
    ``timeout`` hold for jobs whose task and own options say nothing else.
    """

    def __init__(  # noqa: PLR0913 - named options of the public API
        self,
        name: str,
        *,
        redis: str | None = None,
        namespace: str | None = None,
        concurrency: int = config.CONCURRENCY,
        retries: int = config.RETRIES,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
    ) -> None:
        self.name = check_queue(name)
        self.namespace = check_namespace(
            namespace or os.environ.get("TASKQ_NAMESPACE") or config.DEFAULT_NAMESPACE
        )
        if not 1 <= concurrency <= 10_000:
            raise InvalidOption(f"concurrency must be between 1 and 10000, not {concurrency}")
        self.concurrency = concurrency
        self.policy = Policy(retries, backoff, timeout)
        self.handlers: dict[str, Handler] = {}
        self.schedules: dict[str, Schedule] = {}
        self._url = redis
        self._client: Client | None = None
        self._async_client: tuple[asyncio.AbstractEventLoop, AsyncClient] | None = None

    def __repr__(self) -> str:
        return f"TaskQueue({self.name!r}, namespace={self.namespace!r})"

    @property
    def url(self) -> str:
        """The server's URL; starts the local server when no other one is named."""
        if self._url is None:
            self._url = os.environ.get("TASKQ_REDIS_URL") or None
        if self._url is None:
            local = LocalServer()
            local.ensure()
            self._url = local.url
        return self._url

    # -- tasks ----------------------------------------------------------------------------

    def process(
        self,
        name: str,
        *,
        retries: int | None = None,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
    ) -> Callable[[F], F]:
        """Registers a function that takes the `Job`; it may be async or plain. Raises: InvalidName."""

        def register(function: F) -> F:
            self._register(
                Handler(check_task(name), function, Policy(retries, backoff, timeout), typed=False)
            )
            return function

        return register

    def task(
        self,
        *,
        name: str | None = None,
        retries: int | None = None,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
    ) -> Registrar:
        """Registers a function with typed arguments, under its own name or another.

        Payloads are checked against its signature before they are sent and before they are run. A
        first parameter annotated `Job` receives the job. Raises: InvalidName, InvalidOption.
        """

        def register(function: Callable[..., R]) -> Task[..., R]:
            handler = Handler(
                check_task(name or function.__name__), function, Policy(retries, backoff, timeout), typed=True
            )
            self._register(handler)
            return Task(self, handler, function)

        return cast(Registrar, register)  # mypy does not match a function with an overloaded protocol

    def cron(
        self, line: str, *, name: str | None = None, payload: Payload | None = None, **fields: Any
    ) -> Callable[[F], F]:
        """Runs a task at the times of a cron line, such as `*/5 * * * *`; ``tz`` names its time zone.

            @queue.cron("30 2 * * *", tz="Europe/Berlin")
            @queue.process("clean-up")
            async def clean_up(job): ...          # job.due is the time it was made for

        It stands above ``process`` or ``task``; a bare function becomes a task of its name. Workers declare
        the schedule when they start. ``name``: the task's, if not given. ``fields``: those of `Schedule`
        (``missed``, ``overlap``, ``grace``, ``jitter``) and of `JobOptions`. Raises: InvalidName,
        InvalidOption, InvalidPayload.
        """
        return self._schedule(line, {"name": name, "payload": payload, **fields})

    def every(
        self, span: str | timedelta, *, name: str | None = None, payload: Payload | None = None, **fields: Any
    ) -> Callable[[F], F]:
        """Runs a task each time a span has passed, such as `30s`; otherwise as `cron`."""
        return self._schedule(f"every {span_text(span)}", {"name": name, "payload": payload, **fields})

    def _schedule(self, spec: str, fields: Mapping[str, Any]) -> Callable[[F], F]:
        timetable(spec, fields.get("tz", "UTC"))  # a wrong line is refused where it stands

        def register(function: F) -> F:
            handler = handler_of(self.handlers, function)
            if handler is None:
                handler = Handler(check_task(function.__name__), function, Policy(), typed=True)
                self._register(handler)
            add_to(self.schedules, declare(handler, spec, fields), self.name)
            return function

        return register

    def _register(self, handler: Handler) -> None:
        if handler.name in self.handlers:
            raise InvalidOption(f"task {handler.name!r} is registered twice in queue {self.name!r}")
        self.handlers[handler.name] = handler

    def serving(self, more: Mapping[str, Handler]) -> TaskQueue:
        """A queue like this one that serves more tasks; this one stays as it is.

        Raises: UsageError for a task that it has already.
        """
        twice = self.handlers.keys() & more.keys()
        if twice:
            raise UsageError(f"task {min(twice)!r} is registered twice in queue {self.name!r}")
        if not more:
            return self
        queue = copy.copy(self)
        queue.handlers = {**self.handlers, **more}
        return queue

    # -- adding jobs ------------------------------------------------------------------------

    async def add(
        self,
        task: str,
        payload: Payload,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        **fields: Any,
    ) -> Receipt:
        """Adds one job. ``fields`` are those of `JobOptions`: ``delay``, ``priority``, ``unique`` …

        ``durable``: returns when the job is on disk or on a replica, see `Client.enqueue`. Raises:
        InvalidPayload, InvalidName, InvalidOption, QueueFull, ServerFull, ServerUnreachable, NotDurable.
        """
        raw = self._checked(task, payload)
        chosen = options or job_options(fields)
        return await self.async_client.enqueue(self.name, task, raw, chosen, durable=durable)

    def add_sync(
        self,
        task: str,
        payload: Payload,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        **fields: Any,
    ) -> Receipt:
        """As `add`, from plain code."""
        raw = self._checked(task, payload)
        chosen = options or job_options(fields)
        return self.client.enqueue(self.name, task, raw, chosen, durable=durable)

    async def add_many(
        self,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions | None = None,
        *,
        callback: NewJob | None = None,
        when: When | str = When.DONE,
        durable: bool = False,
        **fields: Any,
    ) -> Receipts:
        """Adds many jobs of one task, 1,000 a call; each call's jobs are added all or none.

        When a payload is refused, the calls before its own have been made. With ``group`` and ``callback`` they are
        a group of their own, and nothing else: the callback runs once all are done, or, by ``when="ended"``, have
        ended in any way. Raises: Refused where there is a group of that id; else as `add`.
        """
        checked = self._all_checked(task, payloads)
        chosen = options or job_options(fields)
        client = self.async_client
        if callback is not None:
            checked = list(checked)
            group = whole_group(chosen, callback, when, len(checked))
            ref = await client.groups.open(self.name, group)
            if not checked:
                await client.groups.seal(ref)
        return await client.enqueue_many(self.name, task, checked, chosen, durable=durable)

    def add_many_sync(
        self,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions | None = None,
        *,
        callback: NewJob | None = None,
        when: When | str = When.DONE,
        durable: bool = False,
        **fields: Any,
    ) -> Receipts:
        """As `add_many`, from plain code."""
        checked = self._all_checked(task, payloads)
        chosen = options or job_options(fields)
        client = self.client
        if callback is not None:
            checked = list(checked)
            group = whole_group(chosen, callback, when, len(checked))
            ref = client.groups.open(self.name, group)
            if not checked:
                client.groups.seal(ref)
        return client.enqueue_many(self.name, task, checked, chosen, durable=durable)

    async def chain(self, first: NewJob, *later: NewJob) -> Receipt:
        """Enqueues jobs that run one after the other: each when the one before it is done.

        `Job.previous` is what the one before it returned. The receipt is that of the first. One that dies holds
        the chain up until it is retried; one that is cancelled ends it. Raises: as `add`.
        """
        return await self.add(first.task, first.payload, replace(first.options, then=later))

    def chain_sync(self, first: NewJob, *later: NewJob) -> Receipt:
        """As `chain`, from plain code."""
        return self.add_sync(first.task, first.payload, replace(first.options, then=later))

    def group(
        self, group: str, *, callback: NewJob | None = None, when: When | str = When.DONE, **fields: Any
    ) -> GroupFilling:
        """A group to be filled: ``async with queue.group("import-42", callback=...) as group``, or ``with``.

        It is sealed at the end of the block. ``callback`` is enqueued once, when all members are done or, by
        ``when="ended"``, have ended in any way. ``fields``: those of `NewGroup`. Raises: InvalidName, InvalidOption.
        """
        return GroupFilling(self, NewGroup(group, callback, when, **fields))

    def _all_checked(self, task: str, payloads: Iterable[Payload]) -> Iterable[Payload]:
        handler = self.handlers.get(task)
        if handler is None or handler.check is None:
            return payloads
        return (self._checked(task, payload) for payload in payloads)

    def _checked(self, task: str, payload: Payload) -> Payload:
        handler = self.handlers.get(task)
        if handler is None or handler.check is None:
            return payload
        raw = check_payload(payload)
        handler.check(raw)
        return raw

    # -- connections --------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """The sync client of this queue's server and namespace."""
        if self._client is None:
            self._client = Client(self.url, namespace=self.namespace)
        return self._client

    @property
    def async_client(self) -> AsyncClient:
        """The async client of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._async_client is None or self._async_client[0] is not loop:
            self._async_client = (loop, AsyncClient(self.url, namespace=self.namespace))
        return self._async_client[1]

    async def close(self) -> None:
        """Closes the connections of this event loop, and the sync ones."""
        if self._async_client is not None and self._async_client[0] is asyncio.get_running_loop():
            await self._async_client[1].close()
            self._async_client = None
        self.close_sync()

    def close_sync(self) -> None:
        """Closes the sync connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- working ------------------------------------------------------------------------------

    async def work(self, options: WorkerOptions | None = None) -> Worker:
        """Serves this queue in the running event loop until it is stopped or has come to its end.

        Returns the worker, with its counts. Cancelling the call stops the worker in good order; a second
        time ends it at once, and its jobs are taken over as after a crash.
        """
        worker = make_worker([self], options or WorkerOptions())
        await run_until_done(worker)
        return worker

    def run(self, options: WorkerOptions | None = None) -> Worker:
        """Serves this queue in this process until SIGTERM or SIGINT; a second signal ends at once."""
        worker = make_worker([self], options or WorkerOptions())
        run(run_until_signal(worker))
        return worker


def make_worker(queues: Sequence[TaskQueue], options: WorkerOptions) -> Worker:
    """A worker for queues of one server and namespace. Raises: UsageError."""
    first = queues[0]
    for queue in queues:
        if (queue.url, queue.namespace) != (first.url, first.namespace):
            raise UsageError("the queues of a worker share one server and namespace")
    names = [queue.name for queue in queues]
    if len(set(names)) != len(names):
        raise UsageError(f"a queue is named twice: {', '.join(sorted(names))}")
    subscriptions = [
        Subscription(
            queue_keys(queue.namespace, queue.name),
            {name.encode(): handler for name, handler in queue.handlers.items()},
            queue.policy,
            tuple(queue.schedules.values()),
        )
        for queue in queues
    ]
    return Worker(first.url, first.namespace, subscriptions, options, max(q.concurrency for q in queues))
