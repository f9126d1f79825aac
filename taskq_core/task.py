"""A task: a function under a name, and how a payload becomes its arguments.

Two styles. ``process``: the function takes the `Job`. ``task``: it takes typed arguments; the payload
is checked against the signature before it is sent and again before it runs.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

import msgspec

from taskq_core.backoff import Backoff
from taskq_core.claimed import Job
from taskq_core.clock import positive_ms
from taskq_core.codec import check_payload, encode_object
from taskq_core.errors import InvalidOption, InvalidPayload
from taskq_core.job import DEFAULT_OPTIONS, JobOptions, NewJob, Receipt

P = ParamSpec("P")
R = TypeVar("R")
Payload = Mapping[str, Any] | bytes | str


@dataclass(frozen=True, slots=True)
class Policy:
    """How the jobs of a task or queue are run, where the job itself does not say. None: ask further up."""

    retries: int | None = None
    backoff: Backoff | None = None
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        if self.retries is not None:
            JobOptions(retries=self.retries)  # checks the range
        if self.timeout is not None:
            positive_ms(self.timeout, "timeout")


class Adder(Protocol):
    """What a task needs of its queue in order to enqueue itself."""

    async def add(
        self,
        task: str,
        payload: Any,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
    ) -> Receipt:
        """Enqueues a job."""
        ...

    def add_sync(
        self,
        task: str,
        payload: Any,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
    ) -> Receipt:
        """Enqueues a job, from plain code."""
        ...


class Handler:
    """A registered function: what the worker calls, and what a producer checks payloads against."""

    __slots__ = ("call", "check", "function", "is_async", "name", "policy")

    def __init__(self, name: str, function: Callable[..., Any], policy: Policy, *, typed: bool) -> None:
        self.name = name
        self.function = function
        self.policy = policy
        self.is_async = inspect.iscoroutinefunction(function)
        self.call: Callable[[Job], Any] = function
        self.check: Callable[[bytes], object] | None = None
        if typed:
            arguments = Arguments(function)
            self.check = arguments.decode
            self.call = arguments.caller()


class Arguments:
    """The signature of a task's function as a schema: JSON in, arguments out.

    Raises InvalidOption, when it is made, for a signature that no JSON object can fill.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.signature = inspect.signature(function)
        hints = _hints(function)
        self.job_parameter: str | None = None
        self.positional: list[str] = []
        self.keyword: list[str] = []
        fields = [
            field
            for parameter in self.signature.parameters.values()
            if (field := self._field(parameter, hints))
        ]
        self._decode = self._decoder(fields)

    def _decoder(self, fields: list[Any]) -> Callable[[bytes], Any]:
        try:
            struct = msgspec.defstruct(
                "Arguments", fields, forbid_unknown_fields=True, kw_only=True, gc=False
            )
            return msgspec.json.Decoder(struct).decode
        except TypeError as error:
            raise InvalidOption(
                f"task {self.function.__name__!r} has an argument that JSON cannot fill: {error}"
            ) from error

    def _field(self, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
        kind, name = parameter.kind, parameter.name
        if kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise InvalidOption(
                f"task {self.function.__name__!r} takes {parameter}: a job's arguments are named",
                hint="Use plain named parameters",
            )
        hint = hints.get(name, Any)
        if hint is Job:
            self.job_parameter = name
            return None
        (self.keyword if kind is parameter.KEYWORD_ONLY else self.positional).append(name)
        if parameter.default is parameter.empty:
            return (name, hint)
        return (name, hint, msgspec.field(default_factory=lambda: parameter.default))

    def decode(self, raw: bytes) -> Any:
        """The arguments in a payload. Raises: InvalidPayload."""
        try:
            return self._decode(raw)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise InvalidPayload(
                f"it does not fit {self.function.__name__}{self.signature}: {error}"
            ) from error

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The payload of a call, checked as the worker will check it. Raises: InvalidPayload."""
        try:
            if self.job_parameter is not None:
                kwargs = {**kwargs, self.job_parameter: None}
            bound = self.signature.bind(*args, **kwargs).arguments
            bound.pop(self.job_parameter or "", None)
            raw = encode_object(bound)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            raise InvalidPayload(f"{self.function.__name__}{self.signature}: {error}") from error
        self.decode(raw)
        return raw

    def caller(self) -> Callable[[Job], Any]:
        """The function, taking a job."""
        function, decode, job_parameter = self.function, self.decode, self.job_parameter
        positional, keyword = tuple(self.positional), tuple(self.keyword)
        if job_parameter is None and not keyword:

            def call_positional(job: Job) -> Any:
                arguments = decode(job.raw)
                return function(*[getattr(arguments, name) for name in positional])

            return call_positional

        def call_named(job: Job) -> Any:
            arguments = decode(job.raw)
            named = {name: getattr(arguments, name) for name in positional + keyword}
            if job_parameter is not None:
                named[job_parameter] = job
            return function(**named)

        return call_named


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError) as error:
        raise InvalidOption(
            f"the annotations of task {function.__name__!r} cannot be read: {error}",
            hint="Import the types at the top of the module, not under TYPE_CHECKING",
        ) from error


class Call(Generic[P]):
    """A task with options for the jobs it makes: ``task.options(delay=…).add(…)``."""

    __slots__ = ("_arguments", "_manner", "_name", "_options", "_queue")

    def __init__(
        self, queue: Adder, name: str, arguments: Arguments, options: JobOptions, manner: Mapping[str, Any]
    ) -> None:
        self._queue = queue
        self._manner = manner
        self._name = name
        self._arguments = arguments
        self._options = options

    async def add(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Enqueues a call of the task. Raises: InvalidPayload, QueueFull, ServerUnreachable."""
        payload = self._arguments.encode(args, kwargs)
        return await self._queue.add(self._name, payload, self._options, **self._manner)

    def add_sync(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """As `add`, from plain code."""
        payload = self._arguments.encode(args, kwargs)
        return self._queue.add_sync(self._name, payload, self._options, **self._manner)

    def job(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """A call of the task, to be enqueued later: in a chain, or as a callback. Raises: InvalidPayload."""
        return NewJob(self._name, self._arguments.encode(args, kwargs), self._options)


class Task(Generic[P, R]):
    """A function that can be called as before, and enqueued: ``await task.add(...)``."""

    def __init__(self, queue: Adder, handler: Handler, function: Callable[P, R]) -> None:
        self.name = handler.name
        self.handler = handler
        self.function = function
        self._queue = queue
        self._arguments = Arguments(function)
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", handler.name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function, here and now."""
        return self.function(*args, **kwargs)

    def options(
        self,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
        **fields: Any,
    ) -> Call[P]:
        """The task with options: a `JobOptions`, or its fields; the others as in `Client.enqueue`.

        Raises: InvalidOption.
        """
        chosen = options or job_options(fields)
        manner = {"durable": durable, "wait_for_room": wait_for_room}
        return Call(self._queue, self.name, self._arguments, chosen, manner)

    async def add(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """Enqueues a call of the task. Raises: InvalidPayload, QueueFull, ServerUnreachable."""
        return await self.options(DEFAULT_OPTIONS).add(*args, **kwargs)

    def add_sync(self, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        """As `add`, from plain code."""
        return self.options(DEFAULT_OPTIONS).add_sync(*args, **kwargs)

    def job(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """A call of the task, to be enqueued later: in a chain, or as a callback. Raises: InvalidPayload."""
        return self.options(DEFAULT_OPTIONS).job(*args, **kwargs)


def job_options(fields: Mapping[str, Any]) -> JobOptions:
    """JobOptions from keyword arguments. Raises: InvalidOption for an unknown one."""
    if not fields:
        return DEFAULT_OPTIONS
    try:
        return JobOptions(**fields)
    except TypeError as error:
        raise InvalidOption(f"unknown job option: {error}") from error


def checked_payloads(handler: Handler | None, payloads: Iterable[Payload]) -> Iterable[Payload]:
    """The payloads, each checked against its task's signature as it is taken. Raises: InvalidPayload."""
    if handler is None or handler.check is None:
        return payloads
    return (checked_payload(handler, payload) for payload in payloads)


def checked_payload(handler: Handler | None, payload: Payload) -> Payload:
    """The payload, checked where its task has a signature. Raises: InvalidPayload."""
    if handler is None or handler.check is None:
        return payload
    raw = check_payload(payload)
    handler.check(raw)
    return raw


class Registrar(Protocol):
    """What turns a function into a `Task`, with the arguments of the function but for the job."""

    @overload
    def __call__(self, function: Callable[Concatenate[Job, P], R]) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Task[P, R]: ...
