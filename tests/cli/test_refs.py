"""Job references from a stream: each line told apart by itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from taskq_cli.lines import MAX_LINE_BYTES, TOO_LONG, WAIT_S, Batch, read_batches
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_core import JobRef, UsageError

ONE = JobRef("emails", "n1763951707123-0")


@contextmanager
def pipe_with(data: bytes) -> Iterator[int]:
    """A pipe from which the data can be read, and then the end."""
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as sink:
            sink.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield reader
    finally:
        thread.join()
        os.close(reader)


def batches_of(data: bytes, max_lines: int = 1_000) -> list[Batch]:
    with pipe_with(data) as fd:
        return list(read_batches(fd, max_lines=max_lines))


def refs_of(text: str, monkeypatch: pytest.MonkeyPatch, queue: str | None = None) -> list[JobRef | BadLine]:
    with pipe_with(text.encode()) as fd, open(fd, closefd=False) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        return [ref for batch in read_refs(queue) for ref in batch]


@pytest.mark.parametrize(
    "line",
    [
        "emails/n1763951707123-0",
        "  emails/n1763951707123-0\r",
        "emails/n1763951707123-0 retried",
        "emails/n1763951707123-0\tdead\tsend-email",
        '{"id":"emails/n1763951707123-0"}',
        '{"id":"n1763951707123-0","queue":"emails","payload":{"a":[1]},"error":{"type":"OSError"}}',
    ],
)
def test_each_form_of_a_reference_is_read(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refs_of(f"{line}\n", monkeypatch) == [ONE]


def test_forms_may_be_mixed_and_blank_lines_stand_between(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'n1763951707123-0\n\n{"id":"n1763951707123-0"}\nother/s5-1'
    assert refs_of(text, monkeypatch, "emails") == [ONE, ONE, JobRef("other", "s5-1")]


def test_a_bad_line_is_reported_with_its_number_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'emails/n1763951707123-0\n\nnonsense/\n{"line":3,"error":"no"}\n{broken\nemails/n1763951707123-0\n'
    found = refs_of(text, monkeypatch)
    assert found[0] == found[-1] == ONE
    assert [bad.line for bad in found if isinstance(bad, BadLine)] == [3, 4, 5]


def test_an_id_without_a_queue_says_what_to_add() -> None:
    with pytest.raises(UsageError) as caught:
        parse_ref("n1763951707123-0", None)
    assert "--queue" in caught.value.hint


def test_lines_come_in_bounded_batches_with_their_numbers() -> None:
    found = batches_of(b"".join(b"%d\n" % n for n in range(2_500)))
    assert [(batch.first, len(batch.lines)) for batch in found] == [(1, 1_000), (1_001, 1_000), (2_001, 500)]
    assert found[2].lines[-1] == b"2499"


def test_a_last_line_without_a_line_break_counts() -> None:
    assert batches_of(b"a\nb") == [Batch(1, [b"a", b"b"])]
    assert batches_of(b"") == []


@pytest.mark.parametrize("end", [b"\nafter\n", b""])
def test_a_line_that_is_far_too_long_is_dropped_and_marked(end: bytes) -> None:
    found = batches_of(b"before\n" + b"x" * (3 * MAX_LINE_BYTES) + end)
    lines = [line for batch in found for line in batch.lines]
    assert lines[0] == b"before"
    assert lines[1] is TOO_LONG
    assert lines[2:] == ([b"after"] if end else [])


def test_a_line_does_not_wait_long_for_others() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"alone\nhalf")
        began = time.monotonic()
        assert next(read_batches(reader)) == Batch(1, [b"alone"])
        assert WAIT_S * 0.5 < time.monotonic() - began < WAIT_S * 10
    finally:
        os.close(reader)
        os.close(writer)
