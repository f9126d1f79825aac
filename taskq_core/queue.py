"""`TaskQueue`: what applications use. It holds the tasks of a queue, adds jobs, and runs workers."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

from taskq_core import config
from taskq_core.adding import Adding
from taskq_core.async_client import AsyncClient
from taskq_core.backoff import Backoff
from taskq_core.client import Client
from taskq_core.declaring import add_to, declare, handler_of
from taskq_core.errors import InvalidOption, UsageError
from taskq_core.keys import queue_keys
from taskq_core.limits import Off, Stored, TaskLimits, declared
from taskq_core.names import check_namespace, check_queue, check_task
from taskq_core.schedule import Schedule
from taskq_core.server import LocalServer
from taskq_core.task import (
    Handler,
    Payload,
    Policy,
    R,
    Registrar,
    Task,
)
from taskq_core.timetable import span_text, timetable
from taskq_core.worker.loop import run
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.signals import run_until_done, run_until_signal
from taskq_core.worker.tenure import Subscription
from taskq_core.worker.worker import Worker

F = TypeVar("F", bound=Callable[..., Any])


class TaskQueue(Adding):
    """A queue by name, with its tasks.

        queue = TaskQueue("emails", redis="redis://localhost:6379", concurrency=10, retries=3)

        @queue.task(timeout=timedelta(seconds=30))
        async def welcome(to: str) -> None: ...

        await welcome.add("user@example.com")     # in a coroutine
        welcome.add_sync("user@example.com")      # in plain code

    Without ``redis`` the server is the one in ``TASKQ_REDIS_URL``, or else the local server, which is
    started when it is first needed. Making a queue connects to nothing. ``retries``, ``backoff`` and
    ``timeout`` hold for jobs whose task and own options say nothing else.

    ``rate``, such as ``100/s``, ``max_running`` and ``key_max_running`` (jobs of one concurrency key) limit
    what all workers together start and run, ``max_jobs`` and ``max_bytes`` what the queue takes. Workers
    declare them when they start; what `taskq queue set` said counts more. None says nothing: what was
    declared stays.
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
        rate: str | None = None,
        max_running: int | Off | None = None,
        key_max_running: int | Off | None = None,
        max_jobs: int | Off | None = None,
        max_bytes: int | Off | None = None,
    ) -> None:
        self.name = check_queue(name)
        self.namespace = check_namespace(
            namespace or os.environ.get("TASKQ_NAMESPACE") or config.DEFAULT_NAMESPACE
        )
        if not 1 <= concurrency <= 10_000:
            raise InvalidOption(f"concurrency must be between 1 and 10000, not {concurrency}")
        self.concurrency = concurrency
        self.policy = Policy(retries, backoff, timeout)
        self.settings: dict[str, Stored] = declared(
            "", TaskLimits(rate, max_running, key_max_running), max_jobs=max_jobs, max_bytes=max_bytes
        )
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

    def process(  # noqa: PLR0913 - named options of the public API
        self,
        name: str,
        *,
        retries: int | None = None,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
        rate: str | None = None,
        max_running: int | Off | None = None,
        key_max_running: int | Off | None = None,
    ) -> Callable[[F], F]:
        """Registers a function that takes the `Job`; it may be async or plain.

        ``rate``, ``max_running``, ``key_max_running``: limits of this task, for all workers together.
        Raises: InvalidName, InvalidOption.
        """
        limits = declared(check_task(name), TaskLimits(rate, max_running, key_max_running))

        def register(function: F) -> F:
            self.settings |= limits
            self._register(
                Handler(check_task(name), function, Policy(retries, backoff, timeout), typed=False)
            )
            return function

        return register

    def task(  # noqa: PLR0913 - named options of the public API
        self,
        *,
        name: str | None = None,
        retries: int | None = None,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
        rate: str | None = None,
        max_running: int | Off | None = None,
        key_max_running: int | Off | None = None,
    ) -> Registrar:
        """Registers a function with typed arguments, under its own name or another.

        Payloads are checked against its signature before they are sent and before they are run. A
        first parameter annotated `Job` receives the job. ``rate`` and the others: as in `process`. Raises:
        InvalidName, InvalidOption.
        """
        limits = TaskLimits(rate, max_running, key_max_running)
        limits.stored()  # a wrong one is refused where it stands

        def register(function: Callable[..., R]) -> Task[..., R]:
            handler = Handler(
                check_task(name or function.__name__), function, Policy(retries, backoff, timeout), typed=True
            )
            self._register(handler)
            self.settings |= declared(handler.name, limits)
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
            queue.settings,
        )
        for queue in queues
    ]
    return Worker(first.url, first.namespace, subscriptions, options, max(q.concurrency for q in queues))
