"""Tasks: a signature becomes a schema that producer and worker check alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from taskq_core import InvalidName, InvalidOption, InvalidPayload, Job, JobOptions, Receipt, TaskQueue
from taskq_core.task import Arguments


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


def call(function: Any, payload: bytes) -> Any:
    """What the function returns for a payload, as a worker calls it."""
    return Arguments(function).caller()(Job("q", "n", b"1-0", b"t", payload))


def plain(a: int, b: str = "b", *, c: bool = False) -> Any:
    return a, b, c


def rich(at: datetime, colour: Colour, points: list[Point], n: int | None = None) -> Any:
    return at, colour, points, n


def with_job(a: int, job: Job, b: int = 2) -> Any:
    return a, job.id, b


def bare(anything, other=None):  # type: ignore[no-untyped-def] # what users write too
    return anything, other


def test_arguments_come_from_the_payload_with_their_defaults() -> None:
    assert call(plain, b'{"a":1}') == (1, "b", False)
    assert call(plain, b'{"c":true,"b":"x","a":2}') == (2, "x", True)
    assert call(bare, b'{"anything":[1,{"x":null}]}') == ([1, {"x": None}], None)


def test_arguments_are_made_into_their_types() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    raw = Arguments(rich).encode((at, Colour.RED, [Point(1), Point(2, 3)]), {})

    assert call(rich, raw) == (at, Colour.RED, [Point(1, 0), Point(2, 3)], None)


def test_a_parameter_annotated_job_receives_the_job() -> None:
    assert call(with_job, b'{"a":1}') == (1, "n1-0", 2)
    assert Arguments(with_job).encode((1,), {"b": 3}) == b'{"a":1,"b":3}'
    with pytest.raises(InvalidPayload):
        call(with_job, b'{"a":1,"job":{}}')


def test_a_mutable_default_is_that_of_the_function() -> None:
    def gather(x: int, into: list[int] = []) -> list[int]:  # noqa: B006 - what users write too
        return into

    assert call(gather, b'{"x":1}') == []


@pytest.mark.parametrize(
    ("function", "payload"),
    [
        (plain, b"{}"),
        (plain, b'{"a":"1"}'),
        (plain, b'{"a":1.5}'),
        (plain, b'{"a":1,"d":2}'),
        (plain, b'{"a":1,"c":"yes"}'),
        (plain, b"[1]"),
        (plain, b'{"a":' + b"1" * 5000 + b"}"),
        (rich, b'{"at":"today","colour":"red","points":[]}'),
        (rich, b'{"at":"2026-01-02T00:00:00Z","colour":"blue","points":[]}'),
        (rich, b'{"at":"2026-01-02T00:00:00Z","colour":"red","points":[{}]}'),
        (bare, b'{"anything":' + b"[" * 100_000),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else value.__name__,
)
def test_a_payload_that_does_not_fit_is_refused_with_the_signature(function: Any, payload: bytes) -> None:
    with pytest.raises(InvalidPayload, match=function.__name__):
        call(function, payload)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, "b", True), {}), ((1,), {"a": 1}), ((1,), {"z": 1}), (("1",), {}), ((object(),), {})],
)
def test_a_call_that_does_not_fit_is_refused_before_it_is_sent(args: Any, kwargs: Any) -> None:
    with pytest.raises(InvalidPayload):
        Arguments(plain).encode(args, kwargs)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"x": -math.inf}])
def test_a_call_with_numbers_that_are_no_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidPayload):
        Arguments(bare).encode((value,), {})


def positional_only(a: int, /) -> None: ...
def variable(*args: int) -> None: ...
def variable_named(**kwargs: int) -> None: ...
def ambiguous(a: bytes | str) -> None: ...
def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined] # noqa: F821 - the point


@pytest.mark.parametrize("function", [positional_only, variable, variable_named, ambiguous, unknown])
def test_a_signature_that_no_object_can_fill_is_refused_when_the_task_is_made(function: Any) -> None:
    with pytest.raises(InvalidOption, match=function.__name__):
        TaskQueue("q", redis="redis://unused").task()(function)


# -- registration -----------------------------------------------------------------------------------


def test_a_task_keeps_its_function_name_and_docstring() -> None:
    queue = TaskQueue("q", redis="redis://unused")

    @queue.task(name="other")
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    assert add(1, 2) == 3
    assert (add.name, add.__doc__) == ("other", "Adds.")
    assert list(queue.handlers) == ["other"]


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("1bad", {}, InvalidName),
        ("taken", {}, InvalidOption),
        ("t", {"retries": -1}, InvalidOption),
        ("t", {"timeout": timedelta(0)}, InvalidOption),
        ("t", {"timeout": timedelta(days=-1)}, InvalidOption),
    ],
)
def test_a_task_that_cannot_be_is_refused(name: str, options: dict[str, Any], error: type[Exception]) -> None:
    queue = TaskQueue("q", redis="redis://unused")

    @queue.process("taken")
    def taken(job: Job) -> None: ...

    with pytest.raises(error):
        queue.process(name, **options)(taken)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"concurrency": 0}, InvalidOption),
        ({"concurrency": 10_001}, InvalidOption),
        ({"retries": -1}, InvalidOption),
        ({"timeout": timedelta(0)}, InvalidOption),
        ({"namespace": "No"}, InvalidName),
    ],
)
def test_a_queue_that_cannot_be_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        TaskQueue("q", redis="redis://unused", **options)


class Sent:
    """Stands for the queue of a task, to see what would be sent."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, JobOptions | None]] = []

    async def add(self, task: str, payload: Any, options: JobOptions | None = None, **manner: Any) -> Receipt:
        return self.add_sync(task, payload, options, **manner)

    def add_sync(self, task: str, payload: Any, options: JobOptions | None = None, **manner: Any) -> Receipt:
        self.calls.append((task, payload, options))
        return Receipt("q", "n1-0")


async def test_a_task_is_enqueued_by_its_name_with_its_options() -> None:
    queue, sent = TaskQueue("q", redis="redis://unused"), Sent()
    task = queue.task(name="other")(plain)
    task._queue = sent

    await task.add(1)
    await task.options(priority="high").add(a=2)
    task.options(JobOptions(retries=1)).add_sync(3, c=True)

    assert sent.calls == [
        ("other", b'{"a":1}', JobOptions()),
        ("other", b'{"a":2}', JobOptions(priority="high")),
        ("other", b'{"a":3,"c":true}', JobOptions(retries=1)),
    ]
    with pytest.raises(InvalidOption, match="prority"):
        task.options(prority="high")


@pytest.mark.parametrize("payload", [{}, '{"a":"x"}', b'{"a":1,"z":1}'])
def test_a_payload_by_name_is_checked_where_the_task_is_known(payload: Any) -> None:
    queue = TaskQueue("q", redis="redis://127.0.0.1:1")
    queue.task(name="other")(plain)

    with pytest.raises(InvalidPayload, match="plain"):
        queue.add_sync("other", payload)
